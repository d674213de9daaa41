"""Which baselines were measured, as the record of the last `narrowcast baseline` says."""

from __future__ import annotations

from narrowcast.core.model_ref import ModelRef
from narrowcast.core.paths import ProjectPaths
from narrowcast.store.stage_records import load_record


def measured_baselines(project: ProjectPaths, version: str | None = None) -> list[ModelRef]:
    """Every baseline that was measured on the version that the last baseline run measured; none without one.

    A later run of one weak baseline does not make an evaluation forget the strong ones.

    Args:
        project: where.
        version: of the data set; none where the last baseline run measured another one.

    Raises:
        WorkspaceError: `system_file_edited`, if the record is not the one that the runner wrote.
    """
    record = load_record(project, "baseline")
    if record is None or version not in (None, record.result["dataset_version"]):
        return []
    last = [each["model"] for each in record.result["results"]]
    return [ModelRef(name) for name in dict.fromkeys([*record.result.get("baselines", []), *last])]
