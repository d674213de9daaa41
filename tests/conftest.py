"""What every test may use: a workspace of its own, a project, the shared data where it is at hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.settings import Settings
from narrowcast.pipeline.project import Project

ROOT = Path(__file__).resolve().parent.parent

# As the command line does: on busy machines, spinning OpenMP threads slow small models tenfold.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the user's workspace, and none can reach a model hub."""
    monkeypatch.setenv("NARROWCAST_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NARROWCAST_PROJECT", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def settings() -> Settings:
    """The environment of this test."""
    return Settings.from_environment()


@pytest.fixture
def project(settings: Settings) -> Iterator[Project]:
    """An empty project."""
    made = Project.create(settings, "task")
    yield made
    made.close()


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data sets; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("NARROWCAST_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the shared data folder is not here (set NARROWCAST_SHARED_DATA)")
    return folder


Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cli() -> Cli:
    """Run the command line in a process of its own: `cli("data", "sources", code=0)`."""

    def run(*arguments: str | Path, code: int | None = 0, **options: Any) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "narrowcast.cli.main", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=options.pop("timeout", 240),
            check=False,
            **options,
        )
        if code is not None:
            assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture
def cli_json(cli: Cli) -> Callable[..., Any]:
    """Run a command with `--json` and parse what it prints."""

    def run(*arguments: str | Path, code: int | None = 0) -> Any:
        return json.loads(cli(*arguments, "--json", code=code).stdout)

    return run
