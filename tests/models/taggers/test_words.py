"""Words with exact places, tags and their spans, windows in which each word is judged once."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.models.encoders.tokens import Reading
from narrowcast.models.taggers.tags import likeliest, spans_of, tag_names, tags_of
from narrowcast.models.taggers.windows import WordTokens
from narrowcast.models.taggers.words import SURFACES, words_of
from narrowcast.testing.tiny import build_tiny_encoder


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Grüße aus Köln, 7pm!", ["Grüße", "aus", "Köln", ",", "7pm", "!"]),
        ("cafe\u0301 Zo\u0308e", ["cafe\u0301", "Zo\u0308e"]),
        ("ok👍🏽👨‍👩‍👧x", ["ok", "👍🏽", "👨‍👩‍👧", "x"]),
        ("東京へ行く Today", ["東", "京", "へ", "行", "く", "Today"]),
        ("a_b @user don't", ["a", "_", "b", "@", "user", "don", "'", "t"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("\u0301x \u200b", ["\u0301", "x", "\u200b"]),
        ("a\u00a0b\u2028c\tд", ["a", "b", "c", "д"]),
        ("", []),
        (" \n", []),
    ],
)
def test_words_and_their_places(text, words):
    assert [text[word.start : word.end] for word in words_of(text)] == words


@given(st.text())
def test_only_white_space_lies_between_words(text):
    places = [(word.start, word.end) for word in words_of(text)]
    covered = "".join(text[start:end] for start, end in places)
    assert "".join(text.split()) == "".join(covered.split())
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(places))
    assert all(0 <= word.surface < SURFACES for word in words_of(text))


def test_the_surface_says_how_a_word_is_written():
    words = words_of("Bob BOB bob McB 7 b7 , BOB")
    assert len({word.surface for word in words[:7]}) == 7
    assert words[1].surface == words[7].surface
    assert words_of("a.b")[2].surface != words_of("a. b")[2].surface


SPANS = [("city", 0, 4), ("count", 10, 13), ("city", 5, 9)]


def test_spans_become_tags_and_tags_spans():
    text = "Köln Bonn 4 4"
    words = words_of(text)
    tags = tags_of(words, SPANS, ["city", "count"])
    assert [tag_names(["city", "count"])[tag] for tag in tags] == ["B-city", "B-city", "B-count", "I-count"]
    assert spans_of(words, tags, ["city", "count"]) == sorted(SPANS, key=lambda span: span[1])


@pytest.mark.parametrize(
    ("spans", "reason"),
    [
        ([("city", 0, 9), ("count", 5, 9)], "spans_overlap"),
        ([("city", 0, 4), ("count", 0, 4)], "spans_overlap"),
        ([("city", 0, 3)], "span_inside_word"),
        ([("city", 4, 9)], "span_inside_word"),
        ([("city", 0, 4), ("city", 0, 4)], [1, 0]),
    ],
)
def test_spans_without_tags_have_a_reason(spans, reason):
    assert tags_of(words_of("Köln Bonn"), spans, ["city", "count"]) == reason


@pytest.mark.parametrize("seed", range(20))
def test_the_likeliest_tags_are_those_of_every_valid_sequence_tried(seed):
    scores = np.random.default_rng(seed).normal(size=(5, 5)).astype(np.float32)

    def valid(tags):
        pairs = zip((0, *tags), tags, strict=False)
        return all(tag == 0 or tag % 2 or before in (tag, tag - 1) for before, tag in pairs)

    every = [tags for tags in itertools.product(range(5), repeat=5) if valid(tags)]
    best = max(every, key=lambda tags: float(scores[range(5), tags].sum()))
    assert likeliest(scores) == list(best)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return (build_tiny_encoder(tmp_path_factory.mktemp("tiny")) / "tokenizer.json").read_text()


@pytest.mark.parametrize("longest", [3, 4, 10, 33])
def test_each_word_is_judged_in_one_window_by_its_first_token(tokenizer, longest):
    tokens = WordTokens(tokenizer, Reading("", lowered=False, longest=longest))
    text = "My payment was declined twice; zzyzx and the refund has not arrived " * 3
    (read,) = tokens.of([text])
    judged = [word for window in read.windows for word in window.words]
    assert judged == list(range(len(read.words)))
    for window in read.windows:
        assert len(window.ids) <= longest
        for number, place in zip(window.words, window.places, strict=True):
            word = read.words[number]
            (alone,) = tokens.of([text[word.start : word.end]])
            assert window.ids[place] == alone.windows[0].ids[1]
            assert window.surfaces[place] == word.surface + 1


def test_a_row_that_fits_is_read_as_the_encoder_reads_texts(tokenizer):
    from narrowcast.models.encoders.tokens import TextTokens

    reading = Reading("query: ", lowered=True, longest=32)
    text = "My payment was DECLINED twice; 東京 and Köln!"
    (read,) = WordTokens(tokenizer, reading).of([text])
    assert [window.ids for window in read.windows] == TextTokens(tokenizer, reading).of([text])


def test_no_room_for_a_word_is_an_error(tokenizer):
    with pytest.raises(ValueError, match="no room"):
        WordTokens(tokenizer, Reading("", lowered=False, longest=2))
