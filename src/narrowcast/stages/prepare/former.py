"""Where rows were in the version before: a version that grows keeps its test rows, whatever is added."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.progress import CancelToken
from narrowcast.errors import DataError
from narrowcast.stages.prepare.options import Options
from narrowcast.stages.prepare.table import CODES, NO_SPLIT, same_row
from narrowcast.store.datasets import current_folder, read_manifest, split_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FormerSplits:
    """The splits of rows in the version before.

    Attributes:
        keys: what makes a row the same (`same_row`), ascending.
        splits: the code of the split of each.
    """

    keys: NDArray[np.int64]
    splits: NDArray[np.int8]

    def of(self, keys: NDArray[np.int64]) -> NDArray[np.int8]:
        """The code of the split of each of these; that of no split where the version has no such row."""
        import numpy as np

        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, self.splits[places], np.int8(NO_SPLIT))


def former_splits(
    project: ProjectPaths, options: Options, cancel: CancelToken
) -> tuple[FormerSplits | None, list[str]]:
    """The splits of the current version, and warnings; None where the rows are divided anew.

    That is so on request, without a version, and where other shares or another seed were asked for.
    """
    if options.splits == "new":
        return None, []
    manifest = read_manifest(project, current_folder(project))
    if manifest is None or not _asked_alike(manifest, options):
        return None, []
    keys, splits = array("q"), array("b")
    try:
        for split in manifest.splits:
            for row in split_rows(project, manifest, split, cancel):
                keys.append(same_row(row))
                splits.append(CODES[split])
    except DataError as error:
        return None, [f"the rows are divided anew, because the version before cannot be read: {error.what}"]
    return _last_of_each(keys, splits), []


def _last_of_each(keys: array[int], splits: array[int]) -> FormerSplits | None:
    """Of rows that are the same, the last one counts."""
    import numpy as np

    if not keys:
        return None
    every = np.array(keys, np.int64)
    order = np.argsort(every, kind="stable")
    every = every[order]
    last = np.ones(len(every), np.bool_)
    last[:-1] = every[1:] != every[:-1]
    return FormerSplits(every[last], np.array(splits, np.int8)[order][last])


def _asked_alike(manifest: DatasetManifest, options: Options) -> bool:
    """Whether the shares and the seed are those of the version; the usual shares depend on the rows."""
    policy = manifest.split_policy
    usual = (options.ratios(rows) for rows in (1, 1_000_000))
    return policy.seed == options.seed and any(_equal(policy.ratios, ratios) for ratios in usual)


def _equal(left: dict[Split, float], right: dict[Split, float]) -> bool:
    return all(abs(left.get(split, 0.0) - right.get(split, 0.0)) < 1e-9 for split in Split)
