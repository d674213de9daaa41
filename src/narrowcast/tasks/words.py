"""Words of any script, for metrics that compare texts word by word.

Texts are compared in NFKC and lower case. Chinese, Japanese, Thai, Lao, Khmer, Burmese and Tibetan put no
spaces between words: there each character, with the marks on it, is a word, as MLQA scores Chinese. An emoji
is a word, too. On ASCII texts the words are those of rouge-score and of SQuAD.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

# Thai, Lao, Tibetan, Burmese, Khmer, kana, bopomofo, Han with its extensions and compatibility forms.
_UNSPACED = re.compile(
    "[\u0e00-\u0e7f\u0e80-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3100-\u312f"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_ASCII_SYMBOLS = frozenset("$+<=>^`|~")  # punctuation to SQuAD
_ARTICLES = frozenset({"a", "an", "the"})


def words(text: str) -> list[str]:
    """Words as ROUGE counts them: runs of letters, digits and marks; whatever else only separates them."""
    return _words(_folded(text), separates=lambda char: unicodedata.category(char)[0] not in "LNM")


def answer_words(text: str) -> list[str]:
    """Words as SQuAD counts them: punctuation is left out, not a border, and so are English articles."""
    kept = "".join(char for char in _folded(text) if not _is_punctuation(char))
    return [word for word in _words(kept, separates=str.isspace) if word not in _ARTICLES]


def _folded(text: str) -> str:
    """Compared form; characters that only format, such as a joiner inside a Persian word, are left out."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    return "".join(char for char in folded if unicodedata.category(char) != "Cf")


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] == "P" or char in _ASCII_SYMBOLS


def _words(text: str, separates: Callable[[str], bool]) -> list[str]:
    pieces: list[str] = []
    grows = False  # the last word takes further letters
    for char in text:
        kind = unicodedata.category(char)
        if kind[0] == "M" and pieces:
            pieces[-1] += char  # a mark belongs to what it stands on
        elif kind == "So" or _UNSPACED.match(char):
            if kind == "So" or not separates(char):
                pieces.append(char)
            grows = False
        elif separates(char):
            grows = False
        elif grows:
            pieces[-1] += char
        else:
            pieces.append(char)
            grows = True
    return pieces
