"""`narrowcast run` as a tournament: every method that suits is trained, the best on dev rows is tested."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.hashing import content_hash
from narrowcast.core.progress import CancelToken, NullProgress
from narrowcast.core.work import Work
from narrowcast.errors import CancelledError, UsageError
from narrowcast.experiments.tournament.entrants import entrants
from narrowcast.experiments.tournament.record import question_of
from narrowcast.experiments.tournament.result import Limits
from narrowcast.models.catalogue import find_encoder
from narrowcast.models.installed import READER, ModelSource, write_source
from narrowcast.models.packages import packaged_folder
from narrowcast.ops.requests import RunRequest
from narrowcast.ops.run import run
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages.train import STAGE
from narrowcast.store.runs import current_run, finished_runs
from narrowcast.testing.tiny import build_tiny_encoder
from tests.support.cli import Cli, CliJson
from tests.support.fields import import_fields
from tests.support.spans import rows_with_spans

TOPICS = {"card": ["card", "plastic"], "rate": ["exchange", "rate"], "fee": ["fee", "charged"]}
FILLER = [f"{a}{b}" for a in ("pa", "lo", "mi", "te", "ru") for b in ("ke", "no", "si", "da", "vu", "ro")]


@pytest.fixture
def messages(project: Project, cli: Cli, tmp_path: Path) -> None:
    draw = random.Random(0)
    rows = []
    for _ in range(200):
        label = draw.choice(list(TOPICS))
        words = [*draw.choices(FILLER, k=8), draw.choice(TOPICS[label])]
        draw.shuffle(words)
        rows.append({"text": " ".join(words), "label": label})
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    cli("data", "import", "--locator", f"jsonl:{tmp_path}/rows.jsonl", "--auto")
    settings: dict[str, Any] = {"baseline": {"models": ["majority"]}, "evaluate": {"samples": 200}}
    project.save_config(project.config.model_copy(update=settings))


def test_the_best_on_dev_rows_is_chosen_before_test_is_read(
    messages: None, project: Project, cli: Cli, cli_json: CliJson
) -> None:
    result = cli_json("run", "--only", "linear", "--until", "evaluate", code=None)
    held = result["tournament"]
    assert [each["name"] for each in held["entries"]] == ["linear (words, characters)"]
    record = current_run(project.paths)
    assert record is not None
    assert held["chosen"] == record.run_id
    events = [event for event in project.trail.events() if event.reason_code == "eval_run"]
    splits = [event.payload["split"] for event in events if event.parent == held["chosen"]]
    assert splits == ["dev", "test"]
    models = [row["model"] for row in result["rows"]]
    assert models == ["majority", f"run:{held['chosen']}"]
    assert [each["stage"] for each in cli_json("status")["stages"] if each["runs"]] == ["export", "verify"]
    shown = cli("run", "--only", "linear", "--until", "evaluate", code=None).stdout
    assert "tournament: macro_f1 on" in shown
    assert "linear (words, characters) is chosen: the only one trained" in shown


def test_a_named_method_is_trained_alone(messages: None, project: Project, cli_json: CliJson) -> None:
    train = {"method": "linear", "features": ["words"]}
    project.save_config(project.config.model_copy(update={"train": train}))
    result = cli_json("run", "--until", "evaluate", code=None)
    assert result["tournament"] is None
    plan = cli_json("run", "--dry-run")
    assert not any("tournament" in step["reason"] for step in plan)


def test_what_does_not_fit_is_named(messages: None, project: Project, cli: Cli, cli_json: CliJson) -> None:
    plan = cli_json("run", "--dry-run")
    assert "a tournament" in next(step for step in plan if step["stage"] == "train")["reason"]
    shown = cli("run", "--budget-minutes", "0.000001", "--until", "train")
    before = " ".join((shown.stdout + shown.stderr).split()).split("(1 of 1)")[
        0
    ]  # before anything is trained
    assert "tournament: linear (words, characters) (about a minute)" in before
    assert "not in it: full embedded: about" in before
    held = cli_json("run", "--budget-minutes", "0.000001", "--until", "train")["tournament"]
    assert held["entries"][-1]["name"] == "full embedded"
    assert "of the budget are left" in held["entries"][-1]["left_out"]
    refused = cli("run", "--only", "linear", "--max-size-mb", "0.001", "--until", "train", code=1)
    assert "no entrant is within the limits" in refused.stderr
    assert "MB are over 0.001" in refused.stderr
    project.save_config(project.config.model_copy(update={"train": {"epochs": 2}}))
    refused = cli("run", "--only", "linear", "--until", "train", code=2)
    assert "the method linear has no use for epochs" in refused.stderr
    changed = {"train": {}, "export": {"formats": ["q8_0"]}}
    project.save_config(project.config.model_copy(update=changed))
    refused = cli("run", "--only", "linear", "--until", "train", code=2)
    assert "it has no format q8_0, which the export asks for" in refused.stderr


def test_a_stop_while_a_baseline_answers_loads_no_further_one(messages: None, project: Project) -> None:
    cancel, seen = CancelToken(), []

    class Stopping(NullProgress):
        def start(self, description: str, total: int | None = None) -> None:
            seen.append(description)

        def advance(self, units: int = 1, **fields: str | float) -> None:
            if "answering" in seen[-1]:
                cancel.cancel()

    project.save_config(project.config.model_copy(update={"baseline": {"models": ["majority", "tfidf"]}}))
    with pytest.raises(CancelledError):
        run(project, RunRequest(until="baseline"), Work(Stopping(), cancel))
    assert [each for each in seen if each.endswith(": loading")] == ["majority: loading"]


def test_a_dry_run_names_entrants_and_what_is_left_out(
    messages: None, project: Project, cli_json: CliJson
) -> None:
    cli_json("run", "--until", "baseline")
    steps = cli_json("run", "--dry-run", "--rows", "100", "--budget-minutes", "0.000001")
    reason = next(step for step in steps if step["stage"] == "train")["reason"]
    assert "tournament: linear (words, characters) (about a minute)" in reason
    assert "not in it: full embedded: about" in reason
    assert not list(project.paths.tournaments.glob("*.json"))


def test_few_rows_are_forecast_with_their_many_epochs(
    messages: None, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project, RunRequest(until="prepare"))
    monkeypatch.setattr("narrowcast.experiments.tournament.entrants.machine", lambda: (False, 64.0, 1e11))

    def decoder(train: dict[str, Any]) -> float:
        project.save_config(project.config.model_copy(update={"train": train}))
        (minutes,) = (each.minutes for each in entrants(project, Limits(minutes=1e6), {}).taking
                      if each.kind == "decoder")  # fmt: skip
        return minutes

    # 400 steps at least: 40 epochs of fewer than 320 rows
    assert decoder({}) == pytest.approx(40 / 3 * decoder({"epochs": 3}))


def test_a_language_model_gets_no_more_than_the_budget(messages: None, project: Project) -> None:
    run(project, RunRequest(until="prepare"))

    def budget(minutes: float, **train: Any) -> float | None:
        project.save_config(project.config.model_copy(update={"train": train}))
        (taken,) = entrants(project, Limits(only=["decoder"], minutes=minutes), {}).taking
        return taken.options.get("budget_minutes")

    assert budget(4.0) == 4.0
    assert budget(4.0, epochs=9) == 4.0
    assert budget(4.0, budget_minutes=2) is None  # narrowcast.yaml allows it less
    assert budget(60.0) is None  # what training takes by itself


def test_fields_have_linear_entrants(project: Project, cli_json: CliJson, tmp_path: Path) -> None:
    import_fields(project, tmp_path, count=160)
    settings: dict[str, Any] = {"baseline": {"models": ["majority"]}, "evaluate": {"samples": 100}}
    project.save_config(project.config.model_copy(update=settings))
    held = cli_json("run", "--only", "linear", "--until", "evaluate", code=None)["tournament"]
    assert [each["name"] for each in held["entries"]] == ["linear (words, characters)"]
    assert held["entries"][0]["score"]["value"] > 0.9
    kinds = {each.kind for each in entrants(project, Limits(minutes=60.0), {}).taking}
    assert kinds == {"linear", "decoder"}


@pytest.fixture
def encoder(messages: None, project: Project, tmp_path: Path) -> str:
    """Prepared rows and a tiny encoder that `narrowcast.yaml` names."""
    path = str(build_tiny_encoder(tmp_path / "encoder"))
    project.save_config(project.config.model_copy(update={"train": {"base": path}}))
    run(project, RunRequest(until="baseline"))
    return path


class StopAt(NullProgress):
    """Cancels where a note says so, as ctrl-C would."""

    def __init__(self, words: str) -> None:
        self.work, self._words = Work(self), words

    def note(self, text: str) -> None:
        if self._words in text:
            self.work.cancel.cancel()


def test_a_stopped_tournament_continues_with_the_same_entrants(
    encoder: str, project: Project, cli_json: CliJson
) -> None:
    request = RunRequest(only=["linear"], until="train", max_latency_ms=60_000.0)
    with pytest.raises(CancelledError, match=r"stopped at linear \(.*\), after 1 of 3 runs"):
        run(project, request, StopAt("(2 of 3)").work)
    assert len(finished_runs(project.paths)) == 1
    (kept,) = project.paths.tournaments.iterdir()
    before = kept.read_text()
    held = run(project, request).summary.tournament
    assert [kept] == list(project.paths.tournaments.iterdir())
    assert kept.read_text() == before
    assert [each.name for each in held.entries] == [each["name"] for each in json.loads(before)["taking"]]
    assert all(each.alone_p50_ms > 0 for each in held.entries)
    best = max(held.entries, key=lambda each: each.score.value)
    assert held.winner.score == best.score
    assert held.chosen == current_run(project.paths).run_id

    # Nothing is trained, measured or chosen again, and what was trained takes nothing of a smaller budget.
    events = len(list(project.trail.events()))
    assert run(project, request).summary.tournament == held
    assert len(list(project.trail.events())) == events
    smaller = request.model_copy(update={"budget_minutes": 1e-9})
    assert [each.run_id for each in run(project, smaller).summary.tournament.entries] == [
        each.run_id for each in held.entries
    ]


def test_a_line_up_is_the_one_that_was_chosen(
    encoder: str, project: Project, cli: Cli, cli_json: CliJson
) -> None:
    asked = ("run", "--only", "linear", "--until", "train")
    held = cli_json(*asked)["tournament"]
    (path,) = project.paths.tournaments.iterdir()
    whole = path.read_text()
    project.paths.stage_records.joinpath("tournament.json").unlink()
    path.write_text(whole.replace("linear (words, characters)", "encoder (large)", 1))
    refused = cli(*asked, code=1, try_next=False)
    assert "was edited or replaced" in refused.stderr
    assert "delete it: `narrowcast run` chooses the entrants anew" in " ".join(refused.stderr.split())
    assert cli("audit", "verify", code=3).stdout.count(path.name) == 1
    path.unlink()
    again = cli_json(*asked)["tournament"]
    assert [each["name"] for each in again["entries"]] == [each["name"] for each in held["entries"]]
    events = [each for each in project.trail.events() if each.reason_code == "training_tournament_entrants"]
    assert len(events) == 2


def test_a_planted_line_up_is_not_taken(encoder: str, project: Project, cli_json: CliJson) -> None:
    held = cli_json("run", "--only", "linear", "--until", "train", "--dry-run")
    assert held
    question = question_of(project, Limits(only=["linear"]), {})
    path = project.paths.tournaments / f"{content_hash(question)[:10]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    planted = {"name": "encoder (large)", "kind": "encoder", "minutes": 900.0}
    planted["options"] = {"method": "linear", "features": ["words"]}
    path.write_text(json.dumps({"taking": [planted], "out": []}))
    chosen = cli_json("run", "--only", "linear", "--until", "train")["tournament"]
    assert "encoder (large)" not in [each["name"] for each in chosen["entries"]]


def test_after_a_whole_run_nothing_is_stale(
    encoder: str, project: Project, cli: Cli, cli_json: CliJson
) -> None:
    ready = {"export": {"parity_rows": 10, "tolerance": 0.5}, "evaluate": {"samples": 200}}
    project.save_config(project.config.model_copy(update=ready))
    assert cli_json("status")["next"] == "narrowcast train"  # of a configuration that names a base
    cli("run", "--only", "linear", "--force", code=None)
    status = cli_json("status")
    assert [each["stage"] for each in status["stages"] if each["runs"]] == []
    plan = cli_json("run", "--only", "linear", "--dry-run")
    assert {each["stage"]: each["reason"] for each in plan}["train"] == "up to date"

    project.save_config(project.config.model_copy(update={"train": {"base": encoder, "seed": 1}}))
    status = cli_json("status")
    (train,) = [each for each in status["stages"] if each["stage"] == "train"]
    assert "changed: options of train" in train["reason"]
    assert status["next"] == train["command"] == "narrowcast run"

    # A model that was trained by itself is the one that counts from then on.
    cli("train", "--method", "linear", "--features", "words", "--seed", "1")
    (train,) = [each for each in cli_json("status")["stages"] if each["stage"] == "train"]
    assert "a tournament" not in train["reason"]


def test_another_run_is_not_shown_with_the_former_evaluation(
    messages: None, project: Project, cli_json: CliJson
) -> None:
    first = cli_json("run", "--only", "linear", "--until", "evaluate", code=None)
    evaluated = f"run:{first['tournament']['chosen']}"
    assert evaluated in [row["model"] for row in first["rows"]]
    project.save_config(project.config.model_copy(update={"train": {"seed": 1}}))
    second = cli_json("run", "--only", "linear", "--until", "train")
    assert second["tournament"]["chosen"] != first["tournament"]["chosen"]
    assert [row["model"] for row in second["rows"]] == ["majority"]
    assert second["next"][0].startswith("narrowcast eval")


def test_every_entrant_names_its_method_and_base(encoder: str, project: Project) -> None:
    for train in ({"base": "smollm2-135m"}, {"method": "encoder"}, {"base": encoder}):
        project.save_config(project.config.model_copy(update={"train": train}))
        for each in entrants(project, Limits(), {}).taking:
            options = stage_options(project, STAGE, each.options)
            assert options.method == {"decoder": "auto"}.get(each.kind, each.kind)
            assert options.base == encoder or (options.base == "embedded" and encoder not in each.name)


def test_formats_that_are_no_list_are_refused_before_anything_is_trained(
    encoder: str, project: Project, cli: Cli
) -> None:
    project.save_config(project.config.model_copy(update={"export": {"formats": "onnx"}}))
    with pytest.raises(UsageError, match="formats: input should be a valid list"):
        run(project, RunRequest(only=["linear"], until="train"))
    for command in ("train", "preflight"):
        refused = cli(command, "--method", "linear", code=2).stderr
        assert "formats: input should be a valid list" in refused
    assert finished_runs(project.paths) == []


def test_a_tagger_takes_part_where_spans_are_asked_for(
    project: Project, cli: Cli, cli_json: CliJson, tmp_path: Path
) -> None:
    """A tiny encoder lies where the one of the catalogue would."""
    entry = find_encoder("minilm")
    assert entry is not None
    assert entry.package is not None
    folder = build_tiny_encoder(packaged_folder("minilm", entry.package, project.settings))
    source = ModelSource(
        name="minilm",
        origin="a test",
        sha256=entry.package.sha256,
        licence="apache-2.0",
        note="",
        reader=READER,
    )
    write_source(folder, source)
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows_with_spans(120)))
    cli("data", "import", "--locator", f"jsonl:{tmp_path}/rows.jsonl", "--auto")
    settings: dict[str, Any] = {
        "baseline": {"models": ["majority"]},
        "prepare": {"near_duplicates": "free"},
        "train": {"epochs": 4, "learning_rate": 1e-3},
    }
    project.save_config(project.config.model_copy(update=settings))
    held = cli_json("run", "--only", "encoder,linear", "--until", "train", code=None)["tournament"]
    taken, out = held["entries"]
    assert (taken["name"], taken["left_out"]) == ("encoder (minilm, fine-tuned)", "")
    assert (out["name"], out["options"]["features"]) == ("linear (each word)", [])
    assert "has no use for epochs, learning_rate" in out["left_out"]
    assert held["metric"] == "span_f1"
    record = current_run(project.paths)
    assert record is not None
    assert (project.paths.adapters / record.run_id / "tagger.safetensors").exists()


@pytest.mark.parametrize("limit", ["--budget-minutes", "--max-latency-ms", "--max-size-mb"])
def test_a_limit_is_a_finite_number(project: Project, cli: Cli, limit: str) -> None:
    assert "input should be a finite number" in cli("run", limit, "inf", code=2).stderr
