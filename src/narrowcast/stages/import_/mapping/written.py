"""Lists and objects that a cell holds as text: JSON, or what Python and numpy print."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from typing import Any

_SIDE_BY_SIDE = re.compile(r"""['"]\s+[bru]?['"]""")
_LAYOUT = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


def written(text: str) -> Any:
    """The list or object that a text stands for; the text itself where it is neither."""
    if text.lstrip()[:1] not in ("[", "{"):
        return text
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(_separated(text.strip()))
    except (ValueError, SyntaxError, MemoryError, RecursionError, tokenize.TokenError):
        return text


def plain(value: Any) -> Any:
    """A value, with a text that stands for a list or object read."""
    return written(value) if isinstance(value, str) else value


def _separated(text: str) -> str:
    """Strings side by side, as numpy prints them, with commas between: Python would make one of them."""
    if not _SIDE_BY_SIDE.search(text):
        return text
    parts: list[str] = []
    last = None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in _LAYOUT:
            continue
        if token.type == last == tokenize.STRING:
            parts.append(",")
        parts.append(token.string)
        last = token.type
    return " ".join(parts)
