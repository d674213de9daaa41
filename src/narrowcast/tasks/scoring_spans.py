"""Scores of `span_set`: sets of (type, start, end), compared exactly.

The answer's texts are looked up in the input. Types are taken in the order of the answer, texts in their
order; each takes its first occurrence at word boundaries that overlaps no span taken before, else the
first that does not overlap inside a word, else the first that its own type has not taken. A text that has
none of these is `span_not_in_text` and counts as a false positive.

    precision, recall, span_f1   micro, over all rows: TP = spans in both sets; F1 is 1 where no row has
                                 a span and none was answered
    exact_match                  share of rows with equal sets and a readable answer
    parse_rate, schema_rate      as for fields
    f1/TYPE                      the same F1 over one type; undefined (NaN) where a resample lacks the type

Looking up texts cannot tell two equal texts apart. `details["ceiling"]` is the span_f1 that the gold
answers themselves reach this way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from narrowcast.core.example import Example
from narrowcast.tasks.base import Deciding, Parsed, RowOutcome, Sums, TaskScores

Span = tuple[str, int, int]


def score_spans(types: Sequence[str], examples: Sequence[Example], answers: Sequence[Parsed]) -> TaskScores:
    """Metrics, outcomes and a resampler over per-row counts."""
    import numpy as np

    gold = [_gold(example) for example in examples]
    located = [
        locate(str(example.inputs.get("text", "")), _texts(answer))
        for example, answer in zip(examples, answers, strict=True)
    ]
    counts = np.zeros((len(examples), len(types), 3))  # TP, answered, gold
    flags = np.zeros((len(examples), 3))  # exact, readable, fits
    outcomes = []
    for row, (example, answer) in enumerate(zip(examples, answers, strict=True)):
        spans, lost = located[row]
        counts[row] = _count(types, gold[row], spans, lost)
        readable = isinstance(answer.value, dict)
        exact = readable and not lost and answer.error is None and spans == gold[row]
        flags[row] = exact, readable, readable and answer.error is None
        error = answer.error or ("span_not_in_text" if lost else None)
        outcomes.append(RowOutcome(example.id, exact, example.target, _answered(example, spans, lost), error))

    flat = counts.reshape(len(examples), 3 * len(types))
    table = np.column_stack([flat, flags, np.ones(len(examples))])
    sums = Sums(table, lambda totals: _metrics(types, totals))
    return TaskScores(
        primary="span_f1",
        metrics=sums.over(np.arange(len(examples))),
        rows=outcomes,
        resample=sums.over,
        details={"types": list(types), "ceiling": _ceiling(examples, gold)},
        deciding=_deciding(types, counts),
        sums=sums,
    )


def _deciding(types: Sequence[str], counts: Any) -> dict[str, Deciding]:
    """Rows without a span in gold or answer say nothing of precision, recall and F1."""
    import numpy as np

    answered, gold = counts[:, :, 1], counts[:, :, 2]
    rows = {
        "span_f1": (answered + gold).sum(axis=1),
        "precision": answered.sum(axis=1),
        "recall": gold.sum(axis=1),
    }
    single = {
        f"f1/{kind}": Deciding(np.where(gold[:, column] > 0, 0, -1), (kind,))
        for column, kind in enumerate(types)
    }
    return {**{name: Deciding(np.where(found > 0, 0, -1)) for name, found in rows.items()}, **single}


def locate(text: str, texts: Iterable[tuple[str, str]]) -> tuple[set[Span], list[tuple[str, str]]]:
    """Character spans of (type, text) pairs, and the pairs that occur nowhere."""
    taken: set[Span] = set()
    lost: list[tuple[str, str]] = []
    for kind, wanted in texts:
        places = [(match.start(), match.start() + len(wanted)) for match in _occurrences(text, wanted)]
        free = [
            place
            for place in places
            if not any(place[0] < end and start < place[1] for _, start, end in taken)
        ]
        own = [place for place in places if (kind, *place) not in taken]
        best = next((place for place in free if _at_word_boundaries(text, *place)), None)
        place = best or next(iter(free), None) or next(iter(own), None)
        if place is None:
            lost.append((kind, wanted))
        else:
            taken.add((kind, *place))
    return taken, lost


def _occurrences(text: str, wanted: str) -> Iterable[re.Match[str]]:
    return re.finditer(f"(?={re.escape(wanted)})", text) if wanted else ()


def _at_word_boundaries(text: str, start: int, end: int) -> bool:
    inside_left = start > 0 and text[start - 1].isalnum() and text[start].isalnum()
    inside_right = end < len(text) and text[end].isalnum() and text[end - 1].isalnum()
    return not inside_left and not inside_right


def _gold(example: Example) -> set[Span]:
    spans = example.target["spans"] if isinstance(example.target, dict) else []
    return {(span["type"], span["start"], span["end"]) for span in spans}


def _texts(answer: Parsed) -> list[tuple[str, str]]:
    """(type, text) pairs of an answer; a value that is not a list of texts names no span."""
    if not isinstance(answer.value, Mapping):
        return []
    return [
        (kind, text)
        for kind, texts in answer.value.items()
        if isinstance(texts, list)
        for text in texts
        if isinstance(text, str)
    ]


def _count(
    types: Sequence[str], gold: set[Span], spans: set[Span], lost: list[tuple[str, str]]
) -> list[list[int]]:
    return [
        [
            sum(span[0] == kind for span in gold & spans),
            sum(span[0] == kind for span in spans) + sum(each[0] == kind for each in lost),
            sum(span[0] == kind for span in gold),
        ]
        for kind in types
    ]


def _metrics(types: Sequence[str], totals: Any) -> dict[str, Any]:
    import numpy as np

    counts = totals[:, : 3 * len(types)].reshape(len(totals), len(types), 3)
    hits, answered, expected = counts.sum(axis=1).T
    rates = totals[:, 3 * len(types) : -1] / np.maximum(totals[:, -1:], 1)
    both = counts[:, :, 1] + counts[:, :, 2]
    by_type = np.divide(2 * counts[:, :, 0], both, out=np.full(both.shape, np.nan), where=both > 0)

    def share(part: Any, whole: Any, otherwise: Any) -> Any:
        return np.divide(part, whole, out=np.broadcast_to(otherwise, len(totals)) * 1.0, where=whole > 0)

    return {
        "span_f1": share(2 * hits, answered + expected, 1.0),
        "precision": share(hits, answered, expected == 0),
        "recall": share(hits, expected, 1.0),
        "exact_match": rates[:, 0],
        "parse_rate": rates[:, 1],
        "schema_rate": rates[:, 2],
        **{f"f1/{kind}": by_type[:, index] for index, kind in enumerate(types)},
    }


def _answered(example: Example, spans: set[Span], lost: list[tuple[str, str]]) -> dict[str, Any]:
    text = str(example.inputs.get("text", ""))
    ordered = sorted(spans, key=lambda span: (span[1], span[2], span[0]))
    entries = [
        {"type": kind, "start": start, "end": end, "text": text[start:end]} for kind, start, end in ordered
    ]
    return {"spans": entries, **({"not_in_text": [list(each) for each in lost]} if lost else {})}


def _ceiling(examples: Sequence[Example], gold: Sequence[set[Span]]) -> float:
    total = hits = 0
    for example, wanted in zip(examples, gold, strict=True):
        text = str(example.inputs.get("text", ""))
        first = {kind: min((span[1], span[2]) for span in wanted if span[0] == kind) for kind, _, _ in wanted}
        ordered = sorted(wanted, key=lambda span: (first[span[0]], span[1], span[2]))
        spans, _ = locate(text, [(kind, text[start:end]) for kind, start, end in ordered])
        total += len(wanted)
        hits += len(wanted & spans)
    return hits / total if total else 1.0
