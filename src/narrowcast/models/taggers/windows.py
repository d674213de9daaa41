"""Words to tokens of an encoder, and rows longer than it reads to windows that overlap, without torch.

Each word is tokenised by itself, with the space before it, so that the first token of a word is known
whatever the vocabulary; one with more tokens than a window has its first alone. A word is judged in the
window in which it stands farthest from an edge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from narrowcast.models.encoders.tokens import Reading
from narrowcast.models.taggers.words import Word, words_of

_OVERLAP = 4
"""Windows share a quarter of their tokens."""
_KEPT = 100_000
"""Words whose tokens are remembered."""


@dataclass(frozen=True, slots=True)
class Window:
    """What the encoder reads in one piece.

    Attributes:
        ids: of tokens.
        surfaces: by token, that of its word plus one; 0 where a token belongs to none.
        words: numbers of the words that are judged here.
        places: of the first token of each of them.
    """

    ids: list[int]
    surfaces: list[int]
    words: list[int]
    places: list[int]


@dataclass(frozen=True, slots=True)
class ReadText:
    """The words of a text that have tokens, and the windows in which they stand."""

    words: list[Word]
    windows: list[Window] = field(default_factory=list)


class WordTokens:
    """Tokenises texts word by word.

    Args:
        tokenizer: the text of `tokenizer.json`.
        reading: of the encoder.

    Raises:
        ValueError: if the library cannot read the tokenizer, or no word fits between its special tokens.
    """

    def __init__(self, tokenizer: str, reading: Reading) -> None:
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_str(tokenizer)
        except Exception as error:  # the library raises a bare Exception for a damaged file
            raise ValueError(str(error)) from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._lowered = reading.lowered
        self._before, self._after = self._around(reading.prompt)
        self._room = reading.longest - len(self._before) - len(self._after)
        if self._room < 1:
            raise ValueError(f"{reading.longest} tokens leave no room for a word")
        self._known: dict[str, list[int]] = {}

    def of(self, texts: Sequence[str]) -> list[ReadText]:
        """The words and windows of each text; one without a word has no window."""
        words = [words_of(text) for text in texts]
        pieces = [[_piece(text, word) for word in each] for text, each in zip(texts, words, strict=True)]
        known = self._tokenised(set(chain.from_iterable(pieces)))
        read = []
        for each, own in zip(words, pieces, strict=True):
            tokens = [known[piece][: self._room] for piece in own]
            kept = [(word, ids) for word, ids in zip(each, tokens, strict=True) if ids]
            read.append(ReadText([word for word, _ in kept], list(self._windows(kept))))
        return read

    def _tokenised(self, pieces: set[str]) -> dict[str, list[int]]:
        """Ids of at least these pieces; other threads may read and extend the same table."""
        known = self._known if len(self._known) + len(pieces) <= _KEPT else {}
        new = sorted(piece for piece in pieces if piece not in known)
        read = [piece.lower() for piece in new] if self._lowered else new
        encoded = self._tokenizer.encode_batch_fast(read, add_special_tokens=False)
        known |= {piece: each.ids for piece, each in zip(new, encoded, strict=True)}
        self._known = known
        return known

    def _around(self, prompt: str) -> tuple[list[int], list[int]]:
        """Tokens before and behind a text: the special ones, and those of the prompt."""
        whole = self._tokenizer.encode("a")
        inner = [place for place, special in enumerate(whole.special_tokens_mask) if not special]
        if not inner:
            raise ValueError("the tokenizer makes nothing of a letter")
        written = prompt.lower() if self._lowered else prompt
        own = self._tokenizer.encode(written, add_special_tokens=False).ids if written else []
        return whole.ids[: inner[0]] + own, whole.ids[inner[-1] + 1 :]

    def _windows(self, words: Sequence[tuple[Word, list[int]]]) -> Iterator[Window]:
        starts = list(_starts([len(ids) for _, ids in words], self._room))
        for number, (first, end) in enumerate(starts):
            low = _border(starts[number - 1][1], first) if number else 0
            high = _border(end, starts[number + 1][0]) if number + 1 < len(starts) else len(words)
            ids, surfaces, places = [*self._before], [0] * len(self._before), {}
            for at in range(first, end):
                word, own = words[at]
                places[at] = len(ids)
                ids += own
                surfaces += [word.surface + 1] * len(own)
            judged = list(range(low, high))
            yield Window(
                ids + self._after,
                surfaces + [0] * len(self._after),
                judged,
                [places[at] for at in judged],
            )


def _piece(text: str, word: Word) -> str:
    """The word with the space before it; white space of any kind is one space."""
    spaced = word.start > 0 and text[word.start - 1].isspace()
    return f"{' ' if spaced else ''}{text[word.start : word.end]}"


def _starts(sizes: Sequence[int], room: int) -> Iterator[tuple[int, int]]:
    """First word of each window, and the first word behind it; each word has at most `room` tokens."""
    first = 0
    while first < len(sizes):
        end, used = first, 0
        while end < len(sizes) and used + sizes[end] <= room:
            used += sizes[end]
            end += 1
        yield first, end
        if end == len(sizes):
            return
        back, shared = end, 0
        while back - 1 > first and shared + sizes[back - 1] <= room // _OVERLAP:
            back -= 1
            shared += sizes[back]
        # Unless the next window reached no further than this one.
        first = back if shared + sizes[end] <= room else end


def _border(end: int, start: int) -> int:
    """The word from which on the later of two windows judges, halfway through what they share."""
    return start + (end - start) // 2
