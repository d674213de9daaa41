import json

import pytest

from narrowcast.core.model_ref import ModelRef
from narrowcast.core.names import Split
from narrowcast.errors import DataError, ModelError, UsageError, WorkspaceError
from narrowcast.models.classifiers import calibrated_svm
from narrowcast.ops.evaluate import baseline, evaluate
from narrowcast.ops.prepare import prepare
from narrowcast.ops.requests import BaselineRequest, EvaluateRequest
from narrowcast.pipeline.project import Project
from narrowcast.store.datasets import load_manifest, read_split
from narrowcast.store.files import read_json, read_jsonl
from narrowcast.tasks.classification import ClassificationHandler
from narrowcast.testing.tiny import build_tiny_encoder, build_tiny_model
from tests.evaluation.conftest import booking_rows, ticket_rows
from tests.support.imports import import_rows
from tests.support.kills import count_opened

FAST = {"models": ["majority", "tfidf"], "samples": 200}
QUICK = {"samples": 100}


def test_baselines_are_measured_with_intervals_and_compared(intents):
    result = baseline(intents, BaselineRequest(options=FAST))
    majority, tfidf = result.results
    assert (majority.model, tfidf.model) == ("majority", "tfidf")
    assert tfidf.n == result.n == 60
    for each in result.results:
        value = each.metrics["macro_f1"]
        assert value.low <= value.value <= value.high
    assert tfidf.metrics["macro_f1"].value > 0.7 > majority.metrics["macro_f1"].value
    assert set(tfidf.breakdown["f1"]) == {"card", "fee", "login"}
    comparison = result.comparisons[0]
    assert (comparison.model, comparison.against, comparison.verdict) == ("tfidf", "majority", "better")
    assert comparison.difference.value == pytest.approx(
        tfidf.metrics["macro_f1"].value - majority.metrics["macro_f1"].value
    )
    assert [each.gates for each in result.results] == [[], []]


def test_a_baseline_that_has_every_row_right_is_not_followed_by_training(project, cli, tmp_path):
    lines = [
        f"{('refund', 'deliver', 'invoice')[n % 3]} of case {n * 7919},{'abc'[n % 3]}" for n in range(300)
    ]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *lines]))
    import_rows(project, f"csv:{tmp_path / 'rows.csv'}", auto=True, force=True)
    cli("prepare", "--groups", "free", "--similarity", "1", "--copies", "free")
    page = cli("baseline", "--models", "majority,tfidf", "--samples", "100").stdout
    assert "1.000" in page
    assert "next: narrowcast data leakage train test" in page
    worse = cli("baseline", "--models", "majority", "--samples", "100", "--force").stdout
    assert "next: narrowcast train" in worse


def test_the_manifest_of_the_data_set_is_read_once(intents):
    folder = intents.paths.prepared / (intents.paths.prepared / "current").read_text().strip()
    intents.close()

    def measure():
        with Project.open(intents.settings, str(intents.paths.root)) as project:
            assert baseline(project, BaselineRequest(options={**FAST, "models": ["majority"]})).n == 60

    assert count_opened(folder / "manifest.json", measure) == 1


def test_the_report_folder_holds_what_people_and_machines_read(intents):
    result = baseline(intents, BaselineRequest(options=FAST))
    folder = intents.paths.root / result.report
    assert {path.name for path in folder.iterdir()} == {
        "report.json",
        "report.md",
        "models.png",
        "confusion.png",
        "per_class.png",
        "majority.failures.jsonl",
        "tfidf.failures.jsonl",
    }
    assert (
        read_json(folder / "report.json")["results"][1]["metrics"]
        == json.loads(result.model_dump_json(include={"results"}))["results"][1]["metrics"]
    )
    text = (folder / "report.md").read_text()
    assert "60 rows of data set" in text
    assert "access 1 to this split" in text
    assert "tfidf − majority" in text
    failures = list(read_jsonl(folder / "majority.failures.jsonl"))
    assert 0 < len(failures) <= 50
    assert all(row["expected"] != row["predicted"] for row in failures)
    answers = list(read_jsonl(intents.paths.root / result.results[1].predictions))
    assert answers[0]["model"] == "tfidf"
    assert len(answers) == 61


def test_equal_inputs_are_not_measured_again_and_force_is_a_second_look(intents):
    first = baseline(intents, BaselineRequest(options=FAST))
    assert baseline(intents, BaselineRequest(options=FAST)) == first
    again = baseline(intents, BaselineRequest(options=FAST, force=True))
    assert (first.looks, again.looks) == (1, 2)
    assert [each.metrics for each in again.results] == [each.metrics for each in first.results]
    assert [each.speed.reused for each in again.results] == [False, False]


def test_answers_are_reused_where_only_the_interval_changes(intents):
    first = baseline(intents, BaselineRequest(options=FAST))
    second = baseline(intents, BaselineRequest(options={**FAST, "seed": 0, "samples": 300}))
    assert [each.speed.reused for each in second.results] == [True, True]
    for one, two in zip(first.results, second.results, strict=True):
        assert {name: value.value for name, value in one.metrics.items()} == {
            name: value.value for name, value in two.metrics.items()
        }
    fresh = baseline(intents, BaselineRequest(options={**FAST, "samples": 300, "reuse": False}))
    assert [each.speed.reused for each in fresh.results] == [False, False]


def test_dev_access_is_not_counted(intents):
    assert baseline(intents, BaselineRequest(options={**FAST, "split": "dev"})).looks == 0
    assert not (intents.paths.registry / "test_looks.jsonl").exists()


def test_a_limit_draws_rows_by_seed_and_says_so(intents):
    result = baseline(intents, BaselineRequest(options={**FAST, "limit": 20}))
    assert result.n == 20
    assert result.rows_drawn == "20 of 60 rows, drawn at random with seed 0"
    ids = [row["id"] for row in list(read_jsonl(intents.paths.root / result.results[0].predictions))[1:]]
    everything = [row.id for row in read_split(intents.paths, load_manifest(intents.paths), Split.TEST)]
    assert ids == [each for each in everything if each in set(ids)]
    assert ids != everything[:20]


def test_held_out_rows_never_reach_a_fit(intents, monkeypatch):
    """Whatever the baselines are fitted on is a train row: the split readers are watched, nothing else."""
    from narrowcast.evaluation import inputs as module

    read = []
    original = module.read_split

    def watched(project, manifest, split):
        read.append(split)
        return original(project, manifest, split)

    monkeypatch.setattr(module, "read_split", watched)
    baseline(intents, BaselineRequest(options=FAST))
    assert set(read) == {Split.TRAIN}

    manifest = load_manifest(intents.paths)
    held_out = {
        row.inputs["text"]
        for split in (Split.DEV, Split.TEST)
        for row in original(intents.paths, manifest, split)
    }
    pairs = module.train_pairs(intents.paths, manifest)()
    assert len(pairs) == manifest.splits[Split.TRAIN].rows
    assert not held_out & {pair.text for pair in pairs}


def test_spans_are_measured(prepared):
    project = prepared(booking_rows(220), booking_rows(50, seed=1))
    result = baseline(project, BaselineRequest(options=FAST))
    majority, tfidf = result.results
    assert tfidf.primary == "span_f1"
    assert tfidf.metrics["span_f1"].value > 0.9 > majority.metrics["span_f1"].value
    assert set(tfidf.breakdown["f1"]) == {"people", "time"}


def test_fields_are_measured(prepared):
    mapping = {"mapper": "kv_to_structured", "field_map": {"text": "text", "target": "ticket"}}
    project = prepared(ticket_rows(260), ticket_rows(50, seed=1), **mapping)
    result = baseline(project, BaselineRequest(options=FAST))
    tfidf = result.results[1]
    assert tfidf.primary == "field_f1"
    assert tfidf.metrics["field_f1"].value > 0.7
    assert tfidf.metrics["parse_rate"].value == 1.0
    assert set(tfidf.breakdown["accuracy"]) == {"topic", "order"}
    assert (project.paths.root / result.report / "per_field.png").exists()


def test_nothing_prepared_names_the_next_command(project):
    with pytest.raises(DataError) as caught:
        baseline(project, BaselineRequest(options=FAST))
    assert caught.value.next_command == "narrowcast data import --locator SCHEME:PATH --auto"


def test_a_missing_golden_split_is_said(intents):
    with pytest.raises(DataError, match="no golden split"):
        baseline(intents, BaselineRequest(options={**FAST, "split": "golden"}))


def test_wrong_options_and_models_are_usage_errors(intents):
    with pytest.raises(UsageError, match="no predictor is called"):
        baseline(intents, BaselineRequest(options={"models": ["nonsense"]}))
    with pytest.raises(UsageError, match="split"):
        baseline(intents, BaselineRequest(options={"split": "train"}))


def test_events_tell_what_was_measured(intents):
    baseline(intents, BaselineRequest(options=FAST))
    event = intents.trail.events()[-1]
    assert (event.stage, event.reason_code) == ("baseline", "baseline_run")
    assert set(event.payload["models"]) == {"majority", "tfidf"}
    assert event.payload["n"] == 60


def test_baselines_that_are_not_on_this_machine_are_named_until_they_are_measured(intents, tmp_path):
    base = str(build_tiny_model(tmp_path / "base", context=512))
    result = baseline(intents, BaselineRequest(options={"base": base, "limit": 6, "shots": 1, **QUICK}))
    absent = [f"{name}:minilm" for name in ("encoder", "encoder-svm", "nearest", "base-retrieval")]
    prompted = ["base", "base-few-shot", "base-retrieval:tfidf"]
    assert [each.model for each in result.results] == ["majority", "tfidf", "svm", *prompted]
    assert [each.model for each in result.unmeasured] == absent
    assert {each.command for each in result.unmeasured} == {"narrowcast models pull minilm"}
    report = (intents.paths.root / result.report / "report.md").read_text()
    assert "| encoder:minilm | not measured |" in report

    judged = evaluate(intents, EvaluateRequest(options={"models": ["svm"], "limit": 6, **QUICK}))
    assert [each.model for each in judged.unmeasured] == absent

    encoder = build_tiny_encoder(tmp_path / "encoder")
    named = ModelRef(f"nearest:{encoder}")
    later = baseline(intents, BaselineRequest(options={"models": [named], "limit": 6, **QUICK}))
    assert later.results[0].model == named
    assert [each.model for each in later.unmeasured] == absent  # another encoder than the one that is missing


def test_what_is_not_on_this_machine_is_an_error_where_it_is_asked_for(intents):
    with pytest.raises(ModelError, match="the encoder minilm is not on this machine"):
        baseline(intents, BaselineRequest(options={"models": ["encoder:minilm"], **QUICK}))


def test_the_nearest_rows_by_words_stand_in_for_an_encoder_that_is_not_here(intents, tmp_path, monkeypatch):
    here = ModelRef(f"base-retrieval:{build_tiny_encoder(tmp_path / 'encoder')}")
    words = ModelRef("base-retrieval:tfidf")
    monkeypatch.setattr(ClassificationHandler, "baselines", ("majority", here, words))
    options = {"budget_minutes": 1e-6, **QUICK}
    both = baseline(intents, BaselineRequest(options=options))
    assert [each.model for each in both.unmeasured] == [here, words]
    monkeypatch.setattr("narrowcast.stages.baseline._STAND_INS", {words: here})
    one = baseline(intents, BaselineRequest(options=options, force=True))
    assert [each.model for each in one.unmeasured] == [here]


def test_a_text_that_is_too_long_for_the_base_leaves_the_other_baselines(project, cli, cli_json, tmp_path):
    rows = [
        {
            "text": f"{('refund', 'deliver', 'invoice')[n % 3]} of case {n * 7919} {'please ' * 2500}",
            "label": "abc"[n % 3],
        }
        for n in range(60)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    import_rows(project, f"jsonl:{tmp_path / 'rows.jsonl'}", auto=True, force=True)
    cli("prepare", "--groups", "free", "--similarity", "1", "--copies", "free")
    result = cli_json("baseline", "--samples", "100")
    assert {"majority", "tfidf", "svm"} <= {each["model"] for each in result["results"]}
    named = {each["model"]: each["reason"] for each in result["unmeasured"]}
    assert "leaves no room in a context of 2048" in named["base"]
    refused = cli_json("baseline", "--models", "base", "--samples", "100", code=1)["error"]
    assert refused["reason_code"] == "model_prompt_too_long"


def test_where_no_baseline_can_be_measured_the_first_says_what_it_needs(project, tmp_path, cli, monkeypatch):
    pairs = [
        {"prompt": f"{message} {n}", "chosen": f"yes, {n}", "rejected": f"no {n}"}
        for n, message in enumerate(["please help me", "is anybody there", "my card is lost"] * 15)
    ]
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in pairs))
    fields = {name: name for name in pairs[0]}
    import_rows(project, f"jsonl:{path}", mapper="preference_pair", field_map=fields)
    prepare(project)
    project.save_config(project.config.model_copy(update={"train": {"base": "smollm2-135m"}}))
    monkeypatch.setenv("NARROWCAST_OFFLINE", "1")
    page = cli("baseline", "--samples", "100", code=1).stderr
    assert "no baseline can be measured: base: " in page
    assert "narrowcast models pull " in page


def test_edited_answers_are_measured_again_once_they_are_deleted(intents):
    result = baseline(intents, BaselineRequest(options={"models": ["majority"], **QUICK}))
    answers = intents.paths.root / result.results[0].predictions
    answers.write_bytes(answers.read_bytes() + b"\n")
    with pytest.raises(WorkspaceError) as refused:
        baseline(intents, BaselineRequest(options={"models": ["majority"], "samples": 120}))
    assert "delete it: what needs it measures again" in refused.value.next_command
    answers.unlink()
    again = baseline(intents, BaselineRequest(options={"models": ["majority"], "samples": 120}))
    assert not again.results[0].speed.reused


def test_answers_with_probabilities_of_an_earlier_calibration_are_not_reused(intents, monkeypatch):
    def is_reused(samples: int) -> list[bool]:
        options = {"models": ["svm", "tfidf"], "samples": samples}
        return [each.speed.reused for each in baseline(intents, BaselineRequest(options=options)).results]

    assert is_reused(100) == [False, False]
    assert is_reused(110) == [True, True]
    monkeypatch.setattr(calibrated_svm, "CALIBRATION", 3)
    assert is_reused(120) == [False, True]
