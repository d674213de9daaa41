"""Text from data and from users in Markdown pages: shown as it is, never read as markup."""

from __future__ import annotations

import re
from html import unescape

# A backslash before punctuation, code, emphasis, a column, an underscore at the edge of a word; then what
# makes a link, an image or its target of brackets.
_MARKUP = re.compile(r"\\(?=[!-/:-@\[-`{-~])|[`*|~]|(?<!\w)_|_(?!\w)|(?<=\])[\[(:]|\[(?=\^)|!(?=\[)")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def escape(text: object) -> str:
    """One line of text for a paragraph, a heading or a cell of a table."""
    line = " ".join(str(text).split())
    marked = _MARKUP.sub(r"\\\g<0>", _ENTITY.sub("&amp;", line))
    return marked.replace("<", "&lt;").replace(">", "&gt;")


def escape_lines(text: str) -> str:
    """Text of several lines; its lists and headings stay, HTML, links and images become text."""
    return "\n".join(each[: len(each) - len(each.lstrip())] + escape(each) for each in text.splitlines())


def plain(markdown: str) -> str:
    """The text that `escape` was given, apart from white space."""
    return unescape(_ESCAPED.sub(r"\1", markdown))
