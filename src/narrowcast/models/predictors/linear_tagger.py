"""A linear token tagger: which words of the message belong to an answer, and to which type.

Each word or punctuation mark is classified as begin, inside or outside of a span by logistic regression
over itself and two neighbours on each side (lower-cased form, prefix, suffix, shape). A strong classical
baseline for copying tasks; it can only answer what is in the message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from narrowcast.models.classifiers.fit import fitted
from narrowcast.models.classifiers.linear import Answer
from narrowcast.models.predictors.base import TrainingPair
from narrowcast.models.predictors.json_answer import answer_text

TOKEN = re.compile(r"\w+|[^\w\s]")
OUTSIDE = "O"
_WINDOW = 2


@dataclass(frozen=True, slots=True)
class TaggedSpan:
    """A typed piece of a text, by character offsets."""

    kind: str
    start: int
    end: int


class Tagger(Protocol):
    """Finds typed spans in texts."""

    def spans(self, texts: Sequence[str]) -> list[list[TaggedSpan]]:
        """Non-overlapping spans of each text, from left to right."""


# Fits a tagger to texts and their spans.
MakeTagger = Callable[[Sequence[str], Sequence[Sequence[TaggedSpan]]], Tagger]


class LinearTagger:
    """Fitted on texts with their spans."""

    def __init__(self, texts: Sequence[str], spans: Sequence[Sequence[TaggedSpan]]) -> None:
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.linear_model import LogisticRegression

        rows = [
            (features, tag)
            for text, each in zip(texts, spans, strict=True)
            for features, tag in _rows(text, each)
        ]
        tags = [tag for _, tag in rows]
        self._constant = tags[0] if len(set(tags)) == 1 else None if tags else OUTSIDE
        if self._constant is None:
            self._vectorizer = DictVectorizer()
            table = self._vectorizer.fit_transform([features for features, _ in rows])
            self._model = fitted(LogisticRegression(C=5.0, max_iter=1000), table, tags)

    def spans(self, texts: Sequence[str]) -> list[list[TaggedSpan]]:
        """Non-overlapping spans of each text, from left to right."""
        tokens = [list(TOKEN.finditer(text)) for text in texts]
        flat = [features for text in texts for features in _features(text)]
        if not flat or self._constant is not None:
            tags = [self._constant or OUTSIDE] * len(flat)
        else:
            tags = [str(tag) for tag in self._model.predict(self._vectorizer.transform(flat))]
        found, position = [], 0
        for each in tokens:
            found.append(list(decoded_spans(each, tags[position : position + len(each)])))
            position += len(each)
        return found


def span_answers(
    pairs: Sequence[TrainingPair], fit: MakeTagger = LinearTagger
) -> Callable[[Sequence[str]], list[Answer]]:
    """A `span_set` baseline: the tagger, its spans grouped by type in the order of the message."""
    tagger = fit([pair.text for pair in pairs], [_spans_of(pair) for pair in pairs])

    def answer(texts: Sequence[str]) -> list[Answer]:
        return [
            (answer_text(_grouped(text, spans)), None)
            for text, spans in zip(texts, tagger.spans(texts), strict=True)
        ]

    return answer


def first_place(text: str, wanted: str, taken: Sequence[TaggedSpan] = ()) -> tuple[int, int] | None:
    """The first occurrence of `wanted` at word boundaries that overlaps nothing taken."""
    for match in re.finditer(rf"(?<!\w){re.escape(wanted)}(?!\w)", text):
        if not any(match.start() < span.end and span.start < match.end() for span in taken):
            return match.span()
    return None


def _spans_of(pair: TrainingPair) -> list[TaggedSpan]:
    spans: list[TaggedSpan] = []
    for kind, texts in json.loads(pair.target).items():
        for wanted in texts:
            if place := first_place(pair.text, wanted, spans):
                spans.append(TaggedSpan(kind, *place))
    return spans


def _grouped(text: str, spans: Sequence[TaggedSpan]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for span in spans:
        grouped.setdefault(span.kind, []).append(text[span.start : span.end])
    return grouped


def _rows(text: str, spans: Sequence[TaggedSpan]) -> Iterator[tuple[dict[str, Any], str]]:
    yield from zip(_features(text), tags_of(text, spans), strict=True)


def tags_of(text: str, spans: Sequence[TaggedSpan]) -> list[str]:
    """BIO tags of the words: the begin and the inside of a span by its kind, or outside."""
    tags = []
    for match in TOKEN.finditer(text):
        inside = next((span for span in spans if span.start <= match.start() < span.end), None)
        if inside is None:
            tags.append(OUTSIDE)
        else:
            tags.append(f"{'B' if match.start() == inside.start else 'I'}-{inside.kind}")
    return tags


def _features(text: str) -> list[dict[str, Any]]:
    words = [match.group() for match in TOKEN.finditer(text)]
    lowered = [word.lower() for word in words]
    shapes = [word_shape(word) for word in words]
    rows = []
    for position in range(len(words)):
        row: dict[str, Any] = {"bias": 1.0}
        for offset in range(-_WINDOW, _WINDOW + 1):
            near = position + offset
            word = lowered[near] if 0 <= near < len(words) else "<edge>"
            row[f"word{offset}={word}"] = 1.0
            if 0 <= near < len(words) and abs(offset) <= 1:
                row[f"shape{offset}={shapes[near]}"] = 1.0
        row[f"start={lowered[position][:3]}"] = row[f"end={lowered[position][-3:]}"] = 1.0
        if position:
            row[f"pair={lowered[position - 1]} {lowered[position]}"] = 1.0
        rows.append(row)
    return rows


def word_shape(word: str) -> str:
    """`Bob4` → `Xx9`: kinds of characters, runs shortened to one."""
    kinds = "".join("9" if c.isdigit() else "X" if c.isupper() else "x" if c.isalpha() else c for c in word)
    return re.sub(r"(.)\1+", r"\1", kinds) + ("" if len(word) > 1 else "!")


def decoded_spans(tokens: Sequence[re.Match[str]], tags: Sequence[str]) -> Iterator[TaggedSpan]:
    """BIO tags to spans; an inside tag that follows no span of its type begins one."""
    kind, start, end = "", 0, 0
    for token, tag in zip(tokens, tags, strict=True):
        name = tag[2:] if tag != OUTSIDE else ""
        if kind and (not tag.startswith("I-") or name != kind):
            yield TaggedSpan(kind, start, end)
            kind = ""
        if name:
            if not kind:
                kind, start = name, token.start()
            end = token.end()
    if kind:
        yield TaggedSpan(kind, start, end)
