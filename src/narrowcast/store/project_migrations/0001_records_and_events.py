"""Training records get a folder with a current pointer, events get their file, some names change.

The stage `exported` is now `verify`; the training option `input_noise` is `word_dropout`; a run's selection
counts optimizer steps (`step`, formerly `update`). Runs learned the last turn of a conversation alone, which
their recipes now say, so that repeating one learns the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from narrowcast.core.paths import ProjectPaths
from narrowcast.store.files import read_json, write_json, write_jsonl, write_text
from narrowcast.store.project_format import Change, OldProject
from narrowcast.store.tables import FormerEventTable

_EXPORTED = re.compile(r"^exported:", re.MULTILINE)
_NOISE = re.compile(r"\binput_noise(?=[\"']?\s*:)")


def changes(project: OldProject) -> Iterator[Change]:
    """See the module."""
    yield from _terms(project.paths)
    yield from _training_records(project.paths)
    yield from _verification(project.paths)
    yield from _events(project)


def _terms(paths: ProjectPaths) -> Iterator[Change]:
    """In the configuration, and wherever a training run's options were kept."""
    if paths.config.exists() and _NOISE.search(paths.config.read_text(encoding="utf-8")):
        what = f"input_noise is word_dropout in {paths.config.name}"
        yield Change(what, lambda: _rename_option(paths.config))
    kept = [*paths.adapters.glob("*/run.json"), *(paths.registry / "runs").glob("*.json")]
    kept += [*paths.searches.glob("*/result.json"), paths.stage_records / "train.json"]
    for path in sorted(path for path in kept if path.exists()):
        before = read_json(path)
        after = _renamed(before)
        if path.name == "run.json":
            after["recipe"].setdefault("loss_turns", "last")
        if after != before:
            yield Change(
                f"current names of training options in {paths.relative(path)}",
                partial(write_json, path, after),
            )


def _rename_option(path: Path) -> None:
    write_text(path, _NOISE.sub("word_dropout", path.read_text(encoding="utf-8")))


def _renamed(value: Any) -> Any:
    """The same value with the current keys."""
    if isinstance(value, list):
        return [_renamed(each) for each in value]
    if not isinstance(value, dict):
        return value
    changed = {"word_dropout" if key == "input_noise" else key: _renamed(each) for key, each in value.items()}
    selection = changed.get("selection")
    if isinstance(selection, dict) and "update" in selection:
        changed["selection"] = {"step" if key == "update" else key: each for key, each in selection.items()}
    return changed


def _training_records(paths: ProjectPaths) -> Iterator[Change]:
    """`registry/runs/<run>.json` and `stages/train.json` → `stages/train/<run>.json` and `current`."""
    for path in sorted((paths.registry / "runs").glob("*.json")):
        yield Change(f"the record of training run {path.stem}", partial(_move_run, paths, path))
    current = paths.stage_records / "train.json"
    if current.exists():
        run_id = read_json(current)["run_id"]
        yield Change(f"training run {run_id} is the current one", lambda: _move_current(paths, current))


def _move_run(paths: ProjectPaths, path: Path) -> None:
    write_json(paths.stage_records / "train" / path.name, read_json(path))
    path.unlink()
    if not any(path.parent.iterdir()):
        path.parent.rmdir()


def _move_current(paths: ProjectPaths, path: Path) -> None:
    record = read_json(path)
    folder = paths.stage_records / "train"
    write_json(folder / f"{record['run_id']}.json", record)
    write_text(folder / "current", f"{record['run_id']}\n")
    path.unlink()


def _verification(paths: ProjectPaths) -> Iterator[Change]:
    """The stage that measures exported files got the name of its command."""
    record = paths.stage_records / "exported.json"
    if record.exists():
        yield Change("the record of stage exported is that of verify", lambda: _rename_record(record))
    if paths.config.exists() and _EXPORTED.search(paths.config.read_text(encoding="utf-8")):
        yield Change(f"section exported of {paths.config.name} is verify", lambda: _rename_section(paths))


def _rename_record(path: Path) -> None:
    write_json(path.with_name("verify.json"), {**read_json(path), "stage": "verify"})
    path.unlink()


def _rename_section(paths: ProjectPaths) -> None:
    text = paths.config.read_text(encoding="utf-8")
    write_text(paths.config, _EXPORTED.sub("verify:", text, count=1))


def _events(project: OldProject) -> Iterator[Change]:
    """The database's events → `registry/events.jsonl`, with numbers and hashes as they were."""
    if project.paths.events.exists():
        return
    events = _former_events(project)
    head = _head(project.paths)
    if events:
        yield Change(
            f"{len(events)} events moved from the database into the project",
            lambda: _write_events(project.paths, events),
        )
    if head and len(events) < head[0]:
        yield Change(
            f"{head[0] - len(events)} of {head[0]} events are not in this workspace's database; "
            "the trail shows the gap",
            lambda: None,
        )


def _former_events(project: OldProject) -> list[dict[str, Any]]:
    """The project's events; a copy's are those of the project that it was copied from, up to its head."""
    table, head = FormerEventTable, _head(project.paths)
    with Session(project.engine) as session:
        owner, last = project.project_id, None
        if head:
            same = select(table.project_id).where(table.seq == head[0], table.hash == head[1])
            owners = set(session.scalars(same))
            if owners and owner not in owners:
                owner, last = owners.pop(), head[0]
        query = select(table).where(table.project_id == owner).order_by(table.seq)
        if last is not None:
            query = query.where(table.seq <= last)
        return [_event(row) for row in session.scalars(query)]


def _event(row: FormerEventTable) -> dict[str, Any]:
    """As `RunEvent` writes itself; the hash covers these values."""
    names = ("run", "parent", "stage", "severity", "reason_code", "message", "payload", "actor")
    before = {"id": row.id, "seq": row.seq, "time": row.time, "project": row.project_id}
    return before | {name: getattr(row, name) for name in (*names, "prev_hash", "hash")}


def _write_events(paths: ProjectPaths, events: list[dict[str, Any]]) -> None:
    write_jsonl(paths.events, events)


def _head(paths: ProjectPaths) -> tuple[int, str] | None:
    if not paths.events_head.exists():
        return None
    head = read_json(paths.events_head)
    return head["seq"], head["hash"]
