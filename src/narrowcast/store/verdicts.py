"""`registry/verdicts/<run>.json`: what the last evaluation said of a trained run."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from narrowcast.core.model_ref import ModelRef
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.seal import Seal
from narrowcast.core.verdict import Conclusion, RunVerdict
from narrowcast.errors import DataError, ModelError, WorkspaceError
from narrowcast.store.baselines import measured_baselines
from narrowcast.store.files import read_json_as
from narrowcast.store.seals import require_unedited, write_sealed_json


def save_verdict(project: ProjectPaths, verdict: RunVerdict, seal: Seal, *, force: bool = False) -> None:
    """Keep a verdict, unless the one before rests on more rows.

    On another split or version fewer rows will do, but only all of them: a few drawn ones never set aside
    what more rows have said.

    Args:
        project: where.
        verdict: the new one.
        seal: takes its hash.
        force: let a verdict on all rows replace one that was edited or cannot be read.

    Raises:
        ModelError: as `read_verdict`.
        WorkspaceError: as `read_verdict`.
    """
    former = None
    try:
        former = _stored(project, verdict.run_id)
    except (ModelError, WorkspaceError):
        if not force or verdict.rows_drawn:
            raise
    same = former is not None and (former.dataset_version, former.split) == (
        verdict.dataset_version,
        verdict.split,
    )
    if former is None or former.n <= verdict.n or not (same or verdict.rows_drawn):
        write_sealed_json(_path(project, verdict.run_id), verdict.model_dump(mode="json"), seal)


def read_verdict(project: ProjectPaths, run_id: str) -> RunVerdict | None:
    """The verdict on a run as it stands now, see `standing_now`; None where it was not evaluated.

    Raises:
        ModelError: if the file was damaged, so that a failed model never passes for one without a verdict.
        WorkspaceError: `system_file_edited`, if it is not the one that the evaluation wrote, or is gone.
    """
    verdict = _stored(project, run_id)
    if verdict is None:
        return None
    compared = [each.against for each in verdict.baselines]
    model, version = ModelRef.of_run(run_id), verdict.dataset_version
    now = standing_now(project, model, version, verdict.conclusion, compared)
    return verdict.model_copy(update={"conclusion": now})


def standing_now(
    project: ProjectPaths,
    model: ModelRef,
    version: str,
    conclusion: Conclusion,
    compared: Collection[ModelRef],
) -> Conclusion:
    """What a stored conclusion says beside the baselines that were measured since; every reader asks here.

    Args:
        project: where.
        model: that was judged.
        version: of the data set it was judged on.
        conclusion: as it was stored.
        compared: the baselines it was compared with.

    Raises:
        WorkspaceError: `system_file_edited`, if the record of the baselines was edited.
    """
    return conclusion.beside(measured_baselines(project, version), compared, model)


def _stored(project: ProjectPaths, run_id: str) -> RunVerdict | None:
    path = _path(project, run_id)
    require_unedited(project, path, owner=project.run_manifest(run_id))
    if not path.exists():
        return None
    try:
        return read_json_as(path, RunVerdict)
    except DataError as error:
        raise ModelError(
            f"the verdict on the run cannot be read: {error.what}",
            where=error.where,
            next_command=f"narrowcast eval run:{run_id} --force",
            reason_code="eval_runtime_error",
        ) from error


def _path(project: ProjectPaths, run_id: str) -> Path:
    return project.registry / "verdicts" / f"{run_id}.json"
