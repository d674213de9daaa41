"""Each mapper: what it makes of good rows, and the reason it gives for each bad one."""

from collections.abc import Mapping
from typing import Any

import pytest

from narrowcast.core.names import ScoringMode
from narrowcast.core.row import RejectedRow, SourceRow, TransformedRow
from narrowcast.core.task import TaskSpec
from narrowcast.errors import UsageError
from narrowcast.stages.import_.mapping import MAPPERS, check_field_map
from narrowcast.stages.import_.mapping.base import Mapper
from narrowcast.stages.import_.mapping.engine import RowMapping
from narrowcast.stages.import_.mapping.reasons import REJECTIONS, RejectRow
from narrowcast.stages.import_.mapping.text_only import TextOnly


def mapped(
    mapper: str, field_map: dict[str, str], data: dict[str, Any], closed: TaskSpec | None = None
) -> tuple[Mapper, TransformedRow | RejectedRow]:
    made = MAPPERS.get(mapper)(field_map, closed)
    return made, RowMapping(made, field_map, "imp-x").map(SourceRow(0, data))


def accepted(mapper: str, field_map: dict[str, str], data: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    _, outcome = mapped(mapper, field_map, data)
    assert isinstance(outcome, TransformedRow), outcome
    return outcome.example.inputs, outcome.example.target


def rejected(
    mapper: str, field_map: dict[str, str], data: dict[str, Any], closed: TaskSpec | None = None
) -> str:
    _, outcome = mapped(mapper, field_map, data, closed)
    assert isinstance(outcome, RejectedRow), outcome
    assert outcome.reason in REJECTIONS
    assert outcome.data == data
    return outcome.reason


LABEL = {"text": "t", "label": "l"}


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("card lost", "card lost"),
        (" a ", "a"),
        (3, "3"),
        (2.0, "2"),
        (True, "true"),
        (False, "false"),
        (["x"], "x"),
    ],
)
def test_labels_become_strings(value: Any, label: str) -> None:
    inputs, target = accepted("label_to_classification", LABEL, {"t": "  white space is data\n", "l": value})
    assert inputs == {"text": "  white space is data\n"}
    assert target == label


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"l": "a"}, "missing_text"),
        ({"t": " \n", "l": "a"}, "missing_text"),
        ({"t": ["a"], "l": "a"}, "text_not_a_string"),
        ({"t": "a"}, "missing_label"),
        ({"t": "a", "l": "  "}, "missing_label"),
        ({"t": "a", "l": 0.5}, "invalid_label"),
        ({"t": "a", "l": ["x", "y"]}, "invalid_label"),
    ],
)
def test_classification_rejects(data: dict[str, Any], reason: str) -> None:
    assert rejected("label_to_classification", LABEL, data) == reason


def test_a_closed_label_set_stays_closed() -> None:
    closed = TaskSpec(profile="classification", labels=["a"])
    assert rejected("label_to_classification", LABEL, {"t": "x", "l": "b"}, closed) == "label_not_allowed"


def test_integer_labels_are_ordered_by_value() -> None:
    mapper = MAPPERS.get("label_to_classification")(LABEL)
    for number in (10, 2, 1):
        mapper.transform({"t": "x", "l": number})
    assert mapper.task().labels == ["1", "2", "10"]


BIO = {"tokens": "w", "tags": "t"}


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("O B-loc I-loc O", [("loc", "New York")]),
        ("O I-loc I-loc O", [("loc", "New York")]),
        ("O B-loc B-loc O", [("loc", "New"), ("loc", "York")]),
        ("O B-loc I-per O", [("loc", "New"), ("per", "York")]),
        ("O B-loc E-loc S-x", [("loc", "New York"), ("x", ".")]),
        ("U-a B-loc L-loc O", [("a", "In"), ("loc", "New York")]),
        ("O loc loc O", [("loc", "New York")]),
        ("O B-creative-work O O", [("creative-work", "New")]),
        ("O O O O", []),
    ],
)
def test_bio_schemes(tags: str, spans: list[tuple[str, str]]) -> None:
    inputs, target = accepted("bio_to_spans", BIO, {"w": ["In", "New", "York", "."], "t": tags.split()})
    assert [(span["type"], span["text"]) for span in target["spans"]] == spans
    for span in target["spans"]:
        assert inputs["text"][span["start"] : span["end"]] == span["text"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"t": ["O"]}, "missing_tokens"),
        ({"w": [], "t": []}, "missing_tokens"),
        ({"w": ["a"]}, "missing_tags"),
        ({"w": ["a", "b"], "t": ["O"]}, "length_mismatch"),
        ({"w": ["a"], "t": [3]}, "invalid_tag"),
        ({"w": ["a"], "t": ["Q-x"]}, "invalid_tag"),
        ({"w": ["a"], "t": ["B-"]}, "invalid_tag"),
    ],
)
def test_bio_rejects(data: dict[str, Any], reason: str) -> None:
    assert rejected("bio_to_spans", BIO, data) == reason


TEXT = "There will be 5 adults"
SPAN = {"type": "people", "text": "5 adults", "start": 14, "end": 22}


@pytest.mark.parametrize(
    "span",
    [
        {"slot": "people", "valueSpan": {"startIndex": 14, "endIndex": 22}},
        {"label": "people", "start": 14, "end": 22, "text": "5 adults"},
        {"entity": "people", "span": {"start": 14, "end": 22}},
        [14, 22, "people"],
    ],
)
def test_forms_of_spans(span: Any) -> None:
    data = {"u": {"text": TEXT}, "labels": [span]}
    _, target = accepted("kv_to_structured", {"text": "u.text", "spans": "labels"}, data)
    assert target == {"spans": [SPAN]}


def test_a_missing_start_index_is_zero_and_missing_spans_are_none() -> None:
    field_map = {"text": "t", "spans": "s"}
    data = {"t": TEXT, "s": [{"slot": "x", "valueSpan": {"endIndex": 5}}]}
    assert accepted("kv_to_structured", field_map, data)[1]["spans"][0]["text"] == "There"
    assert accepted("kv_to_structured", field_map, {"t": TEXT})[1] == {"spans": []}


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        ({"slot": "x", "valueSpan": {"startIndex": 20, "endIndex": 99}}, "span_out_of_bounds"),
        ({"label": "x", "start": 5, "end": 5}, "span_out_of_bounds"),
        ({"label": "x", "start": 0, "end": 5, "text": "Their"}, "span_text_mismatch"),
        ({"start": 0, "end": 5}, "invalid_span"),
        ({"label": "x", "start": 0}, "invalid_span"),
        ("x", "invalid_span"),
    ],
)
def test_span_rejects(span: Any, reason: str) -> None:
    assert rejected("kv_to_structured", {"text": "t", "spans": "s"}, {"t": TEXT, "s": [span]}) == reason


KV = {"text": "t", "target": "o"}


def test_objects_keep_their_nulls_and_make_a_schema() -> None:
    mapper = MAPPERS.get("kv_to_structured")(KV)
    for number in range(40):
        target = {"kind": ["a", "b"][number % 2], "order": number, "note": f"free {number}", "gone": None}
        inputs, made = mapper.transform({"t": "x y", "o": target})
        assert (inputs, made) == ({"text": "x y"}, target)
    task = mapper.task()
    assert task.scoring_mode is ScoringMode.FIELD_MATCH
    assert task.output_schema["properties"] == {
        "kind": {"enum": ["a", "b", None]},
        "order": {"type": ["integer", "null"]},
        "note": {"type": ["string", "null"]},
        "gone": {},
    }


def test_json_text_and_flat_columns_make_objects() -> None:
    assert accepted("kv_to_structured", KV, {"t": "x", "o": '{"a": null}'})[1] == {"a": None}
    flat = {"text": "t", "fields": "a|n.b"}
    assert accepted("kv_to_structured", flat, {"t": "x", "a": "", "n": {"b": 1}})[1] == {"a": None, "b": 1}
    assert rejected("kv_to_structured", flat, {"t": "x"}) == "missing_fields"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "missing_target"),
        ("", "missing_target"),
        ("{", "invalid_target"),
        ([1], "invalid_target"),
        ("[1]", "invalid_target"),
    ],
)
def test_object_rejects(value: Any, reason: str) -> None:
    assert rejected("kv_to_structured", KV, {"t": "x", "o": value}) == reason


def test_a_closed_schema_stays_closed() -> None:
    closed = TaskSpec(profile="structured_extraction", output_schema={"properties": {"a": {}}})
    assert rejected("kv_to_structured", KV, {"t": "x", "o": {"b": 1}}, closed) == "field_not_allowed"


def test_exactly_one_kind_of_target() -> None:
    with pytest.raises(UsageError, match="exactly one of target, fields and spans"):
        MAPPERS.get("kv_to_structured")({"text": "t"})


@pytest.mark.parametrize(
    ("answer", "target"),
    [
        ("Rome", "Rome"),
        (7, "7"),
        ({"text": ["Rome", "Rome"], "answer_start": [1, 1]}, "Rome"),
        ([{"text": "Rome"}, {"text": "in Rome"}], {"answers": ["Rome", "in Rome"]}),
    ],
)
def test_answers(answer: Any, target: Any) -> None:
    field_map = {"question": "q", "answer": "a", "context": "c"}
    inputs, made = accepted("qa_pair_passthrough", field_map, {"q": "Where?", "a": answer, "c": "In Rome."})
    assert inputs == {"context": "In Rome.", "question": "Where?"}
    assert made == target


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"a": "x"}, "missing_question"),
        ({"q": "x"}, "missing_answer"),
        ({"q": "x", "a": []}, "missing_answer"),
    ],
)
def test_qa_rejects(data: dict[str, Any], reason: str) -> None:
    assert rejected("qa_pair_passthrough", {"question": "q", "answer": "a"}, data) == reason


def test_instructions() -> None:
    field_map = {"instruction": "i", "output": "o", "input": "x"}
    assert accepted("instruction_passthrough", field_map, {"i": "Do", "o": " done", "x": ""}) == (
        {"instruction": "Do"},
        " done",
    )
    assert (
        accepted("instruction_passthrough", field_map, {"i": "Do", "o": "y", "x": "this"})[0]["input"]
        == "this"
    )
    assert rejected("instruction_passthrough", field_map, {"o": "y"}) == "missing_instruction"
    assert rejected("instruction_passthrough", field_map, {"i": "y"}) == "missing_output"


CHAT = {"messages": "m"}


def turn(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def test_the_last_reply_is_the_target() -> None:
    turns = [
        turn("system", "S"),
        turn("user", " hi"),
        turn("assistant", "a"),
        turn("user", "b"),
        turn("assistant", "c "),
    ]
    inputs, target = accepted("chat_messages_passthrough", CHAT, {"m": turns})
    assert (inputs, target) == ({"messages": turns[:-1]}, "c ")
    share = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "yo"}]
    assert accepted("chat_messages_passthrough", CHAT, {"m": share}) == (
        {"messages": [turn("user", "hi")]},
        "yo",
    )


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (None, "invalid_messages_shape"),
        ("hi", "invalid_messages_shape"),
        (["hi"], "missing_assistant_reply"),
        (["hi", 1], "invalid_messages_shape"),
        ([turn("wizard", "x")], "invalid_messages_shape"),
        ([turn("user", None)], "invalid_messages_shape"),
        ([], "missing_assistant_reply"),
        ([turn("user", "x")], "missing_assistant_reply"),
        ([turn("user", "x"), turn("assistant", " ")], "missing_assistant_reply"),
        ([turn("system", "x"), turn("assistant", "y")], "no_valid_turns"),
    ],
)
def test_chat_rejects(messages: Any, reason: str) -> None:
    assert rejected("chat_messages_passthrough", CHAT, {"m": messages}) == reason


def test_sentinel_rows_are_rejected_with_their_text() -> None:
    mapping = RowMapping(MAPPERS.get("label_to_classification")(LABEL), LABEL, "imp-x")
    outcome = mapping.map(SourceRow(5, error="ragged", raw="a;b;c"))
    assert outcome == RejectedRow(5, "parse_error", "ragged", raw="a;b;c")


def test_groups_and_split_columns() -> None:
    field_map = {**LABEL, "group": "g", "split": "s"}
    mapping = RowMapping(MAPPERS.get("label_to_classification")(field_map), field_map, "imp-x")
    rows = [
        {"t": "x", "l": "y", "g": 7, "s": "oos_val"},
        {"t": "x", "l": "y"},
        {"t": "x", "l": "y", "s": "moon"},
    ]
    first, second, third = (mapping.map(SourceRow(n, row)) for n, row in enumerate(rows))
    assert isinstance(first, TransformedRow)
    assert (first.example.group, first.example.split, first.example.id) == ("7", "dev", "imp-x:0")
    assert isinstance(second, TransformedRow)
    assert (second.example.group, second.example.split) == (None, None)
    assert isinstance(third, RejectedRow)
    assert third.reason == "unknown_split"


def test_a_wrong_field_map_names_everything_known() -> None:
    mapper = MAPPERS.get("label_to_classification")
    with pytest.raises(UsageError, match="no field 'txt'; its field 'text' has no column"):
        check_field_map(mapper, {"txt": "a", "label": "b"}, ["a", "b"])
    with pytest.raises(UsageError, match=r"no column 'c' \(columns: a, b\)"):
        check_field_map(mapper, {"text": "a", "label": "c"}, ["a", "b"])


def test_reasons_are_a_closed_list() -> None:
    class Careless(TextOnly):
        def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
            raise RejectRow("because")

    with pytest.raises(ValueError, match="'because', a reason that it does not declare"):
        RowMapping(Careless({"text": "text"}), {"text": "text"}, "imp-x").map(SourceRow(0, {"text": "a"}))
    assert all(meaning for meaning in REJECTIONS.values())


@pytest.mark.parametrize(
    ("value", "shown"),
    [(["people", "date"], "people, date"), ("ask", "ask"), ({"a": 1}, '{"a": 1}'), ([], None)],
)
def test_a_context_is_shown_beside_the_text(value: Any, shown: str | None) -> None:
    field_map = {"text": "t", "spans": "s", "context": "c.slots"}
    inputs, _ = accepted("kv_to_structured", field_map, {"t": TEXT, "c": {"slots": value}})
    assert inputs == ({"text": TEXT, "context": shown} if shown else {"text": TEXT})
