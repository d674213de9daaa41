import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.core.example import Example
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.tasks import handler_for

SCHEMA = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["billing", "delivery"]},
        "order": {"type": ["string", "null"]},
        "count": {"type": "integer"},
        "urgent": {"type": "boolean"},
    },
    "required": ["kind"],
    "additionalProperties": False,
}
HANDLER = handler_for(
    TaskSpec(profile="structured_extraction", scoring_mode="field_match", output_schema=SCHEMA)
)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["billing", "delivery", None]),
        "order": st.one_of(st.none(), st.text(max_size=6)),
        "count": st.one_of(st.none(), st.integers(-3, 3)),
        "urgent": st.one_of(st.none(), st.booleans()),
    },
)


def scored(pairs):
    examples = [Example({"text": "t"}, gold, "s", index) for index, (gold, _) in enumerate(pairs)]
    return HANDLER.score(examples, [Prediction(text) for _, text in pairs])


def test_instruction_states_the_fields_compactly():
    text = HANDLER.to_messages({"text": "x"})[0].content
    assert "null where absent" in text
    assert "kind (billing|delivery), order (text), count (integer), urgent (true or false)" in text


def test_target_is_one_line_of_json_in_schema_order_with_nulls():
    messages = HANDLER.to_messages({"text": "x"}, {"urgent": True, "kind": "billing", "order": "é"})
    assert messages[-1].content == '{"kind": "billing", "order": "é", "count": null, "urgent": true}'


@settings(max_examples=50)
@given(OBJECTS)
def test_a_rendered_target_parses_to_itself_and_scores_one(target):
    text = HANDLER.to_messages({"text": "x"}, target)[-1].content
    parsed = HANDLER.parse(text)
    assert parsed.error is None
    assert {name: value for name, value in parsed.value.items() if value is not None} == {
        name: value for name, value in target.items() if value is not None
    }
    metrics = scored([(target, text)]).metrics
    assert metrics["exact_match"] == metrics["field_f1"] == metrics["schema_rate"] == 1.0


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "empty_answer"),
        ("{", "invalid_json"),
        ('{"kind": "billing"} trailing', "invalid_json"),
        ('{"kind": "billing", "kind": "delivery"}', "invalid_json"),
        ('{"count": NaN}', "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        ("[1]", "not_an_object"),
        ('{"kind": "other"}', "schema_violation"),
        ('{"colour": "red"}', "schema_violation"),
        ('{"count": "3"}', "schema_violation"),
        ("{}", None),
        ('{"kind": null}', None),
    ],
)
def test_parse_is_strict(text, error):
    assert HANDLER.parse(text).error == error


def test_an_answer_cut_at_the_limit_says_so():
    example = Example({"text": "t"}, {"kind": "billing"}, "s", 0)
    scores = HANDLER.score([example], [Prediction('{"kind": "bil', finish="length")])
    assert scores.rows[0].error == "cut_at_max_tokens"


def test_counts_follow_the_definition():
    # order: wrong value is FP and FN; count: spurious is FP; urgent: missed is FN; kind: right is TP.
    gold = {"kind": "billing", "order": "A1", "count": None, "urgent": True}
    scores = scored([(gold, '{"kind": "billing", "order": "B2", "count": 4}')])
    assert scores.metrics["field_f1"] == pytest.approx(2 * 1 / (2 * 1 + 2 + 2))
    assert scores.metrics["exact_match"] == 0.0
    assert [scores.metrics[f"accuracy/{name}"] for name in SCHEMA["properties"]] == [1.0, 0.0, 0.0, 0.0]


def test_an_unreadable_answer_misses_every_value_and_charges_nothing_else():
    scores = scored(
        [({"kind": "billing", "count": 2}, "sorry"), ({"kind": "delivery"}, '{"kind": "delivery"}')]
    )
    assert scores.metrics["field_f1"] == pytest.approx(2 * 1 / (2 * 1 + 0 + 2))
    assert scores.metrics["parse_rate"] == 0.5
    assert scores.metrics["accuracy/order"] == 0.5  # unreadable is wrong even where null was right


@pytest.mark.parametrize(
    ("gold", "answer", "equal"),
    [(1, "1.0", True), (1, "true", False), (0, "false", False), (True, "true", True), (3, '"3"', False)],
)
def test_values_are_equal_as_json(gold, answer, equal):
    scores = scored([({"count": gold}, f'{{"count": {answer}}}')])
    assert scores.metrics["exact_match"] == float(equal)


@settings(max_examples=40)
@given(st.lists(st.tuples(OBJECTS, OBJECTS), min_size=1, max_size=20), st.randoms())
def test_resampling_all_rows_in_any_order_changes_nothing(pairs, order):
    import numpy as np

    scores = scored([(gold, json.dumps(answer)) for gold, answer in pairs])
    rows = list(range(len(pairs)))
    order.shuffle(rows)
    assert scores.resample(np.array(rows)) == pytest.approx(scores.metrics)
    assert scores.resample(np.arange(len(pairs))) == scores.metrics


def test_check_refuses_targets_outside_the_schema():
    assert HANDLER.check(Example({"text": "t"}, {"kind": "billing"})) is None
    assert HANDLER.check(Example({"text": "t"}, {"order": None})) is None
    assert HANDLER.check(Example({"text": "t"}, {"kind": "other"})) == "target_schema_violation"
    assert HANDLER.check(Example({"text": "t"}, "billing")) == "target_not_an_object"
