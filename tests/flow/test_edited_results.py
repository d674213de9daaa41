"""What was measured cannot be edited unnoticed: `audit verify` names the file, and no command believes it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.bundle import BundleManifest, sealed_json
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.settings import Settings
from narrowcast.errors import WorkspaceError
from narrowcast.ops.requests import ServeRequest
from narrowcast.ops.serve import find_served
from narrowcast.pipeline.project import Project
from narrowcast.store.seals import WRITTEN
from narrowcast.testing.tiny import build_tiny_model
from tests.evaluation.conftest import intent_rows
from tests.support.cli import Cli, CliJson, run_here

FAST = ("--samples", "200")
EDITED = "system_file_edited"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose model lost to its baseline, was exported all the same, and was proven again."""
    home = tmp_path_factory.mktemp("finished")
    rows = home / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in intent_rows(240)))
    test = home / "test.jsonl"
    test.write_text("".join(json.dumps(row) + "\n" for row in intent_rows(60, seed=1)))
    base = build_tiny_model(home / "tiny", context=256)
    with Project.create(Settings.from_environment({}, home=home / "work"), "task") as project:
        train = {"base": str(base), "epochs": 1, "batch_size": 8, "precision": "fp32"}
        train |= {"forgetting_check": False}
        export = {"formats": ["q8_0", "merged"], "parity_rows": 4, "max_tokens": 8}
        project.save_config(project.config.model_copy(update={"train": train, "export": export}))
        here = {"cwd": project.paths.root}
        run_here("data", "import", "--locator", f"jsonl:{rows}", "--auto", **here)
        run_here("data", "import", "--locator", f"jsonl:{test}", "--auto", "--into", "test", **here)
        run_here("prepare", **here)
        run_here("baseline", "--models", "tfidf", *FAST, **here)
        run_here("train", **here)
        run_here("eval", *FAST, code=3, **here)
        run_here("export", "--force", **here)
        run_here("parity", **here)
        return project.paths.root


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Iterator[Project]:
    root = shutil.copytree(finished, tmp_path / "task")
    with Project.open(Settings.from_environment(), str(root)) as project:
        yield project


def only(paths: ProjectPaths, form: str) -> Path:
    (path,) = sorted(paths.root.glob(form))
    return path


def values(change: Callable[[Any], None]) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content, indent=2))

    return edit


def _ahead(verdict: dict[str, Any]) -> None:
    verdict["conclusion"]["standing"] = "ahead"


def _label(path: Path) -> None:
    """With the manifest's own hash computed again, as one would who covers a change."""
    manifest = BundleManifest.model_validate_json(path.read_bytes())
    labels = [*manifest.task.labels[1:], manifest.task.labels[0]]
    task = manifest.task.model_copy(update={"labels": labels})
    path.write_text(sealed_json(manifest.model_copy(update={"task": task})))


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


@dataclass(frozen=True)
class Edit:
    """A file, what is done to it, and commands that must refuse it; with `heal` it is written again."""

    form: str
    change: Callable[[Path], None]
    refusing: tuple[tuple[str, ...], ...] = ()
    heal: tuple[str, ...] = ()


EDITS = [
    Edit(
        "registry/verdicts/*.json",
        values(_ahead),
        (("export",), ("runs", "show", "RUN"), ("eval", "--samples", "300")),
        ("eval", *FAST, "--force"),
    ),
    Edit(
        "registry/verdicts/*.json",
        Path.unlink,
        (("export",), ("runs", "show", "RUN")),
        ("eval", *FAST, "--force"),
    ),
    Edit(
        "outputs/adapters/*/run.json",
        values(lambda run: run["losses"].update(dev=0.01)),
        (("export",), ("runs", "show", "RUN"), ("eval", *FAST), ("rerun", "RUN")),
        ("train", "--force"),
    ),
    Edit(
        "outputs/adapters/*/*.safetensors",
        _append,
        (("export", "--force"), ("eval", *FAST, "--force")),
        ("train", "--force"),
    ),
    Edit(
        "outputs/adapters/*/chat_template.jinja",
        Path.unlink,
        (("export", "--force"), ("eval", *FAST, "--force")),
        ("train", "--force"),
    ),
    Edit(
        "outputs/gguf/*/bundle.json",
        _label,
        (("parity",), ("eval", "gguf:q8_0", *FAST)),
        ("export", "--force"),
    ),
    Edit(
        "registry/stages/evaluate.json",
        values(lambda record: record["result"]["results"][0].update(verdict="pass")),
        (("runs", "show", "RUN"),),
        ("eval", *FAST, "--force"),
    ),
    Edit(
        "registry/stages/baseline.json",
        values(lambda record: record["result"].update(results=[], baselines=[])),
        (("eval", *FAST),),
        ("baseline", "--models", "tfidf", *FAST, "--force"),
    ),
    Edit(
        "data/prepared/*/manifest.json",
        values(lambda manifest: manifest["task"]["labels"].reverse()),
        (("eval", *FAST), ("baseline", *FAST), ("export",)),
        ("prepare", "--force"),
    ),
    Edit("outputs/eval_reports/evaluate-*/report.json", values(lambda report: report.update(n=9))),
    Edit("outputs/eval_reports/evaluate-*/report.md", _append),
    Edit("outputs/eval_reports/parity-*.json", values(lambda report: report.update(verdict="pass"))),
    Edit("outputs/merged/*/model.safetensors", _append),
    Edit(
        "outputs/gguf/*/model-q8_0.gguf",
        _append,
        (("eval", "gguf:q8_0", *FAST),),
        ("export", "--force"),
    ),
    Edit("outputs/gguf/*/README.md", _append, heal=("export", "--force")),
    Edit("outputs/gguf/*/tokenizer.json", Path.unlink, heal=("export", "--force")),
]


@pytest.mark.parametrize("edit", EDITS, ids=[f"{each.form}-{each.change.__name__}" for each in EDITS])
def test_an_edited_file_is_named_and_not_believed(
    copied: Project, cli: Cli, cli_json: CliJson, edit: Edit
) -> None:
    here = {"cwd": copied.paths.root}
    run = only(copied.paths, "outputs/adapters/exp-*").name
    path = only(copied.paths, edit.form)
    before = cli_json("audit", "verify", **here)
    assert (before["intact"], before["notes"]) == (True, [])
    edit.change(path)
    (problem,) = cli_json("audit", "verify", code=3, **here)["problems"]
    assert problem.startswith(f"{copied.paths.relative(path)} ")
    for words in edit.refusing:
        command = [run if word == "RUN" else word for word in words]
        error = cli_json(*command, code=None, **here)["error"]
        assert error["reason_code"] == EDITED, command
        assert path.name in error["message"], command


@pytest.mark.nightly
@pytest.mark.parametrize("edit", [each for each in EDITS if each.heal], ids=lambda each: each.form)
def test_what_the_error_names_writes_the_file_again(
    copied: Project, cli: Cli, cli_json: CliJson, edit: Edit
) -> None:
    here = {"cwd": copied.paths.root}
    path = only(copied.paths, edit.form)
    edit.change(path)
    cli(*edit.heal, code=None, **here)
    assert path.exists()
    assert cli_json("audit", "verify", **here)["intact"]


@pytest.mark.parametrize(
    ("form", "change"),
    [("registry/verdicts/*.json", values(_ahead)), ("outputs/gguf/*/bundle.json", _label)],
)
def test_what_was_edited_is_not_served(copied: Project, form: str, change: Callable[[Path], None]) -> None:
    find_served(copied, ServeRequest(force=True))
    change(only(copied.paths, form))
    with pytest.raises(WorkspaceError, match="was edited or replaced") as caught:
        find_served(copied, ServeRequest(force=True))
    assert caught.value.reason_code == EDITED


def test_edited_answers_are_not_measured_again(copied: Project, cli_json: CliJson) -> None:
    here = {"cwd": copied.paths.root}
    for path in copied.paths.reports.glob("predictions/*.jsonl"):
        path.write_text(path.read_text().replace('"text":"fee"', '"text":"card"'))
    error = cli_json("eval", "--samples", "300", code=None, **here)["error"]
    assert (error["reason_code"], "predictions" in error["message"]) == (EDITED, True)
    assert "delete it: what needs it measures again" in error["actionable_fix"]
    for path in copied.paths.reports.glob("predictions/*.jsonl"):
        path.unlink()
    assert cli_json("eval", "--samples", "300", code=None, **here)["groups"]
    assert cli_json("eval", *FAST, "--force", code=3, **here)["conclusion"]["standing"] == "lost"


def test_deleted_rows_leave_the_trail_intact(copied: Project, cli_json: CliJson) -> None:
    """A deletion rewrites answers and splits; what was edited before it stays named."""
    here = {"cwd": copied.paths.root}
    rows = only(copied.paths, "data/prepared/*/test.jsonl").read_text().splitlines()
    first, second = (json.loads(line)["id"] for line in rows[:2])
    deleted = cli_json("data", "forget", "--id", first, **here)
    assert any("predictions" in name for name in deleted["files"])
    assert cli_json("audit", "verify", **here)["intact"]
    answers = next(path for path in copied.paths.reports.glob("predictions/*") if second in path.read_text())
    answers.write_text(answers.read_text().replace('"tokens":', '"tokens": '))
    cli_json("data", "forget", "--id", second, **here)
    (problem,) = cli_json("audit", "verify", code=3, **here)["problems"]
    assert answers.name in problem


def test_a_verdict_that_was_put_there_is_not_believed(copied: Project, cli_json: CliJson) -> None:
    """Also where the trail names no verdict of that run."""
    here = {"cwd": copied.paths.root}
    cli_json("train", "--seed", "5", "--preflight", "off", **here)
    first = only(copied.paths, "registry/verdicts/*.json")
    run = (copied.paths.stage_records / "train" / "current").read_text().strip()
    text = first.read_text().replace(first.stem, run).replace('"lost"', '"ahead"')
    first.with_name(f"{run}.json").write_text(text)
    assert cli_json("export", code=None, **here)["error"]["reason_code"] == EDITED
    (problem,) = cli_json("audit", "verify", code=3, **here)["problems"]
    assert "was put there" in problem
    assert run in problem


def test_fewer_rows_do_not_replace_an_edited_verdict(copied: Project, cli_json: CliJson) -> None:
    here = {"cwd": copied.paths.root}
    values(_ahead)(only(copied.paths, "registry/verdicts/*.json"))
    few = cli_json("eval", "--rows", "5", *FAST, "--force", code=None, **here)
    assert few["error"]["reason_code"] == EDITED


def test_a_project_of_an_older_version_stays_readable_and_is_not_covered(
    copied: Project, cli: Cli, cli_json: CliJson
) -> None:
    """Its events carry no hashes of files."""
    here = {"cwd": copied.paths.root}
    events = copied.trail.events()
    previous, lines = "0" * 64, []
    for event in events:
        payload = {name: value for name, value in event.payload.items() if name != WRITTEN}
        older = event.model_copy(update={"payload": payload, "prev_hash": previous, "hash": ""}).sealed()
        previous = older.hash
        lines.append(older.model_dump_json() + "\n")
    copied.paths.events.write_text("".join(lines))
    copied.paths.events_head.write_text(json.dumps({"seq": len(lines), "hash": previous}))
    report = cli_json("audit", "verify", **here)
    assert report["files"] == 0
    (note,) = report["notes"]
    assert note.startswith("not covered, because an older version")
    run = only(copied.paths, "outputs/adapters/exp-*").name
    assert cli_json("runs", "show", run, **here)["verdict"]["conclusion"]["standing"] == "lost"
    assert cli_json("parity", **here)["verdict"] == "not_enough_data"
    cli("eval", *FAST, "--force", code=3, **here)
    assert cli_json("audit", "verify", **here)["files"] > 0


def test_an_event_that_was_changed_with_its_file_is_not_believed(copied: Project, cli_json: CliJson) -> None:
    import hashlib

    here = {"cwd": copied.paths.root}
    path = only(copied.paths, "registry/verdicts/*.json")
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    values(_ahead)(path)
    after = hashlib.sha256(path.read_bytes()).hexdigest()
    copied.paths.events.write_text(copied.paths.events.read_text().replace(before, after))
    error = cli_json("export", code=None, **here)["error"]
    assert error["reason_code"] == EDITED
    assert "was changed after it was written" in error["message"]
