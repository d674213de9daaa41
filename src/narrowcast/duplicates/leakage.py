"""What of one set of rows is in another: `narrowcast data leakage A B`."""

from __future__ import annotations

from collections import Counter

from pydantic import BaseModel, Field

from narrowcast.core.settings import Settings
from narrowcast.core.work import Work
from narrowcast.duplicates.requests import ComparisonRequest, LeakageRequest
from narrowcast.duplicates.row_sets import RowSet, row_set
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.similarity.compare import Kind, Match, compare
from narrowcast.similarity.embedders import Embedder, EmbedderContext, embedder

NO_EMBEDDER = "none"


class LeakedRow(BaseModel):
    """A row of the second set that was found in the first. Ids only: held-out texts are not shown."""

    row: str
    found_as: str
    kind: Kind
    similarity: float
    conflict: bool = Field(description="The two rows have different labels.")


class LeakageAudit(BaseModel):
    """What was found; each row of B is counted once, under the strongest kind."""

    a: str
    b: str
    rows_a: int
    rows_b: int
    unusable: int = Field(description="Records of either set that could not be parsed or hold no text.")
    exact: int
    near: int
    semantic: int | None = Field(description="None where meanings were not compared.")
    conflicts: int
    embedder: str
    embedder_version: str = Field(default="", description="Hash of its weights; empty where it has none.")
    meaning: float | None = Field(
        default=None, description="Cosine from which texts are semantic duplicates."
    )
    similarity: float
    leaks: list[LeakedRow]


def leakage(place: Project | Settings, request: LeakageRequest, work: Work | None = None) -> LeakageAudit:
    """Look for the rows of `b` in `a`; writes nothing but one event.

    Args:
        place: the project whose splits are compared, and whose trail keeps the figures; settings for sources
            alone.
        request: both sets, and how they are compared.
        work: where to show progress, and how to stop.

    Raises:
        UsageError: for a wrong reference, column or embedder.
        DataError: if rows cannot be read.
    """
    work = work or Work()
    shown, token = work.progress, work.cancel
    chosen, meaning = asked_embedder(request, place, work)
    shown.start("reading the rows")
    left = row_set(request.a, place, request, work)
    right = row_set(request.b, place, request, work)
    token.check()
    shown.start("comparing the rows")
    matches = compare(
        left.texts,
        right.texts,
        similarity=request.similarity,
        copies=request.copies,
        by=chosen,
        meaning=meaning,
        work=work,
    )
    shown.finish()
    kinds = Counter(match.kind for match in matches)
    leaks = [_leak(match, left, right) for match in matches]
    audit = LeakageAudit(
        a=left.name,
        b=right.name,
        rows_a=len(left.texts),
        rows_b=len(right.texts),
        unusable=left.unusable + right.unusable,
        exact=kinds[Kind.EXACT],
        near=kinds[Kind.NEAR],
        semantic=None if chosen is None else kinds[Kind.SEMANTIC],
        conflicts=sum(leak.conflict for leak in leaks),
        embedder=chosen.name if chosen else NO_EMBEDDER,
        embedder_version=chosen.version if chosen else "",
        meaning=meaning,
        similarity=request.similarity,
        leaks=leaks,
    )
    if isinstance(place, Project):
        place.trail.emit(
            StageName.PREPARE,
            "prepare_leakage_audit",
            f"{len(leaks):,} of {audit.rows_b:,} rows of {audit.b} were found in {audit.a}",
            payload=audit.model_dump(mode="json", exclude={"leaks"}),
        )
    return audit


def asked_embedder(
    request: ComparisonRequest, place: Project | Settings, work: Work
) -> tuple[Embedder | None, float | None]:
    """The embedder of a request, and from which cosine on two texts say the same; None where none is asked.

    Raises:
        UsageError: for an unknown embedder, or one without a measured threshold where none is given.
        ModelError: if it is not on this machine.
    """
    if request.embedder == NO_EMBEDDER:
        return None, None
    settings = place.settings if isinstance(place, Project) else place
    chosen = embedder(request.embedder, EmbedderContext(settings, work))
    return chosen, chosen.threshold if request.meaning is None else request.meaning


def _leak(match: Match, left: RowSet, right: RowSet) -> LeakedRow:
    mine, theirs = left.targets[match.left], right.targets[match.right]
    return LeakedRow(
        row=right.ids[match.right],
        found_as=left.ids[match.left],
        kind=match.kind,
        similarity=match.similarity,
        # Other words may well have another answer; a near-duplicate with another label is a contradiction.
        conflict=match.kind is not Kind.SEMANTIC and None not in (mine, theirs) and mine != theirs,
    )
