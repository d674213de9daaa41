"""Where rows were in the version before: a version that grows keeps its test rows, whatever is added."""

from __future__ import annotations

from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import DataError
from narrowcast.stages.prepare.options import Options
from narrowcast.stages.prepare.split import Former, same_row
from narrowcast.store.datasets import current_folder, read_manifest, read_split


def former_splits(project: ProjectPaths, options: Options) -> tuple[Former, list[str]]:
    """The split of each row of the current version, and warnings; empty where the rows are divided anew.

    That is so on request, without a version, and where other shares or another seed were asked for.
    """
    if options.splits == "new":
        return {}, []
    manifest = read_manifest(project, current_folder(project))
    if manifest is None or not _asked_alike(manifest, options):
        return {}, []
    found: Former = {}
    try:
        for split in manifest.splits:
            found.update((same_row(row), split) for row in read_split(project, manifest, split))
    except DataError as error:
        return {}, [f"the rows are divided anew, because the version before cannot be read: {error.what}"]
    return found, []


def _asked_alike(manifest: DatasetManifest, options: Options) -> bool:
    """Whether the shares and the seed are those of the version; the usual shares depend on the rows."""
    policy = manifest.split_policy
    usual = (options.ratios(rows) for rows in (1, 1_000_000))
    return policy.seed == options.seed and any(_equal(policy.ratios, ratios) for ratios in usual)


def _equal(left: dict[Split, float], right: dict[Split, float]) -> bool:
    return all(abs(left.get(split, 0.0) - right.get(split, 0.0)) < 1e-9 for split in Split)
