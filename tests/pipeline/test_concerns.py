"""Commands with different concerns work on one project at the same time; those with the same one do not."""

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from narrowcast.core.concerns import EXPORT, MEASUREMENT, PREPARATION, ROWS, TRAINING, WHOLE, Concern, Holds
from narrowcast.core.progress import CancelToken
from narrowcast.core.settings import Settings
from narrowcast.core.work import Work
from narrowcast.errors import CancelledError, ProjectBusyError
from narrowcast.pipeline.project import Project
from narrowcast.store.leftovers import hidden_beside
from tests.support.cli import Cli

HOLDER = """
import sys
from narrowcast.core import concerns
from narrowcast.core.settings import Settings
from narrowcast.pipeline.project import Project
with Project.open(Settings.from_environment(), sys.argv[1]) as project:
    with project.lock(sys.argv[2], getattr(concerns, sys.argv[3])):
        print("held", flush=True)
        sys.stdin.read()
"""

WORKER = """
import sys
from pathlib import Path
from narrowcast.core import concerns
from narrowcast.core.settings import Settings
from narrowcast.pipeline.project import Project
with Project.open(Settings.from_environment(), sys.argv[1]) as project:
    counter = project.paths.root / sys.argv[2]
    for _ in range(60):
        with project.lock(sys.argv[2], getattr(concerns, sys.argv[2])):
            counter.write_text(str(int(counter.read_text()) + 1) if counter.exists() else "1")
"""


@contextmanager
def held(project: Project, name: str, command: str = "train") -> Iterator[subprocess.Popen[bytes]]:
    """Another process holds the concerns of this name."""
    words = [sys.executable, "-c", HOLDER, project.slug, command, name]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def rows(project: Project, cli: Cli, tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    draw = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    texts = [" ".join("".join(draw.sample(letters, 6)) for _ in range(6)) for _ in range(60)]
    path.write_text("text,label\n" + "".join(f"{text},{'ab'[n % 2]}\n" for n, text in enumerate(texts)))
    return path


IMPORT = ["--mapper", "label_to_classification", "--map", "text=text,label=label"]


def test_reading_reviewing_and_importing_work_while_a_model_is_trained(
    project: Project, cli: Cli, rows: Path
) -> None:
    cli("data", "import", "-l", f"csv:{rows}", *IMPORT)
    cli("prepare")
    with held(project, "TRAINING") as trainer:
        cli("status")
        cli("audit", "verify")
        cli("data", "review", "--from", "sample")
        cli("baseline", "--models", "majority")
        cli("data", "import", "-l", f"csv:{rows}", "--limit", "50", *IMPORT, "--force")
        for refused in (["prepare", "--force"], ["gc"], ["project", "backup", rows.with_suffix(".tar")]):
            assert f"process {trainer.pid}: train" in cli(*refused, code=1).stderr
    cli("prepare")


def test_a_finished_model_is_measured_while_another_is_trained(
    project: Project, cli: Cli, rows: Path
) -> None:
    cli("data", "import", "-l", f"csv:{rows}", *IMPORT)
    cli("prepare")
    with held(project, "TRAINING"):
        cli("baseline", "--models", "majority")
    with held(project, "MEASUREMENT", "eval") as measuring:
        assert f"process {measuring.pid}: eval" in cli("baseline", "--force", code=1).stderr


@pytest.mark.parametrize(
    ("theirs", "mine", "together"),
    [
        (TRAINING, MEASUREMENT, True),
        (TRAINING, ROWS, True),
        (TRAINING, EXPORT, True),
        (MEASUREMENT, ROWS, True),
        (EXPORT, MEASUREMENT, False),  # a bundle that is measured must not be rewritten
        (TRAINING, PREPARATION, False),
        (MEASUREMENT, PREPARATION, False),
        (ROWS, PREPARATION, False),
        (TRAINING, TRAINING, False),
        (MEASUREMENT, MEASUREMENT, False),
        (ROWS, WHOLE, False),
        (WHOLE, ROWS, False),
    ],
)
def test_which_concerns_exclude_each_other(
    project: Project, settings: Settings, theirs: Holds, mine: Holds, together: bool
) -> None:
    with Project.open(settings, project.slug) as other, other.lock("theirs", theirs):
        if together:
            with project.lock("mine", mine):
                pass
        else:
            with pytest.raises(ProjectBusyError, match="theirs"), project.lock("mine", mine):
                pass
    with project.lock("mine", mine):
        pass


def test_processes_with_different_concerns_never_meet(project: Project) -> None:
    """Each sweeps when it begins, which needs the project alone for a moment."""
    names = ["TRAINING", "MEASUREMENT", "ROWS"]
    workers = [subprocess.Popen([sys.executable, "-c", WORKER, project.slug, name]) for name in names]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0, 0]
    assert [(project.paths.root / name).read_text() for name in names] == ["60", "60", "60"]


def test_work_that_holds_something_waits_for_the_rest(project: Project, settings: Settings) -> None:
    """A pipeline that has trained for hours does not fail because somebody evaluates a model."""
    waited = CancelToken()
    with held(project, "MEASUREMENT", "eval") as process, project.lock("run", TRAINING):
        waited.cancel()
        with (
            pytest.raises(CancelledError),
            project.lock("eval", MEASUREMENT, Work(cancel=waited)),
        ):
            pass
        process.kill()
        with project.lock("eval", MEASUREMENT, Work()):
            assert project._locks.missing(MEASUREMENT) == Holds()


def test_a_run_that_is_made_anew_is_not_measured_meanwhile(project: Project, settings: Settings) -> None:
    anew = TRAINING.also(Concern.MEASURE, Concern.EXPORT)
    with Project.open(settings, project.slug) as other, other.lock("train --force", anew):
        for needed in (MEASUREMENT, EXPORT):
            with pytest.raises(ProjectBusyError), project.lock("eval", needed):
                pass


def test_nothing_is_swept_that_somebody_may_be_writing(project: Project, settings: Settings) -> None:
    left = hidden_beside(project.paths.root / "data" / "rows.jsonl")
    left = left.with_name(left.name.replace(left.name.split(".")[3], "999999-0123abcd"))
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_text("half a row")
    with Project.open(settings, project.slug) as other, project.lock("train", TRAINING):
        left.write_text("half a row")  # of a process on another machine, say
        with other.lock("eval", MEASUREMENT):
            assert left.exists()
    with project.lock("eval", MEASUREMENT):
        assert not left.exists()
