"""Where inputs are run: a workspace, a project, a temporary folder; and what must not be left in them."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from narrowcast.reasons import REASONS
from narrowcast.store.lock import is_held
from tests.fuzz.record import GENERIC, Input, Outcome
from tests.fuzz.site import Sites
from tests.support.cli import Completed, run_here

CACHE = "torchinductor"
"""What torch keeps in the temporary folder on purpose begins so."""
LEFT = re.compile(r"\..*\.(part|old)|\.incoming.*")
_INPUTS_A_PROJECT = 100


class Closable(Protocol):
    """What is started once for many inputs."""

    def close(self) -> None:
        """End it."""


class Place:
    """One per process. A project serves a hundred inputs; then its trail is verified, and another begins."""

    def __init__(self, root: Path, seeds: Path) -> None:
        self.root, self.seeds = root, seeds
        self.sites = Sites()
        self.servers: dict[str, Closable] = {}
        self.temporary = root / "tmp"
        self.folder = root / "input"
        self._served = 0
        self._number = 0
        self.project = Path()
        self.temporary.mkdir(parents=True)
        os.environ["TMPDIR"] = tempfile.tempdir = str(self.temporary)
        os.environ["NARROWCAST_ALLOW_PRIVATE_ADDRESSES"] = "1"
        self.begin()

    def begin(self) -> None:
        """A new workspace with an empty project."""
        if self._number:
            shutil.rmtree(self.root / f"home-{self._number}", ignore_errors=True)
        self._number += 1
        self._served = 0
        home = self.root / f"home-{self._number}"
        os.environ["NARROWCAST_HOME"] = str(home)
        self.project = home / "task"
        run_here("init", "task", "--path", self.project, "--yes")

    def close(self) -> None:
        """End what was started for the inputs."""
        for server in self.servers.values():
            server.close()

    @contextmanager
    def ready(self, given: Input) -> Iterator[None]:
        """The input's files lie in `folder`, which is empty afterwards."""
        if self._served >= _INPUTS_A_PROJECT:
            self.begin()
        self._served += 1
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        for name, content in given.files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        yield
        shutil.rmtree(self.folder, ignore_errors=True)

    def words(self, command: list[str]) -> list[str]:
        """A command line of an input, with what stands in braces replaced."""
        values = {"{folder}": str(self.folder), "{site}": self.sites.raw.url}
        return [re.sub(r"\{(folder|site)\}", lambda found: values[found.group()], word) for word in command]

    def run(self, outcome: Outcome, *words: str) -> Completed | None:
        """A command; a traceback, or an error without a code of the taxonomy, is a problem."""
        try:
            done = run_here(*words, code=None)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            outcome.found("traceback", f"{type(error).__name__}: {error} from {words}")
            return None
        outcome.accepted = done.returncode == 0
        if "Traceback (most recent call last)" in done.stdout + done.stderr:
            outcome.found("traceback", done.stderr)
        if done.returncode == 1 and '"findings"' in done.stdout:
            return done  # a dry run of training that lists what is wrong with the project
        if done.returncode == 1 and '"would_fail": "' in done.stdout:
            outcome.code = "would_fail"  # a dry run of an import that would accept no row
            return done
        if done.returncode and not outcome.code:
            outcome.code = code_of(done)
            if "failed unexpectedly" in done.stdout:
                outcome.found("traceback", done.stdout)
            if outcome.code in GENERIC:
                outcome.found("traceback" if outcome.code == "system_unexpected" else "", done.stdout)
            elif outcome.code not in REASONS:
                outcome.found("traceback", f"exit {done.returncode}: {done.stdout} {done.stderr}")
        return done

    def inspect(self, outcome: Outcome) -> None:
        """Look for what the input left behind, and whether rows and trail are in order."""
        left = [path for path in self.project.rglob("*") if LEFT.fullmatch(path.name)]
        left += [path for path in self.temporary.iterdir() if not path.name.startswith(CACHE)]
        left += (self.project / "registry" / "running").glob("*.json")
        left += stray_rows(self.project)
        if left:
            outcome.found("left-over", ", ".join(map(str, left)))
            for path in self.temporary.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        locks = [self.project / "registry" / "lock", *(self.project / "registry" / "locks").glob("*")]
        if any(map(is_held, locks)):
            outcome.found("left-over", "the project is locked")
        if outcome.problem or self._served == _INPUTS_A_PROJECT:
            verified = run_here("audit", "verify", "-p", self.project, "--json", code=None)
            if verified.returncode:
                outcome.found("trail", verified.stdout + verified.stderr)
            if outcome.problem:
                self.begin()


def stray_rows(project: Path) -> list[Path]:
    """Rows without a record of their import."""
    path = project / "registry" / "imports.jsonl"
    known = {json.loads(line)["id"] for line in path.read_text().splitlines()} if path.exists() else set()
    folders = [project / "data" / name for name in ("raw", "accepted", "rejected")]
    return [each for folder in folders for each in folder.glob("imp-*.jsonl") if each.stem not in known]


def code_of(done: Completed) -> str:
    """The reason code of an error."""
    try:
        value: Any = json.loads(done.stdout)
        return str(value["error"]["reason_code"])
    except (ValueError, KeyError, TypeError):
        return f"exit {done.returncode}"


def cpu_seconds() -> float:
    """Of this process and its children that have ended."""
    used = [resource.getrusage(each) for each in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
