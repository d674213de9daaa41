import pytest

from narrowcast.stages.clean.blocks import join
from narrowcast.stages.clean.html import MarkupError, html_blocks
from narrowcast.stages.clean.markdown import markdown_blocks
from narrowcast.stages.clean.markup import blocks_of, markup_of

PAGE = """<!doctype html><html><head><title>T</title><style>p {}</style></head><body>
<nav><a href="/">Home</a> <a href="/x">Docs</a></nav>
<h1>Returns &amp; refunds</h1><p>You have <b>30   days</b>.<br>No fee.</p>
<ul><li>Keep the box</li><li>Print the <a href="#">label</a></li></ul>
<pre>  step 1
    step 2</pre><script>alert(1)</script><p hidden>secret</p>
<ul><li><a href="/a">About</a></li><li><a href="/b">Jobs</a></li></ul>
<footer>© 2026 Shop</footer></body></html>"""


def test_html_keeps_what_is_shown_and_its_structure() -> None:
    blocks, changes = html_blocks(PAGE, boilerplate=True)
    assert [(each.kind, each.level, each.text) for each in blocks] == [
        ("heading", 1, "Returns & refunds"),
        ("paragraph", 0, "You have 30 days.\nNo fee."),
        ("item", 0, "Keep the box"),
        ("item", 0, "Print the label"),
        ("code", 0, "  step 1\n    step 2"),
    ]
    assert changes["boilerplate_element"] == 2
    assert changes["boilerplate_links"] == 2
    assert changes["html_hidden"] == 4


def test_html_without_boilerplate_removal_keeps_menus() -> None:
    text = join(html_blocks(PAGE, boilerplate=False)[0])
    assert "Home" in text
    assert "© 2026 Shop" in text
    assert "alert" not in text


def test_deeply_nested_and_broken_html_is_read() -> None:
    blocks, _ = html_blocks("<div>" * 1_500 + "deep" + "</p><b>er", boilerplate=True)
    assert "".join(each.text for each in blocks) == "deeper"
    with pytest.raises(MarkupError, match="depth"):
        html_blocks("<div>" * 5_000 + "lost", boilerplate=True)
    assert html_blocks("", boilerplate=True)[0] == []


def test_markdown_loses_marks_and_keeps_words_and_code() -> None:
    text = (
        "---\ntitle: x\n---\n# One *big* title\n\nSee [the docs](http://x.y) and `a  b`.\nSecond line.\n\n"
        ":::tip\nBe careful.\n:::\n\n```python\nx = 1\n\ny  =  2\n```\n\n- item\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    blocks, changes = markdown_blocks(text)
    assert [(each.kind, each.text) for each in blocks] == [
        ("heading", "One big title"),
        ("paragraph", "See the docs and a  b.\nSecond line."),
        ("paragraph", "Be careful."),
        ("code", "x = 1\n\ny  =  2"),
        ("item", "item"),
        ("item", "a\tb"),
        ("item", "1\t2"),
    ]
    assert changes["front_matter"] == 1
    assert changes["admonition_fence"] == 2


def test_markup_is_known_by_name_or_content_and_a_message_is_left_alone() -> None:
    assert markup_of("# x", {"path": "docs/a.md"}) == "markdown"
    assert markup_of("<!DOCTYPE html><html>", {}) == "html"
    assert markup_of("<p>a</p><p>b</p>", {}) == "html"
    assert markup_of("# of items * 2 < 3 and a <b", {}) == "plain"
    assert markup_of("<p>once</p>", {"path": "a.html"}) == "html"
    assert markup_of("a page\n   already as text, 1 < 2", {"path": "a.html"}) == "plain"
    message = "  a   b\n\n\n\nc  "
    blocks, changes = blocks_of(message, "plain", boilerplate=True)
    assert [each.text for each in blocks] == ["  a   b", "c  "]
    assert not changes
