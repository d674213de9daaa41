"""What every test may use: a workspace of its own, a project, the command line, the shared data."""

from __future__ import annotations

import importlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from narrowcast.cli.main import SPIN_COUNT
from narrowcast.core.settings import Settings
from narrowcast.pipeline.project import Project
from narrowcast.store.database import open_database
from tests.support.cli import Cli, CliJson, run_here, run_process

ROOT = Path(__file__).resolve().parent.parent

# Before torch is loaded. Tests run in as many processes as there are cores, where more threads only wait for
# each other; children inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
# The consoles of the command line keep the width that they find when they are made: so here, not in a test
# that sets another.
os.environ["COLUMNS"] = "120"
importlib.import_module("narrowcast.cli.output")

# A busy machine is slow in places, so no example has a deadline; in CI every run draws the same examples.
_COMMON = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("local", **_COMMON)
hypothesis.settings.register_profile("ci", derandomize=True, **_COMMON)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`make test` does not even import a file that is nightly as a whole: many load torch and more."""
    wanted = config.getoption("markexpr") == "not nightly" and collection_path.suffix == ".py"
    if wanted and "\npytestmark = pytest.mark.nightly\n" in collection_path.read_text(encoding="utf-8"):
        return True
    return None


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the user's workspace, and none can reach a model hub."""
    monkeypatch.setenv("NARROWCAST_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NARROWCAST_PROJECT", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def settings() -> Settings:
    """The environment of this test."""
    return Settings.from_environment()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of today's schema; a copy of it spares each test the migrations."""
    path = tmp_path_factory.mktemp("database") / "narrowcast.db"
    open_database(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture
def project(settings: Settings, empty_database: Path) -> Iterator[Project]:
    """An empty project."""
    settings.home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(empty_database, settings.home / empty_database.name)
    created = Project.create(settings, "task")
    yield created
    created.close()


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3 of two layers with random weights, made once a session."""
    from narrowcast.testing.tiny import build_tiny_model

    return build_tiny_model(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data sets; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("NARROWCAST_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the shared data folder is not here (set NARROWCAST_SHARED_DATA)")
    return folder


@pytest.fixture
def cli() -> Cli:
    """Run a command line in this process: `cli("data", "sources", code=0)`."""
    return run_here


@pytest.fixture
def cli_process() -> Cli:
    """Run a command line in a process of its own, where start-up, signals or a terminal matter."""
    return run_process


@pytest.fixture
def cli_json(cli: Cli) -> CliJson:
    """Run a command with `--json` and parse what it prints."""

    def run(*arguments: str | Path, code: int | None = 0, **options: Any) -> Any:
        return json.loads(cli(*arguments, "--json", code=code, **options).stdout)

    return run
