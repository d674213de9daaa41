"""What a tournament depends on, whether the last one still holds, and who takes part in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from narrowcast.core.hashing import content_hash
from narrowcast.errors import WorkspaceError
from narrowcast.experiments.autopilot import bases_here
from narrowcast.experiments.tournament.entrants import encoder_of, entrants, export_formats
from narrowcast.experiments.tournament.result import Limits, Lineup, Tournament
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.pipeline.runner import now
from narrowcast.reasons import StageName
from narrowcast.stages.train import STAGE
from narrowcast.store.datasets import load_manifest
from narrowcast.store.files import read_json_as
from narrowcast.store.runs import current_run
from narrowcast.store.seals import WRITTEN, require_unedited, sealed, write_sealed_json
from narrowcast.store.stage_records import StageRecord, load_record, save_record
from narrowcast.version import __version__

NAME = "tournament"
_FIXED = {"method", "base", "recipe"}
_KEY_DIGITS = 10


def is_open(project: Project) -> bool:
    """Whether `narrowcast.yaml` leaves open what is trained."""
    return not _FIXED & project.config.stage_options("train").keys()


def question_of(project: Project, limits: Limits, overrides: dict[str, Any]) -> dict[str, Any]:
    """What decides who takes part and who is chosen; not what the machine happens to do at the moment.

    Raises:
        DataError: if nothing was prepared.
        UsageError: for wrong options of the export.
    """
    manifest = load_manifest(project.paths)
    encoder = encoder_of(project)
    return {
        "data set": manifest.version,
        "options of train": project.config.stage_options("train"),
        "formats of the export": export_formats(project),
        "models on this machine": [*([encoder[0]] if encoder else []), *bases_here(manifest)],
        "rows": overrides.get("rows"),
        "limits": limits.model_dump(mode="json"),
    }


def last_limits(project: Project) -> Limits:
    """Those of the last tournament, which only the command line names; the default ones where there was none.

    Where `narrowcast.yaml` names what is trained, a tournament counts only while its choice is current.
    """
    record, current = _last(project), current_run(project.paths)
    if record is None:
        return Limits()
    chosen = current is not None and current.run_id == record.result["chosen"]
    return Limits.model_validate(record.options["limits"]) if chosen or is_open(project) else Limits()


def held_before(project: Project, question: dict[str, Any]) -> tuple[Tournament | None, str]:
    """The last tournament where it answers the same question and its choice is there; otherwise why not."""
    try:
        record = load_record(project.paths, NAME)
    except WorkspaceError:
        return None, "its record was edited"
    if record is None:
        return None, "never run"
    changed = [name for name in question if record.options.get(name) != question[name]]
    if changed:
        return None, f"changed: {', '.join(changed)}"
    held = Tournament.model_validate(record.result)
    rows = {"rows": question["rows"]} if question["rows"] else {}
    options = {**rows, **held.winner.options}
    gone = project.runner().plan(STAGE, stage_options(project, STAGE, options)).stale_because
    return (None, gone) if gone else (held, "")


def lineup(project: Project, limits: Limits, overrides: dict[str, Any], question: dict[str, Any]) -> Lineup:
    """Who takes part; where the same was asked before, the same: forecasts differ from call to call.

    A line-up that no event names is not taken: an older version wrote it, or somebody else.

    Raises:
        WorkspaceError: `system_file_edited`, if it is not the one that was written.
    """
    path = _lineup_path(project, question)
    if (kept := _kept_lineup(project, path)) is not None:
        return kept
    entering = entrants(project, limits, overrides)
    names = ", ".join(each.name for each in entering.taking)
    written: dict[str, str] = {}

    def seal(files: Mapping[Path, str]) -> None:
        written.update({project.paths.relative(each): digest for each, digest in files.items()})
        payload = {**entering.model_dump(mode="json"), WRITTEN: written}
        project.trail.emit(StageName.TRAINING, "training_tournament_entrants", names, payload=payload)

    write_sealed_json(path, entering.model_dump(mode="json"), seal)
    return entering


def expected_lineup(
    project: Project, limits: Limits, overrides: dict[str, Any], question: dict[str, Any]
) -> Lineup:
    """Who would take part, as `lineup`; nothing is written.

    Raises:
        WorkspaceError: `system_file_edited`, if the kept one is not the one that was written.
        UsageError: if nothing is left to train.
    """
    kept = _kept_lineup(project, _lineup_path(project, question))
    return entrants(project, limits, overrides) if kept is None else kept


def _kept_lineup(project: Project, path: Path) -> Lineup | None:
    if not path.is_file() or not sealed(project.paths, path):
        return None
    require_unedited(project.paths, path)
    return read_json_as(path, Lineup)


def keep(project: Project, question: dict[str, Any], held: Tournament, started: str) -> None:
    """Write the record, and the event that says so."""
    key = content_hash(question)
    written: dict[Path, str] = {}

    def seal(files: Mapping[Path, str]) -> None:
        written.update(files)

    record = StageRecord(
        stage=NAME,
        key=key,
        run_id=f"{NAME}-{key[:_KEY_DIGITS]}",
        options=question,
        started=started,
        finished=now(),
        code_version=__version__,
        result=held.model_dump(mode="json"),
    )
    save_record(project.paths, record, seal=seal)
    seals = {project.paths.relative(path): digest for path, digest in written.items()}
    payload = {**held.model_dump(mode="json"), WRITTEN: seals}
    project.trail.emit(
        StageName.TRAINING, "training_tournament", held.sentence, payload=payload, run=held.chosen
    )


def _last(project: Project) -> StageRecord | None:
    try:
        return load_record(project.paths, NAME)
    except WorkspaceError:  # edited, so it says nothing
        return None


def _lineup_path(project: Project, question: dict[str, Any]) -> Path:
    return project.paths.tournaments / f"{content_hash(question)[:_KEY_DIGITS]}.json"
