"""What is advised for an edited file of a run writes that run again."""

from __future__ import annotations

import re
import shlex

import pytest

from narrowcast.store.runs import current_run
from tests.support.classifiers import prepared
from tests.support.cli import run_here

_FORCED = re.compile(r"narrowcast ((?:train|export) [^)#\n]*--force)")


def _commands(page: str) -> list[list[str]]:
    return [shlex.split(each) for each in _FORCED.findall(page)]


def test_the_advice_for_an_edited_run_trains_and_exports_that_run(tmp_path, cli, monkeypatch):
    project = prepared(tmp_path)
    monkeypatch.setenv("NARROWCAST_HOME", str(tmp_path / "work"))
    cli("init", "other")  # a command without a project means that one
    place = ("--project", project.slug)
    cli("train", "--method", "linear", "--features", "words", "--rows", "60", *place)
    run = current_run(project.paths).run_id
    cli("export", *place)
    cli("train", "--method", "linear", "--features", "words,characters", *place)  # now the current one
    tables = project.paths.adapters / run / "classifier.safetensors"
    bundle = project.paths.gguf / run / "bundle.json"
    for path in (tables, bundle):
        path.write_bytes(path.read_bytes() + b" ")

    refused = cli("eval", f"run:{run}", *place, code=None).stderr
    page = cli("audit", "verify", *place, code=3).stdout.replace("\n", " ")
    advised = _commands(page)
    assert _commands(refused)[0] in advised
    assert all(project.slug in each for each in advised)
    for words in sorted(advised, reverse=True):  # trained, then exported
        cli(*words)
    assert "intact" in cli("audit", "verify", *place).stdout
    cli("eval", f"run:{run}", *place, code=None)


@pytest.mark.parametrize("command", ["runs show {}", "export {}", "eval run:{}", "rerun {}"])
def test_an_id_that_leads_through_folders_is_refused(command, trained_run, cli):
    project, run = trained_run
    odd = f"{run}/../{run}"
    done = cli(*command.format(odd).split(), cwd=project.paths.root, code=1)
    assert f"{odd}'" in done.stderr


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory):
    project = prepared(tmp_path_factory.mktemp("runs"))
    run_here("train", "--method", "linear", "--features", "words", cwd=project.paths.root)
    return project, current_run(project.paths).run_id
