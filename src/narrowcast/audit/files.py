"""The files of a project beside what its trail says they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import NarrowcastError
from narrowcast.store.bundles import changed_files, read_bundle
from narrowcast.store.seals import Sealed, matches, under_way, unsealed, way_out

_VERDICTS = "registry/verdicts/"
_RECORDS = "registry/stages/"
_PASSING = "training/runs/"


@dataclass(slots=True)
class ComparedFiles:
    """What the comparison found."""

    files: int = 0
    """That hold what the trail says."""
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def compare_files(paths: ProjectPaths, seals: Mapping[str, Sealed], *, whole: bool) -> ComparedFiles:
    """Hash every file that the trail or the manifest of a bundle names.

    A result that no event names is noted as one of an older version.

    Args:
        paths: of the project.
        seals: what the trail says, by name relative to the project.
        whole: the trail could be read to its end; otherwise files that no event names prove nothing.
    """
    report, gone, open_ = ComparedFiles(), [], under_way(paths)
    for name, seal in sorted(seals.items()):
        path = paths.root / name
        if not path.exists():
            gone.append(name)
        elif matches(path, {seal.sha256, *open_.get(name, ())}):
            report.files += 1
            if path.parent.parent == paths.gguf and path.name == "bundle.json":
                _add_bundle(paths, path.parent, report)
        else:
            report.problems.append(
                f"{name} was edited or replaced: it is not the one that event {seal.event} tells of "
                f"(restore it from a backup, or: {way_out(paths, name)})"
            )
    lost = [name for name in gone if _must_stay(paths, name)]
    report.problems += [
        f"{name} is gone (restore it from a backup, or: {way_out(paths, name)})" for name in lost
    ]
    rest = [name for name in gone if name not in lost and not name.startswith(_PASSING)]
    if rest:
        report.notes.append(f"gone since they were written: {_named(rest)}")
    if whole:
        _add_unsealed(paths, seals, open_, report)
    return report


def _add_bundle(paths: ProjectPaths, folder: Path, report: ComparedFiles) -> None:
    """The files that an unedited manifest names."""
    try:
        manifest = read_bundle(folder)
    except NarrowcastError as error:
        report.notes.append(f"not covered: the other files of {paths.relative(folder)}: {error.what}")
        return
    changed = changed_files(folder, manifest)
    report.files += len(manifest.files) - len(changed)
    for each in changed:
        name = paths.relative(folder / each)
        what = "was edited or replaced: it is not the one that bundle.json tells of"
        report.problems.append(
            f"{name} {what if (folder / each).exists() else 'is gone'} "
            f"(restore it from a backup, or: {way_out(paths, name)})"
        )


def _add_unsealed(
    paths: ProjectPaths, seals: Mapping[str, Sealed], open_: Mapping[str, set[str]], report: ComparedFiles
) -> None:
    older = []
    for name, planted in unsealed(paths, seals).items():
        if matches(paths.root / name, open_.get(name, set())):
            continue
        if planted:
            report.problems.append(f"{name} was put there: no event tells that it was written")
        else:
            older.append(name)
    if older:
        report.notes.append(f"not covered, because an older version kept no hash of them: {_named(older)}")


def _must_stay(paths: ProjectPaths, name: str) -> bool:
    """Without its verdict a model that failed would pass for one that was not evaluated.

    A record may go, its stage then runs again; a folder may be removed as a whole; and an interrupted run
    that is continued removes its checkpoints.
    """
    kept = (paths.root / name).parent.exists() and not name.startswith((_RECORDS, _PASSING))
    return kept or name.startswith(_VERDICTS)


def _named(names: list[str]) -> str:
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"
