"""Tool calls, preferences and pairs of texts: every form that is read, every reason a row is refused for."""

import json
from typing import Any

import pytest

from narrowcast.core.row import SourceRow, TransformedRow
from narrowcast.errors import UsageError
from narrowcast.stages.import_.mapping import MAPPERS, check_field_map
from narrowcast.stages.import_.mapping.engine import RowMapping

TOOLS = [
    {
        "name": "f",
        "parameters": {"type": "dict", "properties": {"a": {"type": "float"}, "b": {"type": "any"}}},
    }
]
USER = {"role": "user", "content": "please"}


def outcome(mapper: str, field_map: dict[str, str], data: dict[str, Any]) -> Any:
    made = RowMapping(MAPPERS.get(mapper)(field_map), field_map, "imp-x").map(SourceRow(0, data))
    return (made.example.inputs, made.example.target) if isinstance(made, TransformedRow) else made.reason


FORMS: dict[str, Any] = {
    "plain": [{"name": "f", "arguments": {"a": 1}}],
    "json text": json.dumps([{"name": "f", "arguments": {"a": 1}}]),
    "openai": [{"type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}],
    "python": ["f(a=1)"],
    "python by position": ["f(1)"],
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_a_call(form: str) -> None:
    fields = {"messages": "q", "tools": "t", "calls": "c"}
    inputs, target = outcome("tool_calls_passthrough", fields, {"q": "please", "t": TOOLS, "c": FORMS[form]})
    assert target == {"tool_calls": [{"name": "f", "arguments": {"a": 1}}]}
    assert inputs["messages"] == [USER]
    assert inputs["tools"][0]["parameters"]["type"] == "object"
    assert inputs["tools"][0]["parameters"]["properties"] == {"a": {"type": "number"}, "b": {}}


def test_accepted_values_are_kept_and_the_first_is_learned() -> None:
    truth = [{"f": {"a": [1, 2], "b": ["", "x"]}}]
    _, target = outcome(
        "tool_calls_passthrough", {"messages": "q", "calls": "c"}, {"q": [[USER]], "c": truth}
    )
    [call] = target["tool_calls"]
    assert call == {"name": "f", "arguments": {"a": 1}, "accepted": {"a": [1, 2], "b": ["", "x"]}}


def test_of_several_rounds_the_last_is_answered() -> None:
    rounds = [[USER], [{"role": "user", "content": "and now"}]]
    inputs, target = outcome(
        "tool_calls_passthrough", {"messages": "q", "calls": "c"}, {"q": rounds, "c": [["f(a=1)"], ["g()"]]}
    )
    assert [turn["role"] for turn in inputs["messages"]] == ["user", "assistant", "user"]
    assert json.loads(inputs["messages"][1]["content"]) == [{"name": "f", "arguments": {"a": 1}}]
    assert target == {"tool_calls": [{"name": "g", "arguments": {}}]}


def test_openai_messages_hold_their_own_calls() -> None:
    said = {"role": "assistant", "content": None, "tool_calls": FORMS["openai"]}
    result = {"role": "tool", "content": "2"}
    fields = {"messages": "m", "tools": "t"}
    inputs, target = outcome("tool_calls_passthrough", fields, {"m": [USER, said, result, said], "t": TOOLS})
    assert [turn["role"] for turn in inputs["messages"]] == ["user", "assistant", "tool"]
    assert target["tool_calls"][0]["name"] == "f"
    talk = [USER, {"role": "assistant", "content": "I cannot."}]
    assert outcome("tool_calls_passthrough", fields, {"m": talk, "t": TOOLS})[1] == {
        "tool_calls": [],
        "content": "I cannot.",
    }


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"q": "x", "t": TOOLS}, "missing_calls"),
        ({"q": "x", "t": [], "c": []}, "missing_tools"),
        ({"q": "x", "t": "{", "c": []}, "missing_tools"),
        ({"q": "x", "t": TOOLS, "c": ["g(a=1)"]}, "unknown_tool"),
        ({"q": "x", "t": TOOLS, "c": ["f(1, 2, 3)"]}, "positional_arguments"),
        ({"q": "x", "t": TOOLS, "c": ["f(a=b)"]}, "invalid_call"),
        ({"q": "x", "t": TOOLS, "c": ["f("]}, "invalid_call"),
        ({"q": "x", "t": TOOLS, "c": [3]}, "invalid_call"),
        ({"q": "x", "t": TOOLS, "c": [{"name": "f", "arguments": "no"}]}, "invalid_call"),
        ({"q": "x", "t": TOOLS, "c": [{"f": {"a": 1}}]}, "invalid_call"),
        ({"q": " ", "t": TOOLS, "c": []}, "no_valid_turns"),
        ({"q": 3, "t": TOOLS, "c": []}, "invalid_messages_shape"),
        ({"q": [[USER], [USER]], "t": TOOLS, "c": [["f(a=1)"]]}, "length_mismatch"),
    ],
)
def test_tool_rows_are_refused_by_name(data: dict[str, Any], reason: str) -> None:
    fields = {"messages": "q", "tools": "t", "calls": "c"}
    assert outcome("tool_calls_passthrough", fields, data) == reason


def test_only_the_map_says_that_no_call_is_an_answer() -> None:
    fields = {"messages": "q", "tools": "t", "unanswered": "no_call"}
    assert outcome("tool_calls_passthrough", fields, {"q": "x", "t": TOOLS})[1] == {"tool_calls": []}
    with pytest.raises(UsageError, match="unanswered cannot be 'never'"):
        check_field_map(MAPPERS.get("tool_calls_passthrough"), {**fields, "unanswered": "never"}, ["q", "t"])


PAIR = {"prompt": "p", "chosen": "c", "rejected": "r", "input": "i"}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"p": "x", "c": "a", "r": "b", "i": ""}, ({"prompt": "x"}, {"chosen": "a", "rejected": "b"})),
        ({"p": "x", "c": "a", "r": "b", "i": "y"},
         ({"prompt": "x", "input": "y"}, {"chosen": "a", "rejected": "b"})),
        ({"p": [USER], "c": "a", "r": "b"}, ({"messages": [USER]}, {"chosen": "a", "rejected": "b"})),
        ({"p": [USER, {"role": "assistant", "content": "a"}], "c": [{"role": "assistant", "content": "a"}],
          "r": "b"}, ({"messages": [USER]}, {"chosen": "a", "rejected": "b"})),
        ({"p": "x", "c": "a", "r": "a\n"}, "equal_answers"),
        ({"p": "x", "c": " ", "r": "b"}, "missing_chosen"),
        ({"p": "x", "c": "a"}, "missing_rejected"),
        ({"c": "a", "r": "b"}, "missing_instruction"),
    ],
)  # fmt: skip
def test_preference_pairs(data: dict[str, Any], expected: Any) -> None:
    assert outcome("preference_pair", PAIR, data) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a . <::::> b .", ({"text": "x"}, "a .\nb .")),
        ("a . b .", "missing_separator"),
        ("<::::> b", "missing_separator"),
        (" ", "missing_output"),
    ],
)
def test_a_separator_divides_the_output_into_lines(text: str, expected: Any) -> None:
    fields = {"text": "s", "output": "o", "separator": "<::::>"}
    check_field_map(MAPPERS.get("text_pair"), fields, ["s", "o"])
    assert outcome("text_pair", fields, {"s": "x", "o": text}) == expected


@pytest.mark.parametrize(
    ("contexts", "expected"),
    [
        ("one", ["one"]),
        (["one", {"title": "T", "text": "two"}], ["one", "T\ntwo"]),
        ([], "missing_text"),
        ([{"title": "T"}], "missing_text"),
    ],
)
def test_passages(contexts: Any, expected: Any) -> None:
    fields = {"question": "q", "contexts": "c", "answer": "a"}
    found = outcome("rag_passthrough", fields, {"q": "?", "c": contexts, "a": {"text": ["x", "x"]}})
    assert found == (
        expected if isinstance(expected, str) else ({"contexts": expected, "question": "?"}, "x")
    )


def test_numbered_tags_take_their_names_from_the_map() -> None:
    fields = {"tokens": "w", "tags": "t", "names": "O|B-loc|I-loc"}
    _, target = outcome("bio_to_spans", fields, {"w": ["in", "New", "York"], "t": [0, 1, 2]})
    assert [(span["type"], span["text"]) for span in target["spans"]] == [("loc", "New York")]
    assert outcome("bio_to_spans", fields, {"w": ["a"], "t": [3]}) == "invalid_tag"
