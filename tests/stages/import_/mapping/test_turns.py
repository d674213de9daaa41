"""Turns whose parts are not what their kind says, and texts that only look like one of the known forms."""

from typing import Any

import pytest

from narrowcast.stages.import_.mapping.reasons import RejectRow
from narrowcast.stages.import_.mapping.spoken import defined_functions, function_call, spoken_turns
from narrowcast.stages.import_.mapping.turns import read_turns


def turn(part: Any, role: str = "assistant") -> list[Any]:
    return [{"role": "user", "content": "hi"}, {"role": role, "content": [part]}]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "function_call", "name": "find", "arguments": "{}"},
        {"type": "functionCall", "functionCall": "find"},
        {"type": "toolUse"},
        {"type": "toolResult", "content": "found"},
        {"type": "functionResponse", "functionResponse": None},
    ],
)
def test_a_part_without_the_object_of_its_kind_is_rejected(part: Any) -> None:
    with pytest.raises(RejectRow, match="invalid_messages_shape"):
        read_turns(turn(part))


@pytest.mark.parametrize("key", ["input", "args", "arguments"])
def test_arguments_of_a_part_are_kept_whatever_their_name(key: str) -> None:
    turns = read_turns(turn({"type": "function_call", "function_call": {"name": "find", key: {"id": 3}}}))
    assert turns[-1].calls == ({"name": "find", "arguments": {"id": 3}},)


def test_a_call_that_is_nested_too_deep_is_none() -> None:
    deep = "<functioncall> " + '{"a":' * 200_000 + "1" + "}" * 200_000
    assert function_call(deep) is None


def test_an_example_of_an_answer_defines_no_function() -> None:
    prompt = 'Answer as JSON, such as {"name": "Bob"}'
    assert defined_functions(prompt) == (prompt, [])
    function = {"name": "find", "description": "Look up", "parameters": {}}
    assert defined_functions('Use {"name": "find", "description": "Look up", "parameters": {}}') == (
        "Use",
        [function],
    )


def test_headings_inside_a_turn_stay() -> None:
    asked = "Convert it.\n\n### Input: a table"
    text = f"<|im_start|>user\n{asked}<|im_end|>\n<|im_start|>assistant\nok<|im_end|>"
    assert [each["content"] for each in spoken_turns(text) or []] == [asked, "ok"]
    alpaca = "### Instruction:\nConvert it.\n\n### Input:\na table\n\n### Response:\nok"
    assert [each["content"] for each in spoken_turns(alpaca) or []] == ["Convert it.\n\na table", "ok"]
