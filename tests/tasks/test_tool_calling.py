"""Tool calls: what is shown, what is read, what counts as right."""

import json
import math
from typing import Any

import numpy as np
import pytest

from narrowcast.core.example import Example
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.tasks import handler_for
from narrowcast.tasks.bootstrap import bootstrap

HANDLER = handler_for(TaskSpec(profile="tool_calling"))
TOOL = {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
WANTED = {
    "name": "get_weather",
    "arguments": {"city": "New York"},
    "accepted": {"city": ["New York", "NYC"], "unit": ["", "celsius"]},
}


def metrics(wanted: list[dict[str, Any]], answer: Any) -> dict[str, float]:
    example = Example({"messages": [{"role": "user", "content": "q"}]}, {"tool_calls": wanted}, "s", 0)
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return HANDLER.score([example], [Prediction(text)]).metrics


def call(name: str = "get_weather", **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def test_the_prompt_names_the_tools_and_the_answer_is_calls_alone() -> None:
    turns = [{"role": "system", "content": "Be exact."}, {"role": "user", "content": "Weather?"}]
    messages = HANDLER.to_messages({"tools": [TOOL], "messages": turns}, {"tool_calls": [WANTED]})
    assert messages[0].content.startswith("Be exact.\n\nChoose the functions")
    assert '{"name": "get_weather"' in messages[0].content
    assert [each.role for each in messages] == ["system", "user", "assistant"]
    assert json.loads(messages[-1].content) == [call(city="New York")]


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ([call(city="New York")], 1.0),
        ([call(city="new york.")], 1.0),
        ([call(city="NYC", unit="celsius")], 1.0),
        (call(city="NYC"), 1.0),
        ([call(city="Boston")], 0.0),
        ([call(city="NYC", unit="kelvin")], 0.0),
        ([call(city="NYC", day=1)], 0.0),
        ([call()], 0.0),
        ([call("other", city="NYC")], 0.0),
        ([call(city="NYC"), call(city="NYC")], 0.0),
        ([], 0.0),
    ],
)
def test_a_call_is_right_where_every_argument_is_accepted(answer: Any, right: float) -> None:
    assert metrics([WANTED], answer)["call_accuracy"] == right


def test_parallel_calls_match_in_any_order() -> None:
    wanted = [call("f", x=1), call("f", x=2), call("g", y="a")]
    assert metrics(wanted, [call("g", y="a"), call("f", x=2), call("f", x=1.0)])["call_accuracy"] == 1.0
    half = metrics(wanted, [call("f", x=2), call("f", x=3), call("g", y="b")])
    assert (half["call_accuracy"], half["tool_accuracy"]) == (0.0, 1.0)
    assert half["argument_accuracy"] == pytest.approx(1 / 3)


def test_no_call_is_an_answer() -> None:
    assert metrics([], [])["call_accuracy"] == 1.0
    wrong = metrics([], [call()])
    assert (wrong["call_accuracy"], wrong["tool_accuracy"]) == (0.0, 0.0)
    assert math.isnan(wrong["argument_accuracy"])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "empty_answer"),
        ("get_weather(city)", "not_json"),
        ('["a"]', "not_calls"),
        ('{"name": "f"}', "not_calls"),
    ],
)
def test_an_answer_that_is_not_a_call_is_named(text: str, error: str) -> None:
    assert HANDLER.parse(text).error == error
    assert metrics([WANTED], text)["invalid_rate"] == 1.0


def test_true_is_not_one_and_nested_values_have_their_own_alternatives() -> None:
    nested = {"name": "f", "arguments": {"o": {"a": 1}}, "accepted": {"o": [{"a": [1, 2], "b": ["", "x"]}]}}
    assert metrics([nested], [call("f", o={"a": 2})])["call_accuracy"] == 1.0
    assert metrics([nested], [call("f", o={"a": 2, "b": "x"})])["call_accuracy"] == 1.0
    assert metrics([nested], [call("f", o={"b": "x"})])["call_accuracy"] == 0.0
    assert metrics([call("f", x=1)], [call("f", x=True)])["call_accuracy"] == 0.0


def test_resampling_gives_the_metrics_back() -> None:
    example = Example({"messages": []}, {"tool_calls": [WANTED]}, "s", 0)
    scores = HANDLER.score(
        [example] * 3, [Prediction("[]"), Prediction(json.dumps([WANTED])), Prediction("x")]
    )
    assert scores.resample(np.arange(3)) == scores.metrics
    assert [row.correct for row in scores.rows] == [False, True, False]


def test_few_replies_in_words_decide_little() -> None:
    handler = handler_for(
        TaskSpec(profile="tool_calling", output_schema={"properties": {"content": {"type": "string"}}})
    )
    targets = [{"tool_calls": [call(city="Oslo")]}] * 40 + [{"tool_calls": [], "content": "Which city?"}] * 3
    rows = [
        Example({"messages": [{"role": "user", "content": "x"}]}, each, "s", n)
        for n, each in enumerate(targets)
    ]
    answers = [
        Prediction(json.dumps(each["tool_calls"]) if each["tool_calls"] else "Which one?") for each in targets
    ]
    found = bootstrap(handler.score(rows, answers), samples=100).estimates
    assert "3 rows decide it" in found["words_rouge_l"].too_small
    assert found["call_accuracy"].too_small == ""
