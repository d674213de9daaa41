"""A fitted extractor: a linear classifier for closed fields, a tagger for what is copied, and its answers.

Tables are held as plain arrays. A run stores them, its exported file holds the same, and the baseline of the
same kind answers by the same code, so that all three are one model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from narrowcast.models.classifiers.linear import Answer, Embed, LinearClassifier
from narrowcast.models.extractors.spans import TaggedSpan, Tagger
from narrowcast.models.extractors.tagger import WordTagger
from narrowcast.models.predictors.json_answer import answer_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FieldAnswer:
    """How a field is answered: with the value of the best score, or with the first piece of its kind.

    Attributes:
        name: of the field, and of the kind of span where it is copied.
        values: any JSON; of two or more each has a column of scores, a single one is always the answer.
            Empty for a field that is copied, which is null where there is no piece.
        number: a piece of decimal digits is answered as a number.
    """

    name: str
    values: tuple[Any, ...] = ()
    number: bool = False

    @property
    def columns(self) -> int:
        """Of scores."""
        return len(self.values) if len(self.values) > 1 else 0


@dataclass(frozen=True, slots=True)
class Extractor:
    """Answers with an object of fields or, where it has none, with the spans of a text by kind.

    Attributes:
        fields: in the order of the answer.
        classifier: has the columns of one field after the other; None where no field has any.
        tagger: finds spans; None where nothing is copied.
    """

    fields: tuple[FieldAnswer, ...]
    classifier: LinearClassifier | None
    tagger: Tagger | None

    @property
    def size_bytes(self) -> int | None:
        """Of weights and vocabularies; None where the tagger does not tell."""
        if self.tagger is not None and not isinstance(self.tagger, WordTagger):
            return None
        return sum(part.size_bytes for part in (self.classifier, self.tagger) if part)

    def scores(self, texts: Sequence[str], embed: Embed | None = None) -> Floats:
        """Of the values of fields, of shape (texts, columns)."""
        import numpy as np

        if self.classifier is None:
            return np.zeros((len(texts), 0), np.float32)
        return self.classifier.scores(texts, embed)

    def answers(self, texts: Sequence[str], embed: Embed | None = None) -> list[Answer]:
        """An answer to each text; none has probabilities."""
        spans = self.tagger.spans(texts) if self.tagger else [[] for _ in texts]
        rows = zip(texts, self.scores(texts, embed), spans, strict=True)
        return [(extracted(self.fields, *row), None) for row in rows]


def extracted(fields: Sequence[FieldAnswer], text: str, scores: Floats, spans: Sequence[TaggedSpan]) -> str:
    """The answer in JSON that scores and spans of a text stand for, whoever computed them.

    Args:
        fields: of the answer; none stands for spans by kind.
        text: that the spans are of.
        scores: of shape (columns,).
        spans: from left to right.
    """
    if not fields:
        grouped: dict[str, list[str]] = {}
        for span in spans:
            grouped.setdefault(span.kind, []).append(text[span.start : span.end])
        return answer_text(grouped)
    pieces: dict[str, str] = {}
    for span in spans:
        pieces.setdefault(span.kind, text[span.start : span.end])
    return answer_text(dict(_values(fields, scores, pieces)))


def _values(
    fields: Sequence[FieldAnswer], scores: Floats, pieces: dict[str, str]
) -> Iterator[tuple[str, Any]]:
    at = 0
    for each in fields:
        if not each.values:
            piece = pieces.get(each.name)
            yield each.name, int(piece) if piece and each.number and piece.isdecimal() else piece
            continue
        best = int(scores[at : at + each.columns].argmax()) if each.columns else 0
        at += each.columns
        yield each.name, each.values[best]


def column_names(fields: Sequence[FieldAnswer]) -> list[str]:
    """By column of the scores, the field and its value in JSON."""
    return [json.dumps({each.name: value}) for each in fields if each.columns for value in each.values]
