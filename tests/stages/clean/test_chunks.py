from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.stages.clean.blocks import Block, join, paragraphs, place
from narrowcast.stages.clean.chunks import chunks

TEXTS = st.lists(st.text(st.sampled_from("ab. \nÜ漢。?!"), max_size=60), max_size=6).map("\n\n".join)


@settings(max_examples=150)
@given(TEXTS, st.integers(1, 40))
def test_chunks_cover_the_text_but_for_white_space_and_keep_the_limit(text: str, limit: int) -> None:
    position = 0
    for each in chunks(text, place(text, paragraphs(text)), limit):
        assert each.start >= position
        assert not text[position : each.start].strip()
        assert each.start < each.end
        assert each.size == each.end - each.start <= limit
        position = each.end
    assert not text[position:].strip()


def test_a_heading_begins_a_chunk_and_chunks_know_the_headings_above() -> None:
    blocks = [
        Block("Guide", "heading", 1),
        Block("Intro."),
        Block("Setup", "heading", 2),
        Block("First. " * 10 + "End."),
        Block("Use", "heading", 2),
        Block("Run it."),
    ]
    text = join(blocks)
    found = list(chunks(text, place(text, blocks), 60))
    assert [each.headings for each in found] == [
        ("Guide",),
        ("Guide", "Setup"),
        ("Guide", "Setup"),
        ("Guide", "Use"),
    ]
    assert text[found[0].start : found[0].end] == "Guide\n\nIntro."
    assert text[found[1].start : found[1].end].endswith("First.")


def test_the_size_may_be_measured_in_other_units() -> None:
    text = "One two three. Four five six. Seven"
    found = list(chunks(text, place(text, paragraphs(text)), 3, lambda part: len(part.split())))
    assert [(text[each.start : each.end], each.size) for each in found] == [
        ("One two three.", 3),
        ("Four five six.", 3),
        ("Seven", 1),
    ]
