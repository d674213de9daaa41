"""Fitting an extractor: each field by what its values look like, or the spans of the rows.

A closed field (few distinct values, null among them) is classified from the features of the text. An open
field is copied: a tagger learns where in the text its values stand, and the first piece found is the answer,
null where there is none. Train values of an open field that do not occur in their text teach the tagger
nothing; a field where that holds for most rows gets its most frequent value.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from narrowcast.core.work import Work
from narrowcast.models.classifiers.fit import fit_side_by_side
from narrowcast.models.classifiers.recipe import LinearRecipe
from narrowcast.models.extractors.extractor import Extractor, FieldAnswer, column_names
from narrowcast.models.extractors.spans import MakeTagger, TaggedSpan, Tagger, first_place
from narrowcast.models.extractors.tagger import fit_tagger
from narrowcast.models.predictors.base import TrainingPair
from narrowcast.models.predictors.json_answer import field_table

# More distinct values than this, or more than one in five rows, make a field open.
_CLOSED_UP_TO = 30
_CLOSED_SHARE = 0.2
# Below this share of values found in their messages a field is not copied.
_COPIED_SHARE = 0.5

_Places = dict[str, list[tuple[int, int] | None]]


def fit_fields(
    recipe: LinearRecipe, pairs: Sequence[TrainingPair], work: Work, make_tagger: MakeTagger = fit_tagger
) -> Extractor:
    """Fit every field.

    Args:
        recipe: of the classifier of the closed fields.
        pairs: with targets that are objects in JSON.
        work: reports a step for each field.
        make_tagger: fits what finds the values of open fields.
    """
    texts = [pair.text for pair in pairs]
    table = field_table([pair.target for pair in pairs])
    places = {
        name: [_place(text, value) for text, value in zip(texts, values, strict=True)]
        for name, values in table.items()
        if not _is_closed(values)
    }
    copied = [name for name, found in places.items() if _mostly_found(table[name], found)]
    fields = tuple(_field(name, values, name in places, name in copied) for name, values in table.items())
    tagger: Tagger | None = None
    if copied:
        work.progress.start(f"fitting a tagger on {len(pairs):,} rows")
        tagger = make_tagger(texts, _spans(places, copied, len(texts)))
    targets = [[json.dumps(value) for value in table[each.name]] for each in fields if each.columns]
    classifier = fit_side_by_side(recipe, texts, targets, column_names(fields), work) if targets else None
    if classifier is None and tagger is None:  # every answer is the same; a model has tables nevertheless
        tagger = fit_tagger(texts, [[] for _ in texts])
    return Extractor(fields, classifier, tagger)


def fit_spans(pairs: Sequence[TrainingPair], make_tagger: MakeTagger = fit_tagger) -> Extractor:
    """A tagger whose spans are grouped by kind, in the order of the text."""
    return Extractor(
        (), None, make_tagger([pair.text for pair in pairs], [_spans_of(each) for each in pairs])
    )


def _field(name: str, values: Sequence[Any], is_open: bool, is_copied: bool) -> FieldAnswer:
    if is_copied:
        return FieldAnswer(name, number=any(type(value) is int for value in values))
    written = [json.dumps(value) for value in values]
    known = [Counter(written).most_common(1)[0][0]] if is_open else sorted(set(written))
    return FieldAnswer(name, tuple(map(json.loads, known)))


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


def _spans(places: _Places, copied: Sequence[str], rows: int) -> list[list[TaggedSpan]]:
    spans: list[list[TaggedSpan]] = [[] for _ in range(rows)]
    for name in copied:
        for row, place in enumerate(places[name]):
            if place is not None:
                spans[row].append(TaggedSpan(name, *place))
    return spans


def _spans_of(pair: TrainingPair) -> list[TaggedSpan]:
    spans: list[TaggedSpan] = []
    for kind, texts in json.loads(pair.target).items():
        for wanted in texts:
            if place := first_place(pair.text, wanted, spans):
                spans.append(TaggedSpan(kind, *place))
    return spans
