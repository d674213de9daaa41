"""What has to run first: the next command of a project in which nothing, or not enough, was made yet.

An error names the command that can run now, not the one whose own error names another.
"""

from __future__ import annotations

from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import UsageError
from narrowcast.store.config_file import load_config
from narrowcast.store.stage_records import load_record

IMPORT = "narrowcast data import --locator SCHEME:PATH --auto"
PREPARE = "narrowcast prepare"
BASELINE = "narrowcast baseline"
TRAIN = "narrowcast train"


def before_rows(project: ProjectPaths) -> str:
    """What a project without a prepared data set needs: rows, or to prepare those that it has."""
    if project.imports.exists() and project.imports.stat().st_size:
        return PREPARE
    try:
        has_sources = bool(load_config(project.config).sources)
    except UsageError:  # a broken narrowcast.yaml is named by the command that reads it
        has_sources = False
    return "narrowcast run, which imports the sources of narrowcast.yaml" if has_sources else IMPORT


def before_run(project: ProjectPaths) -> str:
    """What a project without a trained run needs."""
    current = project.prepared / "current"
    if not current.exists():
        return before_rows(project)
    record = load_record(project, "baseline")
    measured = str(record.result["dataset_version"]) if record else ""
    return TRAIN if measured.startswith(current.read_text().strip()) else BASELINE
