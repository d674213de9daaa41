"""A tagger that decides the words of a message together: a linear-chain conditional random field (CRFsuite).

Lafferty, McCallum and Pereira 2001; Okazaki's CRFsuite, trained by L-BFGS. Each word is seen with two
neighbours on each side, its prefixes and suffixes, its shape and its neighbours' shapes, and whether other
train messages have it inside a span (a gazetteer that a message's own spans are left out of, so that it
says in training what it will say on new messages).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from narrowcast.models.extractors.spans import (
    OUTSIDE,
    TOKEN,
    TaggedSpan,
    decoded_spans,
    tags_of,
    word_shape,
)
from narrowcast.plugins.optional import require
from narrowcast.store.leftovers import scratch_folder

_WINDOW = 2
_LONGEST_AFFIX = 4
# Of 0.01, 0.1 and 1 the best on WNUT17's dev split.
_REGULARISATION = 0.01
_MAX_ITERATIONS = 100


class CrfTagger:
    """Fitted on texts with their spans.

    Raises:
        MissingExtraError: without python-crfsuite.
    """

    def __init__(self, texts: Sequence[str], spans: Sequence[Sequence[TaggedSpan]]) -> None:
        require("pycrfsuite", purpose="the tagger of the baseline crf")
        import pycrfsuite

        self._known = _words_in_spans(texts, spans)
        self._kinds = sorted({kind for _, kind in self._known})
        trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
        trainer.set_params(
            {
                "c2": _REGULARISATION,
                "max_iterations": _MAX_ITERATIONS,
                "feature.possible_transitions": True,
            }
        )
        for text, each in zip(texts, spans, strict=True):
            tags = tags_of(text, each)
            if tags:
                own = _words_in_spans([text], [each])
                trainer.append(list(_features(text, self._kinds, self._known, own)), tags)
        with scratch_folder("crf") as folder:
            path = folder / "model"
            trainer.train(str(path))
            self._model = path.read_bytes()
        self._tagger = pycrfsuite.Tagger()
        # It reads these bytes as long as it lives, and does not own them.
        self._tagger.open_inmemory(self._model)

    def spans(self, texts: Sequence[str]) -> list[list[TaggedSpan]]:
        """Non-overlapping spans of each text, from left to right."""
        return [
            list(decoded_spans(list(TOKEN.finditer(text)), self._tagger.tag(self._seen(text))))
            for text in texts
        ]

    def _seen(self, text: str) -> list[list[str]]:
        return list(_features(text, self._kinds, self._known, Counter()))


def _words_in_spans(texts: Sequence[str], spans: Sequence[Sequence[TaggedSpan]]) -> Counter[tuple[str, str]]:
    """In how many messages a word stands inside a span of a kind."""
    known: Counter[tuple[str, str]] = Counter()
    for text, each in zip(texts, spans, strict=True):
        words = zip(TOKEN.finditer(text), tags_of(text, each), strict=True)
        known.update({(word.group().lower(), tag[2:]) for word, tag in words if tag != OUTSIDE})
    return known


def _features(
    text: str, kinds: Sequence[str], known: Counter[tuple[str, str]], own: Counter[tuple[str, str]]
) -> Iterator[list[str]]:
    """Names of the features that hold, word by word; `own` are the message's words in spans, in training."""
    words = [match.group() for match in TOKEN.finditer(text)]
    lowered, shapes = [word.lower() for word in words], [word_shape(word) for word in words]
    for place, (word, low) in enumerate(zip(words, lowered, strict=True)):
        row = ["bias"]
        for offset in range(-_WINDOW, _WINDOW + 1):
            near = place + offset
            inside = 0 <= near < len(words)
            row.append(f"word{offset}={lowered[near] if inside else '<edge>'}")
            if inside and abs(offset) <= 1:
                row.append(f"shape{offset}={shapes[near]}")
                pairs = [(lowered[near], kind) for kind in kinds]
                row += [f"known{offset}={pair[1]}" for pair in pairs if known[pair] > own[pair]]
        row += [f"start={low[:size]}" for size in range(1, _LONGEST_AFFIX + 1)]
        row += [f"end={low[-size:]}" for size in range(1, _LONGEST_AFFIX + 1)]
        if place:
            row += [f"before={lowered[place - 1]} {low}", f"shapes={shapes[place - 1]} {shapes[place]}"]
            row += ["inner capital"] if word[:1].isupper() else []
        else:
            row.append("first")
        if place + 1 < len(words):
            row.append(f"after={low} {lowered[place + 1]}")
        yield row
