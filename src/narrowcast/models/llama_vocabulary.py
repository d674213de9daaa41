"""Text to tokens and back inside the worker, byte for byte.

The binding decodes each token as UTF-8 by itself, which destroys characters that span tokens (emoji,
umlauts); so token texts are turned into bytes here, by GPT-2's byte alphabet or SentencePiece's spelling, and
decoded as a stream.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from narrowcast.models.llama_cpp import LlamaCpp

NORMALIZER_KEY = "narrowcast.tokenizer.normalizer"
STOP_KEY = "narrowcast.tokenizer.stop_token_ids"
PREFIX_KEY = "narrowcast.tokenizer.prefix"
_SPACE_PREFIX = "tokenizer.ggml.add_space_prefix"
_SPACE = "▁"
_SENTENCE_PIECES, _BPE = 1, 2  # llama.cpp's vocabulary types
_UNKNOWN, _CONTROL, _USER_DEFINED, _BYTE = 1 << 0, 1 << 3, 1 << 4, 1 << 5  # llama.cpp's token attributes


class LlamaVocabulary:
    """The tokenizer of a GGUF file: byte-level BPE or SentencePiece's; others raise ValueError."""

    def __init__(self, engine: LlamaCpp) -> None:
        self._vocab: Any = engine.vocab
        kind = int(self._vocab.vocab_type)
        if kind not in (_BPE, _SENTENCE_PIECES):
            raise ValueError("only byte-level BPE and SentencePiece vocabularies are supported")
        metadata = engine.metadata()
        self._pieces = kind == _SENTENCE_PIECES
        added = "never" if metadata.get(_SPACE_PREFIX, "true") == "false" else "always"
        self._prefix = metadata.get(PREFIX_KEY, added) if self._pieces else "never"
        self.size = int(self._vocab.n_vocab)
        self._normalizer = metadata.get(NORMALIZER_KEY, "")
        self.eos = int(self._vocab.token_eos())
        self.eot = int(self._vocab.token_eot())
        stops = metadata.get(STOP_KEY, "")
        self.stop = frozenset({self.eos, self.eot, *map(int, filter(None, stops.split(",")))} - {-1})
        attributes = [int(self._vocab.get_attr(token)) for token in range(self.size)]
        self._control = frozenset(i for i, kind in enumerate(attributes) if kind & (_CONTROL | _UNKNOWN))
        self._user_defined = frozenset(i for i, kind in enumerate(attributes) if kind & _USER_DEFINED)
        self._bytes = {i: self.text(i) for i, kind in enumerate(attributes) if kind & _BYTE}

    @property
    def adds_space(self) -> bool:
        """Whether an answer begins with a space that nobody wrote."""
        return self._prefix != "never"

    def specials(self) -> list[str]:
        """Texts of the special tokens."""
        return [self.text(token) for token in sorted(self._control)]

    def text(self, token: int) -> str:
        """A token as the vocabulary spells it; empty for -1."""
        return str(self._vocab.get_text(token)) if token >= 0 else ""

    def encode(self, pieces: Sequence[tuple[str, bool]]) -> list[int]:
        """Token ids of a prompt in pieces (`narrowcast.models.template.Piece` as pairs)."""
        tokens: list[int] = []
        for number, (text, special) in enumerate(pieces):
            text = text if special else self._prepared(text, first=not number)
            if text:
                tokens += self._vocab.tokenize(text, False, special)
        return tokens

    def _prepared(self, text: str, *, first: bool) -> str:
        """What `tokenizer.json` does with a text and llama.cpp does not."""
        if self._normalizer == "NFC":
            text = unicodedata.normalize("NFC", text)
        if self._pieces:
            text = text.replace(_SPACE, " ")  # the same to the model; several in a row are one token
        if self._prefix == "first" and first and text and not text.startswith(" "):
            text = f" {text}"
        return text

    def stream(self) -> TextStream:
        """A decoder for one answer."""
        return TextStream(self)

    def bytes_of(self, token: int) -> bytes:
        """What a token stands for; nothing for special tokens."""
        if token in self._control:
            return b""
        text = self.text(token)
        if token in self._user_defined:
            return text.encode()
        if token in self._bytes:
            return bytes([int(self._bytes[token][3:5], 16)])
        if self._pieces:
            return text.replace(_SPACE, " ").encode()
        alphabet = _byte_alphabet()
        return bytes(alphabet[character] for character in text if character in alphabet)


class TextStream:
    """Tokens in, whole characters out; without the space that the tokenizer has added."""

    def __init__(self, vocabulary: LlamaVocabulary) -> None:
        self._vocabulary = vocabulary
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._added = vocabulary.adds_space

    def push(self, token: int) -> str:
        """The text that this token completes."""
        text = self._decoder.decode(self._vocabulary.bytes_of(token))
        if self._added and text:
            self._added = False
            return text.removeprefix(" ")
        return text

    def end(self) -> str:
        """The rest, a replacement character where the last character was cut."""
        return self._decoder.decode(b"", final=True)


@lru_cache(maxsize=1)
def _byte_alphabet() -> dict[str, int]:
    """GPT-2's printable character for each byte, inverted."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = {chr(byte): byte for byte in printable}
    alphabet.update({chr(256 + index): byte for index, byte in enumerate(others)})
    return alphabet
