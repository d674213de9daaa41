"""Linear models for `field_match`, one a field.

A closed field (few distinct values, null among them) is classified from the words of the message. An open
field is copied: a linear tagger learns where in the message its values stand, and the first piece found is
the answer, null where there is none. Train values of an open field that do not occur in their message
teach the tagger nothing; a field where that holds for most rows gets its most frequent value.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from narrowcast.core.work import Work
from narrowcast.models.classifiers.fit import fitted
from narrowcast.models.classifiers.linear import Answer
from narrowcast.models.classifiers.recipe import LinearRecipe
from narrowcast.models.predictors.base import TrainingPair
from narrowcast.models.predictors.json_answer import answer_text, field_table
from narrowcast.models.predictors.linear_tagger import MakeTagger, TaggedSpan, first_place

# More distinct values than this, or more than one in five rows, make a field open.
_CLOSED_UP_TO = 30
_CLOSED_SHARE = 0.2
# Below this share of values found in their messages a field is not copied.
_COPIED_SHARE = 0.5

# From the features of messages and their number to a value each.
Column = Callable[[Any, int], list[Any]]


def field_answers(
    pairs: Sequence[TrainingPair], recipe: LinearRecipe, make_tagger: MakeTagger, work: Work
) -> tuple[Callable[[Sequence[str]], list[Answer]], str]:
    """Fit every field; returns the answering function and a note on how each field is answered."""
    texts = [pair.text for pair in pairs]
    columns = field_table([pair.target for pair in pairs])
    closed = {name for name, values in columns.items() if _is_closed(values)}
    places = {
        name: [_place(text, value) for text, value in zip(texts, values, strict=True)]
        for name, values in columns.items()
        if name not in closed
    }
    copied = [name for name, found in places.items() if _mostly_found(columns[name], found)]
    features = recipe.transformer()
    inputs = features.fit_transform(texts) if closed else None
    work.progress.start(f"fitting a model for each field on {len(pairs):,} rows", len(closed) + bool(copied))
    tagger = None
    if copied:
        tagger = make_tagger(texts, _spans(places, copied, len(texts)))
        work.progress.advance()
    models = {}
    for name in (each for each in columns if each in closed):
        work.cancel.check()
        models[name] = _classified(inputs, columns[name], recipe)
        work.progress.advance()
    constants = {name: _most_common(columns[name]) for name in columns}
    numbers = {name for name in copied if any(type(value) is int for value in columns[name])}

    def answer(messages: Sequence[str]) -> list[Answer]:
        matrix = features.transform(list(messages)) if models and messages else None
        predicted = {name: model(matrix, len(messages)) for name, model in models.items()}
        tagged = tagger.spans(messages) if tagger else [[] for _ in messages]
        rows: list[Answer] = []
        for row, (message, spans) in enumerate(zip(messages, tagged, strict=True)):
            pieces = _first_pieces(message, spans, numbers)
            value = {
                name: predicted[name][row]
                if name in predicted
                else pieces.get(name)
                if name in copied
                else constants[name]
                for name in columns
            }
            rows.append((answer_text(value), None))
        return rows

    return answer, f"classified: {', '.join(models) or 'none'}; copied: {', '.join(copied) or 'none'}"


def _is_closed(values: Sequence[Any]) -> bool:
    distinct = {json.dumps(value) for value in values}
    return len(distinct) <= min(_CLOSED_UP_TO, max(2, _CLOSED_SHARE * len(values)))


def _place(text: str, value: Any) -> tuple[int, int] | None:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        return None
    return first_place(text, str(value))


def _mostly_found(values: Sequence[Any], found: Sequence[tuple[int, int] | None]) -> bool:
    present = sum(value is not None for value in values)
    return present > 0 and sum(place is not None for place in found) >= _COPIED_SHARE * present


def _spans(
    places: dict[str, list[tuple[int, int] | None]], copied: Sequence[str], rows: int
) -> list[list[TaggedSpan]]:
    spans: list[list[TaggedSpan]] = [[] for _ in range(rows)]
    for name in copied:
        for row, place in enumerate(places[name]):
            if place is not None:
                spans[row].append(TaggedSpan(name, *place))
    return spans


def _classified(inputs: Any, values: Sequence[Any], recipe: LinearRecipe) -> Column:
    classes = [json.dumps(value) for value in values]
    if len(set(classes)) == 1:
        return lambda _matrix, rows: [json.loads(classes[0])] * rows
    model = fitted(recipe.model(probabilities=False), inputs, classes)
    return lambda matrix, rows: [json.loads(each) for each in model.predict(matrix)] if rows else []


def _first_pieces(message: str, spans: Sequence[TaggedSpan], numbers: set[str]) -> dict[str, Any]:
    pieces: dict[str, Any] = {}
    for span in spans:
        text = message[span.start : span.end]
        value: Any = int(text) if span.kind in numbers and text.isdecimal() else text
        pieces.setdefault(span.kind, value)
    return pieces


def _most_common(values: Sequence[Any]) -> Any:
    return json.loads(Counter(json.dumps(value) for value in values).most_common(1)[0][0])
