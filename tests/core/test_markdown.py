"""Text from data in pages: rendered, it is the text, and never markup."""

from __future__ import annotations

import string
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from narrowcast.core.markdown import escape, plain

HOSTILE = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "[click](javascript:alert(1))",
    "![](http://evil.example/x.png)",
    "a [b][c] d",
    "a | b",
    "`code` and **bold** and _emphasis_",
    r"back\\slash \<b>",
    "&lt;b&gt; &amp; &#60;",
    "<http://evil.example>",
    "~~gone~~",
]


class _Text(HTMLParser):
    """The text and the tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.tags = "", []  # type: str, list[str]
        self.feed(page)
        self.close()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


def _cell(text: str) -> _Text:
    page = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return _Text(page.render(f"| head |\n| --- |\n| {escape(text)} |\n"))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_it_is(text: str) -> None:
    cell = _cell(text)
    assert set(cell.tags) == {"table", "thead", "tbody", "tr", "th", "td"}
    assert cell.text.split() == ["head", *text.split()]
    assert plain(escape(text)) == text


@given(st.text(alphabet=string.punctuation + "abc é\n"))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    cell = _cell(f"x{text}x")
    assert set(cell.tags) == {"table", "thead", "tbody", "tr", "th", "td"}
    assert cell.text.split() == ["head", *f"x{text}x".split()]
    assert plain(escape(text)) == " ".join(text.split())


def test_ordinary_text_stays_readable() -> None:
    for text in ("card_arrival", "0.912 [0.901, 0.922]", "run:exp-1", "50 % - 3 # x", "a\\b"):
        assert escape(text) == text
