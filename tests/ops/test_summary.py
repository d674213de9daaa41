"""What is advised after a run follows from the interval of the difference."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from narrowcast.cli import state
from narrowcast.cli.next_command import next_line
from narrowcast.cli.summary import show_summary
from narrowcast.core.metric import Difference, Gate, GateOutcome, MetricValue
from narrowcast.core.model_ref import ModelRef
from narrowcast.evaluation.conclude import Training, baseline_gate, conclude
from narrowcast.evaluation.result import Comparison
from narrowcast.ops.prepare import prepare
from narrowcast.ops.summary import SummaryRow, _is_perfect, _next_steps, summarise
from tests.support.command_lines import mistake_in
from tests.support.imports import import_rows

MODELS = [ModelRef(each) for each in ("tfidf", "run:exp-1", "gguf:q8_0")]


def comparison(against: str, interval: tuple[float, float, float], p: float = 0.01) -> Comparison:
    low, value, high = interval
    counts = {"p_value": p, "only_first_right": 3, "only_second_right": 1, "mcnemar_p": 0.1}
    result = Difference(metric="macro_f1", value=value, low=low, high=high, p_adjusted=p, **counts)
    return Comparison(model=MODELS[1], against=ModelRef(against), n=300, groups=300, difference=result)


BETTER, OPEN, WORSE = (0.01, 0.05, 0.09), (-0.02, 0.03, 0.08), (-0.05, -0.02, -0.01)


@pytest.mark.parametrize(
    ("intervals", "standing", "first"),
    [
        ({"tfidf": BETTER, "base": BETTER}, "ahead", "narrowcast serve"),
        # Sure of the one that is least behind, unsure of another.
        (
            {"tfidf": (0.005, 0.02, 0.035), "base": (-0.02, 0.03, 0.08)},
            "undecided",
            "narrowcast train --base embedded --epochs",
        ),
        # Not sure of the one that is most behind, but worse than another.
        ({"tfidf": (-0.08, -0.03, 0.02), "base": WORSE}, "lost", "narrowcast train --base embedded --epochs"),
        ({"majority": BETTER}, "ahead", "narrowcast serve"),
        ({}, "not_compared", "narrowcast baseline"),
    ],
)
def test_a_conclusion_looks_at_every_interval(intervals, standing, first):
    comparisons = [comparison(name, interval) for name, interval in intervals.items()]
    gate = baseline_gate("macro_f1", comparisons)
    result = conclude(MODELS[1], [gate], comparisons, Training(27, 405, 15, "--base embedded"))
    assert result.standing == standing
    assert result.blocks == (standing == "lost")
    steps = _next_steps(SimpleNamespace(slug="cards"), MODELS, result)
    assert steps[0].startswith(first)
    assert any("serve" in step for step in steps) == (standing != "lost")
    if standing == "lost":
        assert "27 updates, the default is 405" in result.sentence
        assert "base is better" in result.sentence
    if list(intervals) == ["majority"]:
        assert "the only baseline measured" in result.sentence
    assert gate.verdict == {"ahead": "pass", "lost": "fail"}.get(standing, "not_enough_data")


@pytest.mark.parametrize(
    "names", [("nearest:minilm", "svm", "tfidf"), ("encoder:minilm", "majority", "tfidf")]
)
def test_of_equally_good_baselines_the_cheapest_is_to_be_shipped(names):
    cheapest = names[1] if "majority" in names else "tfidf"
    comparisons = [comparison(name, (-0.05, -0.02 - place / 1e5, -0.01)) for place, name in enumerate(names)]
    assert f"ship {cheapest}, " in conclude(MODELS[1], [], comparisons).sentence
    better = [comparison("encoder:minilm", (-0.06, -0.03, -0.01)), comparison("tfidf", WORSE)]
    assert "ship encoder:minilm" in conclude(MODELS[1], [], better).sentence  # which is not equally good
    level = [comparison(name, (-0.02, 0.0, 0.02)) for name in names]
    assert f"ship what is simpler ({cheapest})" in conclude(MODELS[1], [], level).sentence


@pytest.mark.parametrize(
    ("model", "perfect"),
    [
        ("tfidf", True),
        ("encoder:minilm", True),
        ("run:exp-1", False),
        ("gguf:q8_0", False),
        ("onnx:onnx", False),
    ],
)
def test_only_a_baseline_leaves_nothing_to_gain(model, perfect):
    ones = MetricValue(value=1, low=1, high=1)
    row = SummaryRow(model=ModelRef(model), name=model, metric=ones, latency_p50_ms=1, size_bytes=1)
    assert _is_perfect([row]) == perfect


@pytest.mark.parametrize("interval", [WORSE, (-0.05, -0.02, 0.01)])
def test_where_nothing_can_be_better_nobody_is_sent_to_train(interval):
    comparisons = [comparison("tfidf", interval)]
    result = conclude(
        MODELS[1], [], comparisons, Training(27, 405, 15, "--base embedded"), perfect=[ModelRef("tfidf")]
    )
    assert "nothing can be better than tfidf" in result.sentence
    assert not any("train " in f"{line} " and "leakage" not in line for line in result.next)
    assert not any("train --epochs" in line or line == "narrowcast train" for line in result.next)


def test_a_difference_among_many_must_be_surer():
    assert comparison("tfidf", BETTER, p=0.04).verdict == "better"
    assert comparison("tfidf", BETTER, p=0.12).verdict == "no difference shown"


def test_a_gate_that_blocks_outweighs_a_better_score():
    gate = Gate(gate_id="accuracy>=0.9", metric="accuracy", operator="gte", threshold=0.9, required=True)
    outcomes = [
        GateOutcome(**gate.model_dump(), verdict=verdict, reason="r")
        for verdict in ("fail", "not_enough_data")
    ]
    for outcome in outcomes:
        result = conclude(MODELS[1], [outcome], [comparison("tfidf", BETTER)])
        assert (result.standing, result.blocks) == ("failed", True)
        assert "accuracy>=0.9" in result.sentence


def test_a_run_that_ends_with_prepare_says_what_was_done_and_what_is_next(project, tmp_path, capsys):
    path = tmp_path / "rows.csv"
    lines = [f"card number {n} is lost,{('lost', 'result')[n % 2]}" for n in range(60)]
    path.write_text("\n".join(["text,label", *lines]) + "\n")
    import_rows(project, f"csv:{path}", auto=True, force=True)
    done = prepare(project)
    summary = summarise(project)
    assert (summary.rows, summary.dataset_version) == ([], done.version)
    assert summary.next[0].startswith("narrowcast baseline")
    show_summary(summary)
    page = capsys.readouterr().out
    assert "is prepared" in page
    assert "on 0" not in page


def test_after_a_quick_run_all_rows_are_trained_on_not_more_epochs():
    drawn = "150 of 490 train rows, drawn at random with seed 0"
    training = Training(2, 80, 40, "--base embedded", drawn)
    level = comparison("svm", OPEN)
    fit = "narrowcast train --method linear --features words --classifier logistic"
    for comparisons, standing, sentence, steps in (
        (
            [comparison("tfidf", WORSE), level],  # level with the one, so not beaten by it
            "lost",
            f"do not ship {MODELS[1]}, which was trained on {drawn}: tfidf is better (",
            [fit, "narrowcast train --base embedded"],
        ),
        (
            [level],
            "undecided",
            f"train on all rows before this is decided: {MODELS[1]}, which was trained on {drawn}, "
            "is not shown to be better than svm (",
            ["narrowcast train --base embedded"],
        ),
    ):
        gate = baseline_gate("macro_f1", comparisons)
        result = conclude(MODELS[1], [gate], comparisons, training, can_fit=True)
        assert (result.standing, result.next) == (standing, steps)
        assert result.sentence.startswith(sentence)
        assert ("svm" in result.sentence) is (standing == "undecided")
        assert result.sentence.endswith("; ship tfidf, or train on all rows") is (standing == "lost")


def test_a_linear_classifier_needs_more_rows_not_another_base():
    comparisons = [comparison("tfidf", WORSE)]
    result = conclude(MODELS[1], [], comparisons, Training(0, 0, 0, "--method linear", has_base=False))
    assert result.next == ["narrowcast data import --locator SCHEME:PATH"]
    assert conclude(MODELS[1], [], comparisons, Training(0, 0, 0, "--base embedded")).next == [
        "narrowcast models list"
    ]


def test_a_gate_without_enough_rows_is_answered_by_a_whole_sentence():
    gate = Gate(gate_id="macro_f1>=0.5", metric="macro_f1", operator="gte", threshold=0.5, required=True)
    reason = "27 rows, at least 30 are needed"
    outcome = GateOutcome(**gate.model_dump(), verdict="not_enough_data", reason=reason)
    result = conclude(MODELS[1], [outcome], [comparison("tfidf", BETTER)])
    assert result.sentence.endswith(f"({reason}); add data")


@pytest.mark.parametrize(
    "training",
    [None, Training(0, 0, 0, "--method linear", has_base=False), Training(1, 9, 3, "--base minilm")],
)
@pytest.mark.parametrize("intervals", [[], [BETTER], [OPEN], [WORSE]])
def test_each_next_command_can_be_run_from_another_project(training, intervals):
    comparisons = [comparison("tfidf", each) for each in intervals]
    result = conclude(MODELS[1], [], comparisons, training, can_fit=True)
    state.begin([])
    state.work_on("cards")
    shown = [next_line(step) for step in _next_steps(SimpleNamespace(slug="cards"), MODELS, result)]
    state.begin([])
    for label, line in shown:
        assert (label, mistake_in(line, run=False)) == ("next", "")
        assert ("--project cards" in line) == ("models list" not in line)
