"""What the trail says that a file holds, so that a file which was edited is not taken for a result.

The last event of a stage carries, as `written`, the SHA-256 of each file that the stage wrote, by its name
relative to the project. The newest event that names a file says what it must hold. The hash is noted before
the file gets its name (`registry/running`), so that a kill in between is not mistaken for an edit.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from narrowcast.core.hashing import content_hash, sha256_hex
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.run import RunManifest, train_options
from narrowcast.core.seal import Seal
from narrowcast.errors import DataError, WorkspaceError
from narrowcast.faults import first_line
from narrowcast.store.files import atomic_folder, read_json, sha256_file, write_text
from narrowcast.store.forgotten import read_pending
from narrowcast.store.json_text import quoted

WRITTEN = "written"
"""Under this name the payload of an event holds file names and hashes."""

# Of the reports whose stage no command runs with --force. A folder may be removed as a whole.
_MEASURED_AGAIN = "delete its folder: what needs it measures again"
_WAYS_OUT = {
    "outputs/eval_reports/predictions/*": "delete it: what needs it measures again",
    "outputs/eval_reports/parity-*": "narrowcast parity",
    "outputs/eval_reports/baseline-*": "narrowcast baseline --force",
    "outputs/eval_reports/trial-*": _MEASURED_AGAIN,
    "outputs/eval_reports/verify-*": _MEASURED_AGAIN,
    "outputs/eval_reports/compare-*": _MEASURED_AGAIN,
    "outputs/eval_reports/*": "narrowcast eval --force",
    "data/prepared/*": "narrowcast prepare --force",
    "training/tournaments/*": "delete it: `narrowcast run` chooses the entrants anew",
    "registry/stages/evaluate.json": "narrowcast eval --force",
    "registry/stages/baseline.json": "narrowcast baseline --force",
    "registry/stages/prepare.json": "narrowcast prepare --force",
    "registry/stages/export.json": "narrowcast export --force",
    "registry/stages/import/*": "narrowcast data import --locator SCHEME:PATH --force",
}
_OF_RUNS = {
    "training/runs/*/*": "train",
    "outputs/adapters/*/*": "train",
    "registry/stages/train/*.json": "train",
    "outputs/gguf/*/*": "export",
    "outputs/merged/*/*": "export",
    "registry/verdicts/*.json": "eval",
}
_ANY_STAGE = "narrowcast run"
_RESULTS = (
    "registry/verdicts/*.json",
    "registry/stages/**/*.json",
    "outputs/adapters/*/run.json",
    "outputs/eval_reports/*/report.json",
    "outputs/gguf/*/bundle.json",
)


class Sealed(NamedTuple):
    """What a file must hold, and the number of the event that says so."""

    sha256: str
    event: int


@contextmanager
def sealed_folder(path: Path, seal: Seal) -> Iterator[Path]:
    """`atomic_folder`, with every file noted before the folder gets its name."""
    with atomic_folder(path) as part:
        yield part
        files = sorted(each for each in part.rglob("*") if each.is_file())
        seal({path / each.relative_to(part): sha256_file(each) for each in files})


def write_sealed(path: Path, text: str, seal: Seal) -> None:
    """`write_text`, with the file noted before it gets its name."""
    seal({path: sha256_hex(text.encode("utf-8", "surrogatepass"))})
    write_text(path, text)


def write_sealed_json(path: Path, value: Any, seal: Seal) -> None:
    """`write_json`, with the file noted before it gets its name."""
    write_sealed(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n", seal)


def sealed_by(event: int, payload: Mapping[str, Any]) -> dict[str, Sealed]:
    """The files that an event names, with what they must hold."""
    return {name: Sealed(digest, event) for name, digest in _written({"payload": payload}).items()}


def sealed(project: ProjectPaths, path: Path) -> Sealed | None:
    """What the newest event that names a file says of it; None where none does.

    Raises:
        WorkspaceError: if that event was changed, or a line of the trail cannot be read.
    """
    name = project.relative(path)
    event = _newest_event(project, name)
    return Sealed(_written(event)[name], event["seq"]) if event else None


def has_trail(project: ProjectPaths) -> bool:
    """Whether events are written for what lies in a folder; those of a repeated run are not."""
    return project.events.exists()


def require_unedited(project: ProjectPaths, *files: Path, owner: Path | None = None) -> None:
    """Refuse files that are not those that their stage wrote. One that no event names is of an older version.

    Args:
        project: whose trail is asked.
        files: that are about to be believed.
        owner: a file without which these would not be there; if an event names it, one must name these.

    Raises:
        WorkspaceError: `system_file_edited`; it names the file and what writes it again.
    """
    for path in files:
        known = sealed(project, path)
        planted = known is None and owner is not None and path.exists() and sealed(project, owner)
        if planted and not _holds(project, path):
            raise _edited(project, path, "no event tells that it was written")
        if known is not None and not path.exists():
            raise _edited(project, path, f"it is gone, and event {known.event} tells that it was written")
        if known is not None and not _holds(project, path, known.sha256):
            raise _edited(project, path, f"it is not the one that event {known.event} tells of")


def unedited(project: ProjectPaths, path: Path) -> Callable[[bytes], None]:
    """A check for `read_json` that refuses the bytes of an edited file, as `require_unedited` does."""

    def check(content: bytes) -> None:
        known, held = sealed(project, path), sha256_hex(content)
        if known is not None and held not in {known.sha256, *_noted(project, path)}:
            raise _edited(project, path, f"it is not the one that event {known.event} tells of")

    return check


def require_unedited_folder(project: ProjectPaths, folder: Path, owner: Path) -> None:
    """Refuse a folder with a file that was edited, added or removed; hidden ones aside.

    Args:
        project: whose trail is asked.
        folder: that was written as a whole.
        owner: the file of the folder that the event names in any case.

    Raises:
        WorkspaceError: as `require_unedited`.
    """
    event = _newest_event(project, project.relative(owner))
    inside = f"{project.relative(folder)}/"
    named = {project.root / name for name in _written(event or {}) if name.startswith(inside)}
    held = {each for each in folder.rglob("*") if each.is_file() and not each.name.startswith(".")}
    require_unedited(project, *sorted(named | held), owner=owner)


def still_sealed(project: ProjectPaths, names: Iterable[str]) -> list[str]:
    """Those of some files that an event names and that are unedited: what may be rewritten and named anew."""
    seals = {name: sealed(project, project.root / name) for name in names}
    return [name for name, seal in seals.items() if seal and matches(project.root / name, {seal.sha256})]


def sealed_payload(project: ProjectPaths, names: Iterable[str]) -> dict[str, Any]:
    """What an event says of files that were rewritten; nothing where there are none."""
    written = {name: sha256_file(project.root / name) for name in names if (project.root / name).is_file()}
    return {WRITTEN: written} if written else {}


def holding(project: ProjectPaths, files: Mapping[str, str]) -> dict[str, str]:
    """Those of the noted files that have the noted content."""
    return {name: digest for name, digest in files.items() if _sha256(project.root / name) == digest}


def under_way(project: ProjectPaths) -> dict[str, set[str]]:
    """What stages and deletions that have not ended, or whose process was killed, have noted of files."""
    found: dict[str, set[str]] = {}
    with suppress(WorkspaceError):  # a damaged note is named by the next deletion
        pending = read_pending(project)
        for name, digest in pending.written.items() if pending else ():
            found.setdefault(name, set()).add(digest)
    for path in sorted(project.running.glob("*.json")):
        with suppress(DataError, AttributeError):  # a damaged marker is swept by the next command
            for name, digest in read_json(path).get(WRITTEN, {}).items():
                found.setdefault(name, set()).add(digest)
    return found


def matches(path: Path, digests: Collection[str]) -> bool:
    """Whether a file has one of these contents."""
    return _sha256(path) in digests


def way_out(project: ProjectPaths, name: str) -> str:
    """What writes a file of a project again; of a file of a run, for that run."""
    step = next((each for form, each in _OF_RUNS.items() if fnmatchcase(name, form)), "")
    parts = Path(name).parts
    run = Path(name).stem if parts[0] == "registry" else parts[2] if step else ""
    if step == "train":
        return " ".join(["narrowcast train", *_trained_with(project, run), "--force"])
    if step == "export":
        return f"narrowcast export {run} --force"
    if step == "eval":
        return f"narrowcast eval run:{run} --force"
    return next((each for form, each in _WAYS_OUT.items() if fnmatchcase(name, form)), _ANY_STAGE)


def _trained_with(project: ProjectPaths, run: str) -> list[str]:
    """The options that train a run again: of its record, its note if it was interrupted, or `run.json`."""
    for path in (project.stage_records / "train" / f"{run}.json", project.unfinished_note(run)):
        with suppress(DataError, KeyError, TypeError, AttributeError):
            return [train_options(read_json(path)["options"])]
    with suppress(DataError, ValidationError, KeyError, TypeError):
        return [RunManifest.model_validate(read_json(project.run_manifest(run))).train_options]
    return []


def _holds(project: ProjectPaths, path: Path, digest: str = "") -> bool:
    """Whether a file has this content, or one that a stage under way has noted."""
    return matches(path, {digest, *_noted(project, path)})


def _noted(project: ProjectPaths, path: Path) -> Collection[str]:
    return under_way(project).get(project.relative(path), ())


def _sha256(path: Path) -> str:
    """Of a file; what no file has where it cannot be read."""
    with suppress(OSError):
        return sha256_file(path)
    return "unreadable"


def unsealed(project: ProjectPaths, seals: Mapping[str, Sealed]) -> dict[str, bool]:
    """Results that no event names, and whether one must: the run they are of is named by one."""
    results = {}
    for form in _RESULTS:
        for path in sorted(project.root.glob(form)):
            name = project.relative(path)
            run = path.stem if path.stem != "bundle" else path.parent.name
            if name not in seals:
                results[name] = project.relative(project.run_manifest(run)) in seals
    return results


def _edited(project: ProjectPaths, path: Path, what: str) -> WorkspaceError:
    return WorkspaceError(
        f"the file was edited or replaced: {what}",
        where=str(path),
        next_command=f"restore it from a backup, or {way_out(project, project.relative(path))}",
        reason_code="system_file_edited",
    )


def _newest_event(project: ProjectPaths, name: str) -> dict[str, Any] | None:
    """The newest event that tells that a file was written; found by its name, from the end of the trail."""
    if not project.events.exists() or not project.events.stat().st_size:
        return None
    quoted_name = quoted(name).encode("utf-8", "surrogatepass")
    with project.events.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as lines:
        end = len(lines)
        while (found := lines.rfind(quoted_name, 0, end)) >= 0:
            start, stop = lines.rfind(b"\n", 0, found) + 1, lines.find(b"\n", found)
            event = _event(lines[start : stop if stop >= 0 else end], project)
            if name in _written(event):
                return event
            end = start
    return None


def _event(line: bytes, project: ProjectPaths) -> dict[str, Any]:
    try:
        event: dict[str, Any] = json.loads(line)
        changed = (
            content_hash({name: each for name, each in event.items() if name != "hash"}) != event["hash"]
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(project, f"a line is not an event: {first_line(error)}") from error
    if changed:
        raise _damaged(project, f"event {event['seq']} was changed after it was written")
    return event


def _damaged(project: ProjectPaths, what: str) -> WorkspaceError:
    return WorkspaceError(
        f"the trail cannot say what the files must hold: {what}",
        where=str(project.events),
        next_command="narrowcast audit verify",
        reason_code="system_file_edited",
    )


def _written(event: Mapping[str, Any]) -> dict[str, str]:
    payload = event.get("payload")
    written = payload.get(WRITTEN) if isinstance(payload, dict) else None
    return written if isinstance(written, dict) else {}
