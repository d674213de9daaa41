"""Columns that look like what they are not: refused with the reason, or read as they are meant."""

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.example import Example
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from tests.support import imports as data

ROWS = 40
LABELS = ("refund", "delivery", "praise")
TOOL = {"name": "get_order", "parameters": {"type": "object", "properties": {"id": {"type": "integer"}}}}


def asked(n: int) -> str:
    return f"where is the kettle of order {n * 37} that never came"


def label(n: int) -> str:
    return LABELS[n * 7 % 3]


def spoken(n: int) -> str:
    return f"Human: {asked(n)}\n\nAssistant: It comes on day {n}."


DOUBTED: dict[str, tuple[Any, str]] = {
    "a class beside a conversation": (
        lambda n: {"text": spoken(n), "label": label(n)},
        "'text' holds conversations, whose replies may be meant",
    ),
    "objects as text": (
        lambda n: {"payload": json.dumps({"text": asked(n)}), "label": label(n)},
        "'payload' holds objects as text",
    ),
    "the place of an option": (
        lambda n: {"question": asked(n), "choices": ["a b", "c d", f"e {n}"], "answer": n % 3},
        "'answer' may point to one of each row's own options (choices)",
    ),
    "the letter of an option inside an object": (
        lambda n: {
            "question_stem": asked(n),
            "choices": {"text": ["a b", f"c {n}"]},
            "answerKey": "AB"[n % 2],
        },
        "'answerKey' may point to one of each row's own options (choices.text)",
    ),
    "probabilities of classes": (
        lambda n: {"text": asked(n), "scores": {"pos": n % 2 / 2, "neg": 1 - n % 2 / 2}},
        "'scores' holds numbers from 0 to 1, which may be the probabilities of classes",
    ),
    "answers with marks": (
        lambda n: {"prompt": asked(n), "response": f"It comes on day {n}.", "helpfulness": n % 5},
        "'helpfulness' may say which rows are good, and is not used",
    ),
    "two rows about the columns": (
        lambda n: (
            {"text": asked(n), "code": label(n)}
            if n > 1
            else {
                "text": ("what people say", "one text")[n],
                "code": ("How is it called?", "one of three")[n],
            }
        ),
        "the first row alone has the label 'How is it called?'",
    ),
}


def write(path: Path, row: Any) -> str:
    path.write_text("".join(json.dumps(row(n)) + "\n" for n in range(ROWS)), encoding="utf-8")
    return f"file:{path}"


def imported(project: Project, locator: str) -> list[Any]:
    outcome = data.import_rows(project, locator, auto=True)
    assert isinstance(outcome, data.ImportOutcome)
    rows = read_jsonl(project.paths.accepted / f"{outcome.record.id}.jsonl")
    return [[each.inputs, each.target] for each in map(Example.from_dict, rows)]


@pytest.mark.parametrize("kind", DOUBTED)
def test_columns_that_look_like_what_they_are_not(project: Project, tmp_path: Path, kind: str) -> None:
    row, reason = DOUBTED[kind]
    with pytest.raises(data.MappingUncertainError) as caught:
        data.import_rows(project, write(tmp_path / "x.jsonl", row), auto=True)
    assert reason in str(caught.value)


def test_plain_talk_among_rows_with_tools(project: Project, tmp_path: Path) -> None:
    def row(n: int) -> dict[str, Any]:
        call = {"function": {"name": "get_order", "arguments": json.dumps({"id": n})}}
        reply = {"role": "assistant", "content": None, "tool_calls": [call]}
        plain = {"role": "assistant", "content": f"It comes on day {n}."}
        messages = [{"role": "user", "content": asked(n)}, reply if n % 2 else plain]
        return {"messages": messages, "tools": [TOOL] if n % 2 else None}

    rows = imported(project, write(tmp_path / "x.jsonl", row))
    assert rows[0] == [
        {"messages": [{"role": "user", "content": asked(0)}]},
        {"tool_calls": [], "content": "It comes on day 0."},
    ]
    assert rows[1][0]["tools"] == [TOOL]
    assert rows[1][1] == {"tool_calls": [{"name": "get_order", "arguments": {"id": 1}}]}
    assert len(rows) == ROWS


@pytest.mark.parametrize("name", ["decision", "verdict"])
def test_accepted_or_rejected_may_be_the_label(project: Project, tmp_path: Path, name: str) -> None:
    locator = write(tmp_path / "x.jsonl", lambda n: {"text": asked(n), name: ("accept", "reject")[n % 2]})
    assert imported(project, locator) == [
        [{"text": asked(n)}, ("accept", "reject")[n % 2]] for n in range(ROWS)
    ]


def test_headings_are_no_speakers(project: Project, tmp_path: Path) -> None:
    text = "## System\nThe kettle has {} parts.\n\n## User manual\nRead it first."
    locator = write(tmp_path / "x.jsonl", lambda n: {"text": text.format(n), "label": label(n)})
    assert imported(project, locator) == [[{"text": text.format(n)}, label(n)] for n in range(ROWS)]


def test_a_mark_of_byte_order_before_a_repeated_header(project: Project, tmp_path: Path) -> None:
    part = "\ufefftext,label\n" + "".join(f"{asked(n)},{label(n)}\n" for n in range(ROWS // 2))
    path = tmp_path / "x.csv"
    path.write_text(part + part, encoding="utf-8")
    wanted = [[{"text": asked(n)}, label(n)] for n in range(ROWS // 2)]
    assert imported(project, f"file:{path}") == wanted * 2


def test_a_tab_delimits_where_commas_would_as_well(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_text("".join(f"{label(n)}\t{asked(n)}, so there\n" for n in range(ROWS)), encoding="utf-8")
    wanted = [[{"text": f"{asked(n)}, so there"}, label(n)] for n in range(ROWS)]
    assert imported(project, f"file:{path}") == wanted
