"""Which language a text is in: py3langid, 97 languages, offline; `und` where it cannot be detected."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from narrowcast.plugins.optional import require

UNDETERMINED = "und"
# Fewer letters do not tell a language; neither does a guess that is hardly better than the next.
_LETTERS = 20
_CONFIDENCE = 0.5
_LOOKED_AT = 5_000


@dataclass(frozen=True, slots=True)
class Language:
    """ISO 639-1 code (`und` where undetermined) and the probability behind it."""

    code: str
    confidence: float


def language_of(text: str) -> Language:
    """Of the first 5,000 characters."""
    head = text[:_LOOKED_AT]
    if sum(map(str.isalpha, head)) < _LETTERS:
        return Language(UNDETERMINED, 0.0)
    code, confidence = _identifier().classify(head)
    return Language(code if confidence >= _CONFIDENCE else UNDETERMINED, round(float(confidence), 3))


@cache
def _identifier() -> Any:
    require("py3langid", purpose="finding the language of texts")
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
