"""What changed between two data-set versions, row by row, found by content rather than by name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Literal

from pydantic import BaseModel, Field

from narrowcast.core.example import Example
from narrowcast.core.hashing import content_hash
from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.names import Split
from narrowcast.history.requests import DiffRequest
from narrowcast.pipeline.project import Project
from narrowcast.store.datasets import find_version, rows_of
from narrowcast.tasks import has_labels

Change = Literal["added", "removed", "relabelled", "moved"]
_Placed = tuple[Split, Example]


class ChangedRow(BaseModel):
    """One row that is not the same in both."""

    change: Change
    id: str = Field(description="In the newer version, or in the older one for a removed row.")
    inputs: dict[str, Any]
    split_before: Split | None = None
    split_after: Split | None = None
    target_before: Any = None
    target_after: Any = None


class VersionDiff(BaseModel):
    """Rows of A = unchanged + moved + relabelled + removed; rows of B the same with added for removed.

    A relabelled row that also changed its split counts as relabelled.
    """

    a: str
    b: str
    rows_a: int
    rows_b: int
    unchanged: int
    added: int
    removed: int
    relabelled: int
    moved: int
    splits: dict[str, dict[str, int]] = Field(description="Split → rows before and after.")
    labels: dict[str, dict[str, int]] = Field(
        description="Label → rows before and after, where they differ; for classification."
    )
    rows: list[ChangedRow] = Field(description="The first changed rows of each kind.")


def diff(project: Project, request: DiffRequest | None = None) -> VersionDiff:
    """Compare two versions, by default the current one with its parent.

    Raises:
        DataError: for an unknown version, or one whose rows are gone.
    """
    request, paths = request or DiffRequest.model_validate({}), project.paths
    first, second = find_version(paths, request.a), find_version(paths, request.b)
    before, after = list(rows_of(paths, first)), list(rows_of(paths, second))
    changed, unchanged = _compare(before, after)
    counts = Counter(each.change for each in changed)
    labelled = any(has_labels(each.task) for each in (first, second))
    return VersionDiff(
        a=first.version,
        b=second.version,
        rows_a=len(before),
        rows_b=len(after),
        unchanged=unchanged,
        added=counts["added"],
        removed=counts["removed"],
        relabelled=counts["relabelled"],
        moved=counts["moved"],
        splits=_splits(first, second),
        labels=_balance(before, after) if labelled else {},
        rows=[row for kind in counts for row in _first(changed, kind, request.show)],
    )


def _first(changed: Iterable[ChangedRow], kind: Change, show: int) -> list[ChangedRow]:
    return [row for row in changed if row.change == kind][:show]


def _compare(before: list[_Placed], after: list[_Placed]) -> tuple[list[ChangedRow], int]:
    """Rows of equal inputs are paired: first the equal ones, then those that moved, then the relabelled."""
    old, new = _by_inputs(before), _by_inputs(after)
    changed: list[ChangedRow] = []
    unchanged = 0
    for key in [*old, *(key for key in new if key not in old)]:
        left, right = old.get(key, []), new.get(key, [])
        unchanged += len(_pair(left, right, lambda a, b: a[0] is b[0] and a[1].hash == b[1].hash))
        moved = _pair(left, right, lambda a, b: a[1].hash == b[1].hash)
        relabelled = _pair(left, right, lambda _a, _b: True)
        changed += [_changed("moved", *pair) for pair in moved]
        changed += [_changed("relabelled", *pair) for pair in relabelled]
        changed += [_changed("removed", each, None) for each in left]
        changed += [_changed("added", None, each) for each in right]
    return changed, unchanged


def _by_inputs(rows: Iterable[_Placed]) -> dict[str, list[_Placed]]:
    found: dict[str, list[_Placed]] = defaultdict(list)
    for split, row in rows:
        found[content_hash(row.inputs)].append((split, row))
    return found


def _pair(
    left: list[_Placed], right: list[_Placed], equal: Callable[[_Placed, _Placed], bool]
) -> list[tuple[_Placed, _Placed]]:
    """Take pairs out of both lists, each row once."""
    pairs = []
    for one in list(left):
        other = next((each for each in right if equal(one, each)), None)
        if other is not None:
            left.remove(one)
            right.remove(other)
            pairs.append((one, other))
    return pairs


def _changed(change: Change, before: _Placed | None, after: _Placed | None) -> ChangedRow:
    row = (after or before or _nothing())[1]
    return ChangedRow(
        change=change,
        id=row.id,
        inputs=row.inputs,
        split_before=before[0] if before else None,
        split_after=after[0] if after else None,
        target_before=before[1].target if before else None,
        target_after=after[1].target if after else None,
    )


def _nothing() -> _Placed:
    raise ValueError("a change needs a row before or after")


def _splits(first: DatasetManifest, second: DatasetManifest) -> dict[str, dict[str, int]]:
    return {
        split.value: {
            "before": first.splits[split].rows if split in first.splits else 0,
            "after": second.splits[split].rows if split in second.splits else 0,
        }
        for split in Split
        if split in first.splits or split in second.splits
    }


def _balance(before: Iterable[_Placed], after: Iterable[_Placed]) -> dict[str, dict[str, int]]:
    old = Counter(str(row.target) for _, row in before)
    new = Counter(str(row.target) for _, row in after)
    return {
        label: {"before": old[label], "after": new[label]}
        for label in sorted(old | new)
        if old[label] != new[label]
    }
