"""The row ledger of a project, counted afresh from the files on disk."""

from __future__ import annotations

from collections import Counter

from narrowcast.core.ledger import Ledger, StageLedger
from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import DataError
from narrowcast.pipeline.project import Project
from narrowcast.store.cleanings import counted_cleanings
from narrowcast.store.datasets import load_manifest, rejections
from narrowcast.store.files import count_lines
from narrowcast.store.import_rows import counted
from narrowcast.store.imports import read_records
from narrowcast.store.runs import current_run


def ledger(project: Project) -> Ledger:
    """One line per cleaned source and per import (`map imp-…`), then prepare, then training, as they ran.

    Rows are counted in the files, not taken from the records, so that a file changed by hand shows.
    """
    paths = project.paths
    records = read_records(paths)
    mapped = [counted(paths, record) for record in records]
    accepted = sum(stage.rows_out for stage in mapped)
    stages = [*counted_cleanings(paths), *mapped]
    manifest = _manifest(paths)
    if manifest is not None:
        stages.append(_prepared(paths, manifest, accepted))
    trained = _trained(paths)
    if trained is not None:
        stages.append(trained)
    return Ledger(stages=stages)


def _manifest(paths: ProjectPaths) -> DatasetManifest | None:
    """The current data set, where there is one; a damaged one is an error of its own command."""
    try:
        return load_manifest(paths)
    except DataError as error:
        if error.reason_code == "prepare_manifest_missing":
            return None
        raise


def _prepared(paths: ProjectPaths, manifest: DatasetManifest, accepted: int) -> StageLedger:
    """Rows of the imports the version was made of → rows in its split files.

    Where rows were imported or removed since, the version still balances against what it was made of.
    """
    rejected = Counter(line["reason"] for line in rejections(paths))
    files = [paths.root / split.path for split in manifest.splits.values()]
    used = {record.id for record in manifest.imports}
    current = {record.id for record in read_records(paths)}
    return StageLedger(
        stage="prepare",
        rows_in=accepted if used == current else manifest.ledger.rows_in,
        rows_out=sum(count_lines(path) for path in files if path.exists()),
        rejected=dict(sorted(rejected.items())),
    )


def _trained(paths: ProjectPaths) -> StageLedger | None:
    record = current_run(paths)
    stored = record.result.get("ledger") if record else None
    return StageLedger.model_validate(stored) if stored else None
