"""Scores of `field_match`.

For a field of a row with gold value g and answer p (null where the answer lacks the field, or where it is
not a JSON object):

    TP  g is not null and p = g
    FP  p is not null and p ≠ g        a field outside the schema with a value is an FP
    FN  g is not null and p ≠ g        so a wrong value counts twice, as FP and as FN

    field_f1        2 TP / (2 TP + FP + FN), summed over all rows and fields (micro); 1 where all three are 0
    exact_match     share of rows whose answer is an object with every field equal, nulls included
    parse_rate      share of answers that are a JSON object
    schema_rate     share of answers that are one and fit the schema
    accuracy/FIELD  share of rows with p = g; an unreadable answer is wrong, even where g is null

Values are equal as JSON: 1 = 1.0, but neither equals true or "1"; text is compared to the character.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from narrowcast.core.example import Example
from narrowcast.tasks.base import Deciding, Parsed, RowOutcome, Sums, TaskScores


def score_fields(names: Sequence[str], examples: Sequence[Example], answers: Sequence[Parsed]) -> TaskScores:
    """Metrics, outcomes and a resampler over per-row counts."""
    import numpy as np

    rows = [_row(names, _target(each), answer) for each, answer in zip(examples, answers, strict=True)]
    # Columns: TP, FP, FN, exact, readable, fits the schema, then one for each field.
    counts = np.array(rows, dtype=np.float64).reshape(len(rows), 6 + len(names))
    sums = Sums(np.column_stack([counts, np.ones(len(counts))]), lambda totals: _metrics(names, totals))
    outcomes = [
        RowOutcome(example.id, bool(counts[row, 3]), example.target, answer.value, answer.error)
        for row, (example, answer) in enumerate(zip(examples, answers, strict=True))
    ]
    return TaskScores(
        primary="field_f1",
        metrics=sums.over(np.arange(len(rows))),
        rows=outcomes,
        resample=sums.over,
        details={"fields": list(names), "errors": _errors(answers)},
        # Rows without a value to find cannot be missed; they do not make field_f1 any surer.
        deciding={"field_f1": Deciding(np.where(counts[:, 0] + counts[:, 2] > 0, 0, -1))},
        sums=sums,
    )


def json_equal(left: Any, right: Any) -> bool:
    """Equality of JSON values; numbers by value, booleans never equal to numbers."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(json_equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(json_equal, left, right))
    return bool(left == right)


def _target(example: Example) -> Mapping[str, Any]:
    return example.target if isinstance(example.target, dict) else {}


def _row(names: Sequence[str], gold: Mapping[str, Any], answer: Parsed) -> list[float]:
    readable = isinstance(answer.value, dict)
    given: Mapping[str, Any] = answer.value if readable else {}
    equal = [json_equal(gold.get(name), given.get(name)) for name in names]
    extra = sum(value is not None for name, value in given.items() if name not in names)
    hits = sum(same for same, name in zip(equal, names, strict=True) if gold.get(name) is not None)
    wrong = [name for same, name in zip(equal, names, strict=True) if not same]
    false_positives = extra + sum(given.get(name) is not None for name in wrong)
    false_negatives = sum(gold.get(name) is not None for name in wrong)
    exact = readable and all(equal) and not extra
    fits = readable and answer.error is None
    fields = [same and readable for same in equal]
    return [hits, false_positives, false_negatives, exact, readable, fits, *fields]


def _metrics(names: Sequence[str], totals: Any) -> dict[str, Any]:
    import numpy as np

    hits, false_positives, false_negatives = totals[:, :3].T
    doubled = 2 * hits + false_positives + false_negatives
    rates = totals[:, 3:-1] / np.maximum(totals[:, -1:], 1)
    return {
        "field_f1": np.divide(2 * hits, doubled, out=np.ones(len(totals)), where=doubled > 0),
        "exact_match": rates[:, 0],
        "parse_rate": rates[:, 1],
        "schema_rate": rates[:, 2],
        **{f"accuracy/{name}": rates[:, 3 + index] for index, name in enumerate(names)},
    }


def _errors(answers: Sequence[Parsed]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for answer in answers:
        if answer.error:
            counts[answer.error] = counts.get(answer.error, 0) + 1
    return counts
