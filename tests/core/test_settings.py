"""The environment is read once; what was read reaches child processes, and stages need no more of it."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from narrowcast.core.names import Split
from narrowcast.core.settings import Settings
from narrowcast.errors import NarrowcastError
from narrowcast.experiments.requests import TrainRequest
from narrowcast.factory.requests import GenerateRequest
from narrowcast.ops.evaluate import baseline
from narrowcast.ops.generations import generate
from narrowcast.ops.imports import ImportRequest, import_rows
from narrowcast.ops.models import pull_model
from narrowcast.ops.projects import create_project
from narrowcast.ops.requests import BaselineRequest, InitRequest, PullRequest
from narrowcast.ops.train import train
from narrowcast.pipeline.project import Project
from tests.support.datasets import save_dataset, sentences, split_rows

ROOT = Path(__file__).resolve().parents[2]
_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(
    offline=st.booleans(),
    allow_private=st.booleans(),
    actor=_NAMES,
    project=st.none() | _NAMES,
    max_download=st.integers(1, 1 << 50),
    teacher=_NAMES,
    key=st.none() | _NAMES,
)
def test_a_child_process_has_the_settings_of_its_parent(
    offline: bool,
    allow_private: bool,
    actor: str,
    project: str | None,
    max_download: int,
    teacher: str,
    key: str | None,
) -> None:
    settings = Settings(
        home=Path("/workspace"),
        database_url="sqlite:////workspace/narrowcast.db",
        offline=offline,
        actor=actor,
        project=project,
        allow_private=allow_private,
        max_download=max_download,
        teacher_url=teacher,
        teacher_model=teacher,
        teacher_key=SecretStr(key) if key else None,
        serve_token=SecretStr(key) if key else None,
    )
    inherited = {"NARROWCAST_OFFLINE": "1", "NARROWCAST_PROJECT": "another", "NARROWCAST_TEACHER_KEY": "old"}
    assert Settings.from_environment({**inherited, **settings.to_environment()}) == settings


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Settings that a program makes by itself; the environment says the contrary, and no socket opens."""

    def refused(*_: Any, **__: Any) -> NoReturn:
        pytest.fail("a socket was opened in spite of offline settings")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refused)
    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, refused)
    monkeypatch.setenv("NARROWCAST_OFFLINE", "0")
    monkeypatch.setenv("NARROWCAST_TEACHER_URL", "http://127.0.0.1:9/v1")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    home = tmp_path / "own"
    return Settings(
        home=home,
        database_url=f"sqlite:///{home / 'narrowcast.db'}",
        offline=True,
        teacher_url="https://teacher.example.com/v1",
        teacher_model="large",
    )


@pytest.fixture
def opened(offline: Settings) -> Project:
    """A project with rows, opened with these settings."""
    created = create_project(offline, InitRequest(name="task", labels=["card", "rate", "fee"]))
    rows = split_rows(sentences(60), dev=10, test=20)
    project = Project.open(offline, created.slug)
    save_dataset(project.paths.root, rows, project.config.task)
    assert rows[Split.TEST]
    return project


@pytest.mark.parametrize("address", ["https://data.example.com/rows.csv", "http://data.example.com/rows.csv"])
def test_offline_settings_refuse_a_remote_source(opened: Project, address: str) -> None:
    with pytest.raises(NarrowcastError, match=r"(?i)offline"):
        import_rows(opened, ImportRequest(locator=address, auto=True))


def test_offline_settings_refuse_a_remote_teacher(opened: Project) -> None:
    with pytest.raises(NarrowcastError) as caught:
        generate(opened, GenerateRequest())
    assert caught.value.reason_code == "factory_teacher_missing"


def test_offline_settings_refuse_a_remote_base(opened: Project) -> None:
    wanted = {"base": "nobody/no-such-model"}
    with pytest.raises(NarrowcastError) as caught:
        train(opened, TrainRequest(options=wanted, force=True))
    assert "offline" in str(caught.value).lower()
    with pytest.raises(NarrowcastError) as caught:
        baseline(opened, BaselineRequest(options={**wanted, "models": ["base"]}))
    assert "offline" in str(caught.value).lower()
    with pytest.raises(NarrowcastError) as caught:
        pull_model(opened.settings, PullRequest(name="nobody/no-such-model"))
    assert "offline" in str(caught.value).lower()


def test_nothing_below_the_front_doors_reads_the_environment(tmp_path: Path) -> None:
    def check(folder: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, ROOT / "tools" / "check_settings.py", folder]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = check(ROOT / "src" / "narrowcast")
    assert done.returncode == 0, done.stdout
    for text in ("import os\nos.environ['A']\n", "from os import getenv\n", "Settings.from_environment()\n"):
        (tmp_path / "stages").mkdir(exist_ok=True)
        (tmp_path / "stages" / "wrong.py").write_text(text)
        done = check(tmp_path)
        assert done.returncode == 1
        assert "stages/wrong.py" in done.stdout
