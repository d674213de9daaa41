"""What of one set of rows stands in another: `narrowcast data leakage A B`."""

from __future__ import annotations

from collections import Counter

from pydantic import BaseModel, Field

from narrowcast.core.progress import CancelToken, NullProgress, Progress
from narrowcast.duplicates.row_sets import OpenProject, RowSet, row_set
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.similarity.compare import Kind, Match, compare
from narrowcast.similarity.embedders import DEFAULT, embedder

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
    similarity: float
    leaks: list[LeakedRow]


def leakage(
    a: str,
    b: str,
    open_project: OpenProject,
    *,
    column: str | None = None,
    label: str | None = None,
    similarity: float = 0.8,
    by: str = DEFAULT,
    meaning: float | None = None,
    audited: Project | None = None,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> LeakageAudit:
    """Look for the rows of `b` in `a`; writes nothing.

    Args:
        a: the set to search, e.g. `train` or `csv:train.csv`.
        b: the set whose rows should not be there.
        open_project: called where a split is named.
        column: of sources: the text.
        label: of sources: the label.
        similarity: Jaccard similarity of near-duplicates.
        by: name of the embedder, or `none`.
        meaning: cosine from where on texts say the same; the embedder's own where None.
        audited: the project whose trail is told the figures.
        progress: where the work shows itself.
        cancel: how it is stopped.

    Raises:
        UsageError: for a wrong reference, column or embedder.
        DataError: where rows can not be read.
    """
    shown, token = progress or NullProgress(), cancel or CancelToken()
    chosen = None if by == NO_EMBEDDER else embedder(by)
    shown.start("reading the rows")
    left = row_set(a, open_project, column=column, label=label)
    right = row_set(b, open_project, column=column, label=label)
    token.check()
    shown.start("comparing the rows")
    matches = compare(left.texts, right.texts, similarity=similarity, by=chosen, meaning=meaning)
    shown.finish()
    kinds = Counter(match.kind for match in matches)
    leaks = [_leak(match, left, right) for match in matches]
    audit = LeakageAudit(
        a=left.name,
        b=right.name,
        rows_a=len(left.texts),
        rows_b=len(right.texts),
        unusable=len(left.unusable) + len(right.unusable),
        exact=kinds[Kind.EXACT],
        near=kinds[Kind.NEAR],
        semantic=None if chosen is None else kinds[Kind.SEMANTIC],
        conflicts=sum(leak.conflict for leak in leaks),
        embedder=by,
        similarity=similarity,
        leaks=leaks,
    )
    if audited is not None:
        audited.trail.emit(
            StageName.PREPARE,
            "prepare_leakage_audit",
            f"{len(leaks):,} of {audit.rows_b:,} rows of {audit.b} were found in {audit.a}",
            payload=audit.model_dump(mode="json", exclude={"leaks"}),
        )
    return audit


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
