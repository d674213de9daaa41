"""A project: its folder, its configuration, its trail and its runner."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import Engine

from narrowcast.audit.trail import Trail
from narrowcast.core.concerns import WHOLE, Holds
from narrowcast.core.config import ProjectConfig
from narrowcast.core.markdown import escape
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.settings import Settings
from narrowcast.core.work import Work
from narrowcast.errors import UsageError, WorkspaceError
from narrowcast.factory.spec import SpecAnswers, write_spec
from narrowcast.pipeline.changes import Changes, Prepare, require_no_owner
from narrowcast.pipeline.runner import Runner
from narrowcast.reasons import StageName
from narrowcast.store.advisory import database_lock
from narrowcast.store.changes import Change
from narrowcast.store.config_file import load_config, save_config
from narrowcast.store.database import open_database
from narrowcast.store.events import EventStore
from narrowcast.store.files import write_text
from narrowcast.store.folders import plain_path
from narrowcast.store.leftovers import sweep
from narrowcast.store.lock import ProjectLocks
from narrowcast.store.project_format import Change as FormatChange
from narrowcast.store.project_format import (
    OldProject,
    pending_changes,
    require_current_format,
    write_format,
)
from narrowcast.store.projects import ProjectEntry, add_project, list_projects, touch_project
from narrowcast.store.witness import Witness


class Project:
    """An open project, from `create` or `open`; as a context manager, the end of the block closes it.

    Attributes:
        settings: of the workspace.
        id: its number in the workspace.
        slug: its name in commands.
        paths: where its files are; `paths.root` is its folder.
        trail: its events.
    """

    def __init__(self, settings: Settings, engine: Engine, entry: ProjectEntry) -> None:
        self.settings = settings
        self.id = entry.id
        self.slug = entry.slug
        self.paths = ProjectPaths(entry.path)
        self._witness = Witness(settings.home, entry.path)
        events = EventStore(engine, entry.id, self.paths, self._witness)
        self.trail = Trail(events, entry.id, self.paths, settings.actor)
        self._engine = engine
        # Processes of other machines are not seen here, so what they write is swept only by a command that
        # has the whole project in the database, too.
        shared = engine.dialect.name == "postgresql"
        self._locks = ProjectLocks(self.paths.registry, None if shared else self._sweep)

    @classmethod
    def create(
        cls,
        settings: Settings,
        name: str,
        path: Path | None = None,
        *,
        spec: SpecAnswers | None = None,
        use: bool = True,
    ) -> Project:
        """Make the folder (below the workspace unless `path` says otherwise) and enter it in the index.

        The task specification is written with it; what `spec` leaves open is assumed, and marked so.
        With `use` it becomes the current project; the first one of a workspace always does.

        Raises:
            UsageError: if the name is empty or taken, the folder holds a project already or belongs to
                another, or the answers contradict each other.
        """
        answers = spec or SpecAnswers()
        task = answers.task_spec()
        slug = slugify(name)
        root = plain_path(path or settings.home / "projects" / slug)
        paths = ProjectPaths(root)
        if paths.config.exists():
            raise UsageError(
                "this folder holds a project already",
                where=str(root),
                next_command=f"narrowcast status --project {shlex.quote(str(root))}",
            )
        require_no_owner(root)
        with _opened_database(settings) as engine:
            entry = add_project(engine, slug, root, use=use or not list_projects(engine))
            Witness(settings.home, root).forget()
            write_format(paths)
            save_config(paths.config, ProjectConfig(name=name, task=task))
            write_text(root / "README.md", _readme(name))
            write_spec(paths, name, answers)
            project = cls(settings, engine, entry)
            project.trail.emit(StageName.SYSTEM, "project_created", f"project {slug} was created")
            return project

    @classmethod
    def open(cls, settings: Settings, ref: str | None = None, *, any_format: bool = False) -> Project:
        """Find a project by number, slug or folder.

        Without `ref`: `NARROWCAST_PROJECT`, else the project of the current folder, else the one that
        was made or chosen by `use` last. Opening writes nothing, with two exceptions: a folder with a
        `narrowcast.yaml` that is not in the index (a clone, a copy) is entered, because a project needs a
        number, and the schema of the workspace's database is made or upgraded, because nothing can be found
        without it.

        Args:
            settings: of the workspace.
            ref: which project.
            any_format: open one that another version wrote, to migrate it.

        Raises:
            UsageError: if there is none, or it was written by another version.
            WorkspaceError: if its folder is gone.
        """
        with _opened_database(settings) as engine:
            unsettled = Changes(settings, engine).settle()
            entry = _find(engine, ref or settings.project)
            for change, error in unsettled:
                if str(entry.path) in (change.source, change.target):
                    raise error
            if not (entry.path / "narrowcast.yaml").is_file():
                raise WorkspaceError(
                    f"the folder of the project {entry.slug} is gone, or has no narrowcast.yaml",
                    where=str(entry.path),
                    next_command="`narrowcast use FOLDER`, if it was moved, or restore it from a backup",
                    reason_code="system_project_missing",
                )
            project = cls(settings, engine, entry)
            if not any_format:
                require_current_format(project.paths)
            return project

    @property
    def config(self) -> ProjectConfig:
        """`narrowcast.yaml`, read afresh."""
        return load_config(self.paths.config)

    def save_config(self, config: ProjectConfig) -> None:
        """Replace `narrowcast.yaml`."""
        save_config(self.paths.config, config)

    @contextmanager
    def lock(self, command: str, needed: Holds = WHOLE, work: Work | None = None) -> Iterator[None]:
        """Hold the project, or the concerns of a command, for the length of the block.

        What a caller of this thread holds already is not taken again: a pipeline holds its own for all of its
        stages. With `work`, a block within another waits for what others hold; without it, it fails.

        Raises:
            ProjectBusyError: if another process, or another thread of this one, holds it.
        """
        missing, nested = self._locks.missing(needed), self._locks.holding
        with (
            self._locks.hold(command, needed, work),
            database_lock(self._engine, self.id, command, missing, work if nested else None),
        ):
            if missing.whole:
                self._sweep()
            yield

    def _sweep(self) -> None:
        sweep(self.paths, self._witness.path)

    def use(self) -> None:
        """Make it the project that commands take where none is named."""
        touch_project(self._engine, self.id)

    def runner(self, work: Work | None = None) -> Runner:
        """The pipeline's runner on this project."""
        return Runner(self.paths, self.settings, self.trail, self.lock, work)

    def carry_out(self, change: Change, prepare: Prepare | None = None) -> Change:
        """Rename, move or delete the project; the caller holds its lock."""
        return Changes(self.settings, self._engine).carry_out(change, prepare)

    def pending_changes(self) -> Iterator[FormatChange]:
        """What migrations to the current format have to do; each sees what the ones before have done."""
        return pending_changes(OldProject(self.paths, self._engine, self.id))

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        """The project itself; the end of the block closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _opened_database(settings: Settings) -> Iterator[Engine]:
    """The workspace's database, for a project that closes it; closed here if the block raises."""
    engine = open_database(settings.database_url)
    try:
        yield engine
    except BaseException:
        engine.dispose()
        raise


def slugify(name: str) -> str:
    """Lower-case letters without accents, digits and hyphens; never digits alone, which are a number.

    Raises:
        UsageError: if nothing is left.
    """
    plain = re.sub(r"[\u0300-\u036f]", "", unicodedata.normalize("NFKD", name)).lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80]
    if not slug:
        raise UsageError("a project name needs Latin letters or digits", where=repr(name))
    return f"project-{slug}" if slug.isdigit() else slug


def projects(settings: Settings) -> list[ProjectEntry]:
    """Every project of the workspace."""
    with _index(settings) as engine:
        return list_projects(engine)


def carry_out(settings: Settings, change: Change, prepare: Prepare | None = None) -> Change:
    """Change a project that cannot be opened: one that is to be restored, or whose folder is gone."""
    with _index(settings) as engine:
        return Changes(settings, engine).carry_out(change, prepare)


@contextmanager
def _index(settings: Settings) -> Iterator[Engine]:
    """The index of the workspace, with changes that were killed settled."""
    engine = open_database(settings.database_url)
    try:
        Changes(settings, engine).settle()
        yield engine
    finally:
        engine.dispose()


def default_project(settings: Settings) -> ProjectEntry | None:
    """What a command that names no project works on; None where there is none, or it is not in the index."""
    entries = projects(settings)
    if settings.project is not None:
        return entry_called(entries, settings.project)
    folder = _folder_around(Path.cwd())
    if folder is not None:
        return next((each for each in entries if each.path == folder), None)
    return _in_use(entries)


def entry_called(entries: list[ProjectEntry], ref: str) -> ProjectEntry | None:
    """The project with this number; if there is none, the one with this slug."""
    numbered = (each for each in entries if str(each.id) == ref)
    return next(numbered, None) or next((each for each in entries if each.slug == ref), None)


def _in_use(entries: list[ProjectEntry]) -> ProjectEntry | None:
    return max(entries, key=lambda entry: entry.used_at, default=None)


def _folder_around(place: Path) -> Path | None:
    return next((each for each in (place, *place.parents) if (each / "narrowcast.yaml").is_file()), None)


def _find(engine: Engine, ref: str | None) -> ProjectEntry:
    entries = list_projects(engine)
    if ref is not None:
        entry = entry_called(entries, ref)
        if entry is not None:
            return entry
        folder = _project_folder(Path(ref).expanduser().absolute())
        if folder is not None:
            return _entry_of(engine, entries, folder)
        raise UsageError(
            "there is no such project",
            where=ref,
            next_command="`narrowcast projects` lists them; `narrowcast init NAME` creates one",
            reason_code="project_unknown",
        )
    around = _folder_around(Path.cwd())
    if around is not None:
        return _entry_of(engine, entries, around)
    used = _in_use(entries)
    if used is None:
        raise UsageError("there is no project yet", next_command="narrowcast init NAME")
    return used


def _project_folder(path: Path) -> Path | None:
    if path.name == "narrowcast.yaml":
        path = path.parent
    return path if (path / "narrowcast.yaml").is_file() else None


def _entry_of(engine: Engine, entries: list[ProjectEntry], folder: Path) -> ProjectEntry:
    for entry in entries:
        if entry.path == folder or entry.path.resolve() == folder.resolve():
            return entry
    taken = {entry.slug for entry in entries}
    base = slug = slugify(load_config(folder / "narrowcast.yaml").name)
    number = 2
    while slug in taken:
        slug, number = f"{base}-{number}", number + 1
    return add_project(engine, slug, folder, use=not entries)


def _readme(name: str) -> str:
    return f"""# {escape(name)}

A narrowcast project. `narrowcast.yaml` defines it; `narrowcast run` runs its pipeline.

| folder | content |
| --- | --- |
| `task.md`, `specs` | the task specification; `(assumed)` marks assumptions |
| `data/raw` | the original rows of the sources |
| `data/accepted`, `data/rejected` | accepted rows, and every rejected row with its reason |
| `data/generated` | generated rows, and every paid answer of a teacher |
| `data/prepared` | data-set versions: splits and manifest |
| `data/eval` | held-out rows of the current version |
| `training/runs` | checkpoints, traces and manifests of training runs |
| `outputs` | adapters, merged weights, GGUF bundles, evaluation reports |
| `registry` | records of imports, stages, data sets and runs |
"""
