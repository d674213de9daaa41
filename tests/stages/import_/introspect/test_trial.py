"""What rows say against a mapping that their form makes sure."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from narrowcast.core.row import SourceRow
from narrowcast.stages.import_.introspect import IntrospectionReport, introspect

WORDS = ("the", "card", "was", "not", "accepted", "shop", "because", "balance", "seems", "wrong", "please")
RANDOM = random.Random(11)
LABELS = ("billing", "delivery", "other")


def sentence(length: int = 9) -> str:
    return " ".join(RANDOM.choices(WORDS, k=length)) + f" {RANDOM.randrange(10_000)}"


def turns(*roles: str) -> list[dict[str, Any]]:
    return [{"role": role, "content": sentence()} for role in roles]


def look(make: Callable[[int], dict[str, Any]], rows: int = 200) -> IntrospectionReport:
    return introspect(SourceRow(number, make(number)) for number in range(rows))


def with_prompt(_: int) -> dict[str, Any]:
    messages = turns("user", "assistant")
    return {"prompt": messages[0]["content"], "prompt_id": "7f", "messages": messages}


def flags(label: int) -> dict[str, int]:
    return {name: int(place == label) for place, name in enumerate(LABELS)}


R3 = [format(number, "03b") for number in range(8)]
TALK = ("user", "assistant") * 6

PAGES: dict[int, str] = {}

DOUBTED: dict[str, tuple[Callable[[int], dict[str, Any]], str]] = {
    "half of the rows have a role that is not known": (
        lambda n: {"messages": turns(*TALK, "wizard" if n % 100 < 51 else "user", "assistant")},
        "unknown role 'wizard'",
    ),
    "one row in twelve is not understood": (
        lambda n: {"messages": turns("user", "wizard" if n % 12 == 0 else "user", "assistant")},
        "invalid_messages_shape",
    ),
    "a third of the labels are missing": (
        lambda n: {"text": sentence(), "label": LABELS[n % 3] if n % 3 else None},
        "missing_label",
    ),
    "an aspect decides which label a text has": (
        lambda n: {
            "text": PAGES.setdefault(n // 3, sentence()),
            "aspect": ("food", "price", "service")[n % 3],
            "label": ("good", "bad", "none")[(n + n // 3) % 3],
        },
        "'aspect'",
    ),
    "labels name columns with options": (
        lambda n: {
            "question": sentence(),
            **{letter: RANDOM.choice(WORDS) for letter in "ABCD"},
            "answer": "ABCD"[n * 7 % 4],
        },
        "the labels name the columns A, B, C, D",
    ),
    "labels are places in a list of options": (
        lambda n: {"question": sentence(), "choices": ["one", "two", "three"], "answer": n * 5 % 3},
        "the labels are places in the lists of 'choices'",
    ),
    "the label is written before each text": (
        lambda n: {"text": f"{LABELS[n % 3]}: {sentence()}", "label": LABELS[n % 3]},
        "targets are part of their own inputs",
    ),
    "a column says which rows are deleted": (
        lambda n: {"text": sentence(), "label": LABELS[n % 3], "is_deleted": n % 9 == 0},
        "'is_deleted' may say which rows do not count",
    ),
    "votes for labels are not fields": (
        lambda n: {"text": sentence(), "votes": {LABELS[n % 3]: 3, LABELS[(n + 1) % 3]: 2}},
        "such as votes for labels",
    ),
    "no target holds anything": (
        lambda _: {"text": sentence(), "output": {"name": None, "tags": []}},
        "every target is empty",
    ),
    "the label is in the text": (
        lambda n: {"text": f"{sentence()} label: {LABELS[n % 3]} .", "label": LABELS[n % 3]},
        "part of their own inputs",
    ),
    "flags of several people": (
        lambda n: {"text": sentence(), **{f"rater_{each}": R3[n * 7 % 8][each] for each in range(3)}},
        "rater_0, rater_1, rater_2 are counted: they may be several people's answers",
    ),
    "flags that say another label": (
        lambda n: {"text": sentence(), "label": LABELS[n % 3], **flags((n + (n % 9 == 0)) % 3)},
        "rows drawn the columns billing, delivery, other say another label",
    ),
    "the label is a tag in the text": (
        lambda n: {"text": f"{sentence()} #{LABELS[n % 3]} {sentence()}", "label": LABELS[n % 3]},
        "part of their own inputs",
    ),
    "who wrote a text is no class": (
        lambda n: {"ticket": n, "agent": ("ann", "bob", "cyd")[n * 7 % 3], "message": sentence()},
        "'agent' may say who wrote or labelled a text",
    ),
    "the answer is the question": (
        lambda _: {"question": (text := sentence()), "answer": text},
        "part of their own inputs",
    ),
    "answers are rated": (
        lambda n: {"question": sentence(), "answer": sentence(), "rating": n % 5},
        "'rating' may say which rows are good",
    ),
    "a flag without a usual name": (
        lambda n: {"messages": turns("user", "assistant"), "toxic_reply": n % 7 == 0},
        "'toxic_reply' may say which rows are good",
    ),
    "texts in two forms": (
        lambda n: {"raw_text": (text := sentence()), "clean_text": text.upper(), "label": LABELS[n % 3]},
        "the text could also be clean_text",
    ),
    "a text and its translation": (
        lambda n: {"text": sentence(), "text_de": sentence(), "label": LABELS[n % 3]},
        "the text could also be text_de",
    ),
    "a title and a body": (
        lambda n: {"title": sentence(6), "body": sentence(30), "label": LABELS[n % 3]},
        "the text could also be",
    ),
    "labels of two levels": (
        lambda n: {"text": sentence(), "scenario": "abc"[n % 3], "intent": "xyz"[n // 3 % 3]},
        "the label could also be",
    ),
    "labels that only are as many": (
        lambda n: {"text": sentence(), "one": "ab"[n % 2], "other": "cd"[n // 2 % 2]},
        "the label could also be other",
    ),
    "labels and spans": (
        lambda n: {"text": sentence(), "intent": LABELS[n % 3], "spans": [[0, 3, "x"]]},
        "what is to be learned may also be spans",
    ),
    "an object of offsets": (
        lambda n: {"text": sentence(), "found": {"time": {"hour": f"{n} o'clock", "offset": [1, 3]}}},
        "holds character offsets",
    ),
    "a second annotation": (
        lambda n: {"text": sentence(), "slots": {"time": f"{n} o'clock"}, "intents": ["ask", "book"]},
        "what is to be learned may also be intents",
    ),
    "a header among the rows": (
        lambda n: {"column_1": sentence(), "column_2": LABELS[n % 3] if n else "label"},
        "a header may be among the rows",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DOUBTED)
def test_what_makes_a_mapping_doubtful(name: str) -> None:
    make, doubt = DOUBTED[name]
    report = look(make)
    assert report.proposal is not None
    assert report.proposal.needs_force
    assert any(doubt in warning for warning in report.proposal.warnings), report.proposal.warnings


SURE: dict[str, tuple[Callable[[int], dict[str, Any]], dict[str, str]]] = {
    "a system's turn that is used": (
        lambda n: {"system": f"You are clerk {n}.", "messages": turns("user", "assistant")},
        {"messages": "messages", "system": "system"},
    ),
    "a rating that is used": (
        lambda n: {"messages": turns("user", "assistant"), "label": n % 2 == 0},
        {"messages": "messages", "rating": "label"},
    ),
    "a weight that is the same in all rows": (
        lambda _: {"messages": turns("user", "assistant"), "weight": 1},
        {"messages": "messages"},
    ),
    "an empty context": (
        lambda _: {"question": sentence(), "answer": sentence(), "history": [], "system": ""},
        {"question": "question", "answer": "answer"},
    ),
    "a prompt that the messages repeat": (with_prompt, {"messages": "messages"}),
    "flags that say the same label": (
        lambda n: {"text": sentence(), "label": LABELS[n * 7 % 3], **flags(n * 7 % 3)},
        {"text": "text", "label": "label"},
    ),
    "an input called context": (
        lambda n: {"instruction": sentence(), "context": sentence() * (n % 2), "response": sentence()},
        {"instruction": "instruction", "output": "response", "input": "context"},
    ),
    "a score beside a label": (
        lambda n: {"text": sentence(), "label": LABELS[n % 3], "score": n / 200},
        {"text": "text", "label": "label"},
    ),
    "the number of a label and its name": (
        lambda n: {"text": sentence(), "label": n % 3, "label_text": LABELS[n % 3]},
        {"text": "text", "label": "label_text"},
    ),
    "one row in fifty without a label": (
        lambda n: {"text": sentence(), "label": LABELS[n % 3] if n % 50 else None},
        {"text": "text", "label": "label"},
    ),
    "an answer that is in the context": (
        lambda n: {"context": f"{sentence(30)} {n} is it", "question": sentence(), "answer": f"{n} is it"},
        {"question": "question", "answer": "answer", "context": "context"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SURE)
def test_what_does_not_lower_the_confidence(name: str) -> None:
    make, field_map = SURE[name]
    report = look(make)
    assert report.proposal is not None
    assert report.proposal.field_map == field_map
    assert not report.proposal.needs_force, report.proposal.warnings


def test_one_answer_to_all_questions_lowers_the_confidence() -> None:
    report = look(lambda n: {"instruction": sentence(), "output": "We will look into it."})
    varied = look(lambda n: {"instruction": sentence(), "output": sentence()})
    assert report.proposal is not None
    assert varied.proposal is not None
    assert report.proposal.confidence < varied.proposal.confidence
    assert "every target is the same" in report.proposal.warnings[0]


def test_rows_behind_the_head_are_tried() -> None:
    report = look(
        lambda n: {"messages": turns("user", "wizard" if n >= 1_000 else "user", "assistant")}, 3_000
    )
    assert report.proposal is not None
    assert report.proposal.needs_force
    assert report.proposal.confidence < 0.5


def test_conversations_that_cannot_be_read_leave_no_room_for_another_reading() -> None:
    """The rows are conversations that the mapper cannot read; their topic is not what is to be learned."""
    report = look(
        lambda n: {"messages": turns("user", "wizard"), "summary": sentence(), "topic": LABELS[n % 3]}
    )
    assert report.proposal is not None
    assert report.proposal.mapper_id == "label_to_classification"
    assert report.proposal.needs_force
    assert "'messages' may be a conversation, and is not used" in report.proposal.warnings


def test_one_token_a_row_is_not_a_sentence() -> None:
    report = look(lambda n: {"column_1": f"{n}-1", "column_2": f"word{n}", "column_3": ["O", "B-per"][n % 2]})
    assert all(each.mapper_id != "bio_to_spans" for each in report.hypotheses)
