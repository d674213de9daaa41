"""The example package through the public path: its rows, mapper, task, predictor, gate and tracker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.settings import Settings
from narrowcast.core.task import TaskSpec
from narrowcast.errors import UsageError
from narrowcast.ops.prepare import prepare
from narrowcast.pipeline.project import Project
from narrowcast.store.imports import read_records
from narrowcast.store.stage_records import load_record
from tests.support.cli import Cli, CliJson
from tests.support.events import last_run
from tests.support.factory import declare_labels, gate, write_rows
from tests.support.imports import import_rows
from tests.support.plugins import install_package

KINDS = {"connector", "mapper", "task", "predictor", "gate", "tracker"}
_WORDS = {"1": "late broken rude lost", "3": "usual fair plain ordinary", "5": "quick friendly great lovely"}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Where the metadata of an installed package lies."""
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


@pytest.fixture
def reviews(
    site: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> Iterator[Project]:
    """A project of the plug-in's task, with rows that its connector read."""
    install_package(site, monkeypatch)
    project = Project.create(settings, "reviews")
    task = TaskSpec(profile="rating", labels=list(_WORDS))
    project.save_config(project.config.model_copy(update={"task": task}))
    import_rows(
        project,
        f"blocks:{_source(tmp_path)}",
        mapper="label_to_classification",
        field_map={"text": "text", "label": "stars"},
    )
    yield project
    project.close()


def _source(folder: Path) -> Path:
    path = folder / "reviews.txt"
    blocks = []
    for number in range(60):
        stars = "135"[number % 3]
        words = _WORDS[stars].split()
        text = f"order {number * 7919 % 1000} was {words[number % 4]} and {words[number // 3 % 4]}"
        blocks.append(f"text: {text}\nstars: {stars}\n")
    blocks.insert(7, "this block has no names\n")
    path.write_text("\n".join(blocks))
    return path


def test_rows_come_from_the_connector_into_the_task(reviews: Project) -> None:
    (record,) = read_records(reviews.paths)
    assert (record.rows, record.accepted, record.rejected) == (61, 60, {"parse_error": 1})
    assert reviews.config.task is not None
    assert reviews.config.task.profile == "rating"
    result = prepare(reviews)
    assert sum(split.rows for split in result.splits) == 60


def test_two_arguments_of_a_predictor_are_two_models(reviews: Project, cli: Cli) -> None:
    prepare(reviews)
    models = "majority,neighbours:1,neighbours:5"
    cli("baseline", "--models", models, "--samples", "100", "--project", str(reviews.paths.root))
    record = load_record(reviews.paths, "baseline")
    assert record is not None
    measured = json.dumps(record.result)
    assert "closeness" in measured
    assert "neighbours:1" in measured
    files = [
        json.loads(path.read_text().splitlines()[0])["model"]
        for path in (reviews.paths.reports / "predictions").glob("*.jsonl")
    ]
    assert sorted(files) == ["majority", "neighbours:1", "neighbours:5"]


def test_a_gate_rejects_rows_of_the_factory(reviews: Project, tmp_path: Path) -> None:
    texts = ["the clerk forgot my blue umbrella at the desk", "look at https://example.org for cheap parcels"]
    rows = write_rows(tmp_path / "rows.jsonl", [{"text": text, "label": "1"} for text in texts])
    result = gate(reviews, rows=rows, optional=["no_links"], dry_run=True)
    (verdict,) = (each for each in result.verdicts if each.gate == "no_links")
    assert (verdict.required, verdict.rejected) == (False, 1)
    assert verdict.examples == ["holds https://example.org"]


def test_a_gate_has_settings_of_its_own(reviews: Project, tmp_path: Path, cli_json: CliJson) -> None:
    texts = [
        "the clerk sold my umbrella at www.shop.example",
        "look at https://example.org for cheap parcels",
    ]
    rows = write_rows(tmp_path / "rows.jsonl", [{"text": text, "label": "1"} for text in texts])
    config = reviews.config
    settings = {"no_links": {"allowed": ["shop.example"]}}
    reviews.save_config(config.model_copy(update={"gate": {"optional": ["no_links"], "settings": settings}}))
    arguments = ("data", "gate", "--rows", rows, "-p", reviews.paths.root)
    seen = cli_json(*arguments)
    assert seen["ledger"]["rejected"] == {"gate_no_links": 1}
    other = cli_json(*arguments, "--setting", "no_links.allowed=[example.org, shop.example]")
    assert other["ledger"]["rejected"] == {}
    assert other["replaced"] == [seen["record"]["id"]]
    events = len(reviews.trail.events())
    assert cli_json(*arguments, "--setting", "no_links.allowed=[example.org, shop.example]") == other
    assert len(reviews.trail.events()) == events


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (["no_links.allowed=shop.example"], "no_links.allowed: input should be a valid list"),
        (["no_links.allow=[a]"], "no_links.allow: extra inputs are not permitted"),
        (["regex.allow=[a]"], "the gate regex has no settings of its own"),
        (["regex.a=1", "no_links.b=2"], "no_links.b: extra inputs are not permitted; the gate regex"),
        (["no_link.allowed=[a]"], "no gate is called 'no_link'"),
        (["allowed=[a]"], "'allowed=[a]' is not GROUP.NAME=VALUE"),
        (["no_links.allowed=[a"], "'[a' is not valid YAML"),
    ],
)
def test_wrong_settings_are_named_before_a_row_is_read(
    reviews: Project, cli: Cli, tmp_path: Path, given: list[str], wrong: str
) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", [{"text": "fine", "label": "1"}])
    settings = [part for each in given for part in ("--setting", each)]
    error = cli("data", "gate", "--rows", rows, *settings, "-p", reviews.paths.root, code=2).stderr
    assert wrong in " ".join(error.split())
    assert not (reviews.paths.root / "data" / "generated").exists()


def test_a_mapper_has_reasons_of_its_own(
    reviews: Project, tmp_path: Path, cli_json: CliJson, cli: Cli
) -> None:
    ratings = ["5", "4 of 5", "★", "3.5", "fine", "3"]
    blocks = [f"text: a {number}th remark\nstars: {stars}\n" for number, stars in enumerate(ratings)]
    (tmp_path / "more.txt").write_text("\n".join(blocks))
    mapping = ("--mapper", "stars_to_rating", "--map", "text=text,stars=stars", "-p", reviews.paths.root)
    arguments = ("data", "import", "--locator", f"blocks:{tmp_path / 'more.txt'}", *mapping)
    expected = {"half_a_star": 1, "label_not_allowed": 1, "unreadable_stars": 1}
    dry = cli_json(*arguments, "--dry-run", "--drop", "half_a_star")
    assert dry["rejected"] == expected
    assert set(dry["rejected_sample"]) == {"label_not_allowed", "unreadable_stars"}
    assert "the rating is not a whole number of stars" in cli(*arguments).stdout
    assert read_records(reviews.paths)[-1].rejected == expected
    assert (
        "there is no rejection reason 'half_stars'" in cli(*arguments, "--drop", "half_stars", code=2).stderr
    )


def test_another_version_of_a_plug_in_makes_stages_stale(
    reviews: Project, site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = prepare(reviews)
    before = load_record(reviews.paths, "prepare")
    assert prepare(reviews) == first
    assert load_record(reviews.paths, "prepare") == before
    (site / "narrowcast_reviews-1.0.dist-info").rename(tmp_path / "removed")
    install_package(site, monkeypatch, version="2.0")
    prepare(reviews)
    after = load_record(reviews.paths, "prepare")
    assert before is not None
    assert after is not None
    assert after.key != before.key


def test_another_version_of_a_gate_makes_the_gates_run_again(
    project: Project, site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install_package(site, monkeypatch)
    declare_labels(project, ["1", "5"])  # a task that no plug-in brings
    rows = write_rows(tmp_path / "rows.jsonl", [{"text": "a lamp of brass for the hall", "label": "1"}])
    runs = []
    for options in ({}, {}, {"optional": ["no_links"]}, {"optional": ["no_links"]}):
        gate(project, rows=rows, **options)
        runs.append(last_run(project)[-1])
    assert runs[0] == runs[1]
    assert runs[2] == runs[3]
    (site / "narrowcast_reviews-1.0.dist-info").rename(tmp_path / "removed")
    install_package(site, monkeypatch, version="2.0")
    for options in ({"optional": ["no_links"]}, {}):
        gate(project, rows=rows, **options)
        runs.append(last_run(project)[-1])
    assert [runs[4].run == each.run for each in runs] == [False] * 4 + [True, False]
    assert runs[5].run == runs[0].run, "a plug-in that is not chosen does not matter"


def test_each_kind_is_listed(
    site: Path, monkeypatch: pytest.MonkeyPatch, cli_json: CliJson, cli: Cli
) -> None:
    install_package(site, monkeypatch)
    listed: list[dict[str, Any]] = cli_json("plugins")
    assert {each["kind"] for each in listed} == KINDS
    assert {each["problem"] for each in listed} == {""}
    assert {f"{each['distribution']} {each['version']}" for each in listed} == {"narrowcast-reviews 1.0"}
    declared = {each["name"]: each for each in listed}
    assert declared["no_links"]["settings"] == {
        "allowed": "Sites that may be named, for example [shop.example]; default []"
    }
    assert set(declared["stars_to_rating"]["reasons"]) == {"half_a_star", "unreadable_stars"}
    shown = " ".join(cli("plugins").stdout.split())
    assert "--setting no_links.allowed=VALUE Sites that may be named" in shown
    assert "mapper stars_to_rating rejects half_a_star: the rating is not a whole number" in shown
    assert "blocks" in {each["scheme"] for each in cli_json("data", "sources")}


def test_without_the_package_its_task_is_unknown(settings: Settings, tmp_path: Path) -> None:
    project = Project.create(settings, "reviews")
    task = TaskSpec(profile="rating", labels=["1", "5"])
    project.save_config(project.config.model_copy(update={"task": task}))
    rows = tmp_path / "rows.csv"
    rows.write_text("text,label\nfine,5\npoor,1\n")
    with pytest.raises(UsageError, match="no task is called 'rating'"):
        import_rows(project, f"csv:{rows}", mapper="label_to_classification", auto=True)
    project.close()


@pytest.mark.nightly
def test_a_tracker_follows_a_training_run(
    reviews: Project, cli: Cli, tiny_base: Path, tmp_path: Path
) -> None:
    prepare(reviews)
    options = ["--set", "epochs=1", "--set", "method=full", "--set", "forgetting_check=false", "--force"]
    root = str(reviews.paths.root)
    cli("train", "--base", str(tiny_base), "--track", "figures", *options, "--project", root)
    (file,) = reviews.paths.runs.glob("*/figures.jsonl")
    first, *middle, last = map(json.loads, file.read_text().splitlines())
    assert first["run"] == file.parent.name
    assert "loss" in {row["figure"] for row in middle}
    assert last["outcome"] == "finished"
