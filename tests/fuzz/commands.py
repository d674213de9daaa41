"""Every command that writes, each with a tiny project as it finds it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from narrowcast.testing.teacher_server import TeacherServer, varied_text
from tests.support.factory import ONE_CELL
from tests.support.stage_cases import LABELS, answer

_ARCHIVE = next((Path(__file__).parents[1] / "fixtures/projects").glob("*.tar.xz"))
_SMALL = ["--samples", "100", "--split", "dev"]


@dataclass(frozen=True)
class Command:
    """What is killed.

    Attributes:
        words: the command line; `{project}`, `{run}`, `{import}` and their like are put in.
        before: brings the project from where the command before left it to where this one begins.
        done: codes with which it is refused where the killed process had finished.
        then: run instead where it is refused with one of `resumes`.
        project: the command takes `--project`.
    """

    words: tuple[str, ...]
    before: Callable[[Place], None] = field(default=lambda _: None)
    done: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    project: bool = True

    @property
    def name(self) -> str:
        """As the table has it."""
        words = [word for word in self.words if word.isalpha() or word == "forget"]
        return " ".join(words[: 2 if words[0] in ("data", "jobs") else 1])


class Place:
    """The workspace in which everything happens, always under the same path."""

    def __init__(self, root: Path, base: Path) -> None:
        self.root, self.base = root, base
        self.home = root / "work" / "home"
        self.project = root / "work" / "task"
        self.temporary = root / "tmp"
        self.rows = root / "work" / "rows.jsonl"
        self.kept: dict[str, Path] = {}
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.server = TeacherServer(script=answer)
        os.environ.update(
            NARROWCAST_HOME=str(self.home), TMPDIR=str(self.temporary), NARROWCAST_ACTOR="kills",
                HF_HUB_OFFLINE="1",
            NARROWCAST_TEACHER_URL=self.server.url, NARROWCAST_TEACHER_MODEL="counting",
            NARROWCAST_PROJECT="",
        )  # fmt: skip

    def write_rows(self, count: int) -> None:
        """The source: tickets of two labels, some with an address."""
        self.rows.parent.mkdir(parents=True, exist_ok=True)
        lines = []
        for number in range(count):
            label = LABELS[number % 2]
            text = varied_text(10_000 + 13 * number, label)
            lines.append(
                {"text": f"{text} bob{number}@example.org" if number % 7 == 0 else text, "label": label}
            )
        self.rows.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def configure(self) -> None:
        """What keeps training, measuring and exporting quick."""
        path = self.project / "narrowcast.yaml"
        value = yaml.safe_load(path.read_text())
        value["train"] = {
            "base": str(self.base), "epochs": 2, "batch_size": 8, "precision": "fp32",
                "forgetting_check": False,
            "method": "full", "probe_steps": 0, "preflight": "off", "checkpoint_every": 2,
        }  # fmt: skip
        value["baseline"] = {"models": ["majority"], "samples": 100, "split": "dev"}
        value["evaluate"] = value["verify"] = {"samples": 100, "split": "dev", "max_tokens": 4}
        value["export"] = {"formats": ["f16"], "max_tokens": 4, "parity_rows": 8, "tolerance": 1.0}
        value["judge"] = value["generate"] = {"concurrency": 1}
        path.write_text(yaml.safe_dump(value))
        plan = self.project / "specs" / "generation_prompts" / "plan.yaml"
        plan.parent.mkdir(parents=True, exist_ok=True)
        plan.write_text(ONE_CELL)

    def back_to(self, name: str) -> None:
        """The workspace as the command of this name found it."""
        shutil.rmtree(self.root / "work")
        shutil.copytree(self.kept[name], self.root / "work", symlinks=True)

    def older_project(self) -> None:
        """In place of the workspace: one that an older version wrote."""
        shutil.rmtree(self.root / "work")
        with tarfile.open(_ARCHIVE) as archive:
            archive.extractall(self.root / "old", filter="data")
        shutil.copytree(self.root / "old" / "workspace" / "home", self.home)
        shutil.rmtree(self.root / "old")
        shutil.move(self.home / "projects" / "loop", self.project)
        connection = sqlite3.connect(self.home / "narrowcast.db")
        with connection:
            connection.execute("UPDATE projects SET path = ?", [str(self.project)])
        connection.close()


def _more_rows(place: Place) -> None:
    place.write_rows(60)


_SOURCE = "jsonl:{rows}"
COMMANDS = [
    Command(
        (
            "init",
            "task",
            "--path",
            "{project}",
            "--task",
            "classification",
            "--labels",
            ",".join(LABELS),
            "--yes",
        ),
        lambda place: place.write_rows(48),
        done=("system_config_invalid", "system_io_error"),
        project=False,
    ),
    Command(("data", "clean", "--locator", _SOURCE, "--pii", "redact"), Place.configure),
    Command(("data", "import", "--locator", _SOURCE, "--auto")),
    Command(("data", "import", "--locator", _SOURCE, "--auto"), _more_rows),
    Command(("prepare",)),
    Command(("data", "generate")),
    Command(("data", "judge")),
    Command(("data", "gate")),
    Command(
        ("data", "dedupe", "--locator", _SOURCE, "--output", "{work}/unique.jsonl"),
        done=("prepare_request_invalid",),
    ),
    Command(("data", "review", "--decide", "{row}=accept"), done=("dataset_request_invalid",)),
    Command(("prepare", "--force")),
    Command(("data", "balance", "--cap", "8")),
    Command(("baseline",)),
    Command(("train", "--force"), then=("train", "--resume")),
    Command(("eval",)),
    Command(("compare", "majority", "tfidf", *_SMALL)),
    Command(("export", "--force")),
    Command(("parity",)),
    Command(("rerun", "{run}")),
    Command(("search", "--trials", "1", "--force", "--dev-rows", "4")),
    Command(("jobs", "submit", "--no-worker", "--", "prepare", "--force")),
    Command(("jobs", "worker", "--idle-seconds", "0.1"), project=False),
    Command(("use", "{project}"), project=False),
    Command(("data", "forget", "--where", "label=billing", "--yes"), done=("dataset_row_unknown",)),
    Command(("data", "remove", "{import}"), done=("dataset_import_unknown",)),
    Command(("run", "--force"), lambda place: place.back_to("baseline")),
    Command(("gc",)),
    Command(("migrate",), Place.older_project),
]
"""In an order in which each finds what it needs."""
