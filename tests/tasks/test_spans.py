import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.core.example import Example
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.tasks import handler_for
from narrowcast.tasks.scoring_spans import locate

TYPES = ["people", "time"]
SCHEMA = {
    "type": "object",
    "properties": {"spans": {"type": "array", "items": {"properties": {"type": {"enum": TYPES}}}}},
}
HANDLER = handler_for(
    TaskSpec(profile="structured_extraction", scoring_mode="span_set", output_schema=SCHEMA)
)


def row(text, *spans, index=0):
    found = [
        {"type": kind, "start": start, "end": end, "text": text[start:end]} for kind, start, end in spans
    ]
    return Example({"text": text}, {"spans": found}, "s", index)


def answered(*pairs):
    examples = [example for example, _ in pairs]
    return HANDLER.score(examples, [Prediction(text) for _, text in pairs])


def test_the_model_answers_texts_by_type_in_the_order_of_the_message():
    example = row("at 7 pm for 5 people, or 8 pm", ("time", 3, 7), ("people", 12, 13), ("time", 25, 29))
    assert HANDLER.to_messages(example.inputs, example.target)[-1].content == (
        '{"time": ["7 pm", "8 pm"], "people": ["5"]}'
    )
    assert HANDLER.to_messages(example.inputs, {"spans": []})[-1].content == "{}"


@pytest.mark.parametrize(
    ("text", "pairs", "expected"),
    [
        ("15 or 5", [("people", "5")], {("people", 6, 7)}),  # a word of its own before a part of one
        ("for 5 at 5", [("people", "5"), ("time", "5")], {("people", 4, 5), ("time", 9, 10)}),
        ("5 pm for 5", [("time", "5 pm"), ("people", "5")], {("time", 0, 4), ("people", 9, 10)}),
        ("Bob and Bob", [("people", "Bob"), ("people", "Bob")], {("people", 0, 3), ("people", 8, 11)}),
        ("x7pm", [("time", "7pm")], {("time", 1, 4)}),  # inside a word where nothing else is left
        ("only 5", [("people", "5"), ("time", "5")], {("people", 5, 6), ("time", 5, 6)}),
        ("a.b", [("people", "a.b")], {("people", 0, 3)}),  # no pattern, but text
    ],
)
def test_texts_are_found_in_order_and_never_twice(text, pairs, expected):
    assert locate(text, pairs) == (expected, [])


def test_texts_that_are_not_in_the_message_are_named_and_charged():
    example = row("for 5", ("people", 4, 5))
    scores = answered((example, '{"people": ["5"], "time": ["7 pm"]}'))
    assert scores.rows[0].error == "span_not_in_text"
    assert not scores.rows[0].correct
    assert scores.metrics["precision"] == 0.5
    assert scores.metrics["recall"] == 1.0
    assert locate("5", [("people", "5"), ("people", "5"), ("time", "")]) == (
        {("people", 0, 1)},
        [("people", "5"), ("time", "")],
    )


def test_metrics_are_micro_over_all_rows():
    scores = answered(
        (row("for 5 at 7 pm", ("people", 4, 5), ("time", 9, 13)), '{"people": ["5"], "time": ["7"]}'),
        (row("hello", index=1), "{}"),
        (row("at 8", ("time", 3, 4), index=2), "not json"),
    )
    assert scores.metrics["precision"] == pytest.approx(1 / 2)
    assert scores.metrics["recall"] == pytest.approx(1 / 3)
    assert scores.metrics["span_f1"] == pytest.approx(2 * 1 / (2 + 3))
    assert scores.metrics["exact_match"] == pytest.approx(1 / 3)
    assert scores.metrics["parse_rate"] == pytest.approx(2 / 3)
    assert scores.metrics["f1/people"] == 1.0
    assert scores.metrics["f1/time"] == 0.0


def test_answers_of_another_form_are_schema_violations():
    for text in ('{"place": ["a"]}', '{"people": "5"}', '{"people": []}', '{"people": [""]}'):
        assert HANDLER.parse(text).error == "schema_violation", text
    assert HANDLER.parse("[]").error == "not_an_object"
    assert answered((row("for 5", ("people", 4, 5)), '{"people": "5"}')).metrics["recall"] == 0.0


words = st.lists(st.sampled_from(["5", "7 pm", "Bob", "table", "five"]), min_size=1, max_size=8)


@settings(max_examples=80)
@given(words, st.data())
def test_gold_answers_reach_the_ceiling(tokens, data):
    spans, position = [], 0
    for token in tokens:
        if kind := data.draw(st.sampled_from([None, *TYPES])):
            spans.append((kind, position, position + len(token)))
        position += len(token) + 1
    example = row(" ".join(tokens), *spans)
    answer = HANDLER.to_messages(example.inputs, example.target)[-1].content
    scores = answered((example, answer))
    assert scores.rows[0].error is None
    if spans:
        assert scores.metrics["recall"] == pytest.approx(scores.details["ceiling"])
    if len(set(tokens)) == len(tokens):
        assert scores.metrics["span_f1"] == scores.metrics["exact_match"] == 1.0


def test_resampling_uses_the_rows_chosen():
    import numpy as np

    scores = answered(
        (row("for 5", ("people", 4, 5)), '{"people": ["5"]}'), (row("at 7", ("time", 3, 4), index=1), "{}")
    )
    assert scores.resample(np.arange(2)) == pytest.approx(scores.metrics)
    assert scores.resample(np.array([0, 0]))["span_f1"] == 1.0
    assert np.isnan(scores.resample(np.array([0, 0]))["f1/time"])


@pytest.mark.parametrize(
    ("spans", "reason"),
    [
        ([{"type": "people", "start": 0, "end": 1}], None),
        ([{"type": "place", "start": 0, "end": 1}], "target_schema_violation"),
        ([{"type": "people", "start": 0, "end": 9}], "span_out_of_bounds"),
        ([{"type": "people", "start": 1, "end": 1}], "span_out_of_bounds"),
        ([{"type": "people", "start": 0, "end": 1, "text": "6"}], "span_text_mismatch"),
    ],
)
def test_check_reads_offsets(spans, reason):
    assert HANDLER.check(Example({"text": "5 pm"}, {"spans": spans})) == reason
