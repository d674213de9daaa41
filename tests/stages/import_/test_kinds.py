"""Kinds of data as people keep them: what `--auto` makes of each row, written by hand."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.example import Example
from narrowcast.errors import DataError
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from tests.support import imports as data

NOUNS = ("parcel", "invoice", "garden", "window", "kettle")
LABELS = ("refund", "delivery", "praise")


def text(n: int) -> str:
    return f"the {NOUNS[n % 5]} of order {n} came late"


def table(columns: list[str], row: Callable[[int], list[Any]], delimiter: str = ",") -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows([columns, *(row(n) for n in range(60))])
    return file.getvalue()


def lines(row: Callable[[int], Any]) -> str:
    return "".join(json.dumps(row(n), ensure_ascii=False) + "\n" for n in range(60))


def imported(project: Project, path: Path, content: str, **options: Any) -> tuple[Any, list[Any]]:
    path.write_text(content, encoding="utf-8")
    asked = {"auto": True} if "mapper" not in options else {}
    outcome = data.import_rows(project, f"file:{path}", **asked, **options)
    assert isinstance(outcome, data.ImportOutcome)
    rows = read_jsonl(project.paths.accepted / f"{outcome.record.id}.jsonl")
    return outcome, [[each.inputs, each.target] for each in map(Example.from_dict, rows)]


def turn(role: str, content: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def conversation(n: int) -> list[dict[str, Any]]:
    return [
        turn("system", "Be brief."),
        turn("user", text(n)),
        turn("assistant", f"Order {n} is on its way."),
    ]


CHAT = [[{"messages": conversation(n)[:2]}, f"Order {n} is on its way."] for n in range(60)]
FLAGS = [[{"text": text(n)}, LABELS[n % 3]] for n in range(60)]
SETS = (["late", "rude"], ["late"], [])
LABEL_SETS = [[{"text": text(n)}, {"labels": SETS[n % 3]}] for n in range(60)]
WORDS = ["Ann", "rang", "at", "noon"]
NAMED = [
    [{"text": "Ann rang at noon"}, {"spans": [{"type": "PER", "text": "Ann", "start": 0, "end": 3}]}]
] * 60

KINDS: dict[str, tuple[str, str, list[Any]]] = {
    "conversations as Python prints them, alone in a table": (
        "x.csv",
        table(["messages"], lambda n: [repr(conversation(n))]),
        CHAT,
    ),
    "a system prompt in camel case": (
        "x.jsonl",
        lines(lambda n: {"systemPrompt": "Be brief.", "messages": conversation(n)[1:]}),
        CHAT,
    ),
    "turns of parts without a type, of a model": (
        "x.jsonl",
        lines(lambda n: {"contents": [
            {"role": "user", "parts": [{"text": text(n)}]},
            {"role": "model", "parts": [{"text": f"Order {n}."}]},
        ]}),
        [[{"messages": [turn("user", text(n))]}, f"Order {n}."] for n in range(60)],
    ),
    "weights as texts": (
        "x.jsonl",
        lines(lambda n: {"messages": [
            *conversation(n)[1:2], turn("assistant", f"Order {n}.", weight="1"),
            turn("user", "and now?"), turn("assistant", "go away", weight="0"),
        ]}),
        [[{"messages": [turn("user", text(n))]}, f"Order {n}."] for n in range(60)],
    ),
    "a history as JSON text under a longer name": (
        "x.csv",
        table(["instruction", "output", "chat_history"],
              lambda n: [text(n), f"order {n}", json.dumps([["hi", "hello"]] if n % 2 else [])]),
        [[{"messages": [*([turn("user", "hi"), turn("assistant", "hello")] if n % 2 else []),
                        turn("user", text(n))]}, f"order {n}"] for n in range(60)],
    ),
    "a question and its answer in German": (
        "x.csv",
        table(["Frage", "Antwort"], lambda n: [f"Wo ist Paket {n} jetzt?", f"Das Paket {n} liegt hier"], ";"),
        [[{"instruction": f"Wo ist Paket {n} jetzt?"}, f"Das Paket {n} liegt hier"] for n in range(60)],
    ),
    "an answer before its question": (
        "x.csv",
        table(["response", "question"], lambda n: [f"order {n} is here now", text(n)]),
        [[{"instruction": text(n)}, f"order {n} is here now"] for n in range(60)],
    ),
    "one label a row as columns of yes and no": (
        "x.csv",
        table(["text", *LABELS], lambda n: [text(n), *(int(n % 3 == place) for place in range(3))]),
        FLAGS,
    ),
    "the same as booleans": (
        "x.jsonl",
        lines(lambda n: {"text": text(n), **{label: LABELS[n % 3] == label for label in LABELS}}),
        FLAGS,
    ),
    "several labels a row as columns of yes and no": (
        "x.csv",
        table(["id", "comment", "late", "rude", "loud"],
              lambda n: [n, text(n), int(n % 3 < 2), int(n % 3 == 0), int(n % 20 == 7)]),
        [[{"text": text(n)}, {"labels": [name for name, yes in
          (("late", n % 3 < 2), ("loud", n % 20 == 7), ("rude", n % 3 == 0)) if yes]}] for n in range(60)],
    ),
    "lists of labels as JSON text": (
        "x.csv", table(["text", "labels"], lambda n: [text(n), json.dumps(SETS[n % 3])]), LABEL_SETS,
    ),
    "lists of labels as Python prints them": (
        "x.csv", table(["text", "labels"], lambda n: [text(n), str(SETS[n % 3])]), LABEL_SETS,
    ),
    "lists of labels as numpy prints them": (
        "x.csv",
        table(["text", "labels"], lambda n: [text(n), str(SETS[n % 3]).replace(",", "")]),
        LABEL_SETS,
    ),
    "labels with a separator": (
        "x.csv",
        table(["text", "tags"], lambda n: [text(n), ("late|rude", "late", "rude|loud")[n % 3]]),
        [[{"text": text(n)}, {"labels": (["late", "rude"], ["late"], ["loud", "rude"])[n % 3]}]
         for n in range(60)],
    ),
    "spans as JSON text": (
        "x.csv",
        table(["text", "spans"], lambda n: ["Ann rang at noon", '[{"start": 0, "end": 3, "label": "PER"}]']),
        NAMED,
    ),
    "tokens and tags as Python prints them": (
        "x.csv",
        table(["tokens", "tags"], lambda n: [str(WORDS), "['B-PER', 'O', 'O', 'O']"]),
        NAMED,
    ),
    "offsets in bytes": (
        "x.jsonl",
        lines(lambda n: {"text": f"café: Ann {n}", "spans": [{"start": 7, "end": 10, "label": "PER"}]}),
        [[{"text": f"café: Ann {n}"}, {"spans": [{"type": "PER", "text": "Ann", "start": 6, "end": 9}]}]
         for n in range(60)],
    ),
    "ends that are last characters, with the texts": (
        "x.jsonl",
        lines(lambda n: {"text": f"Ann {n}", "spans": [{"start": 0, "end": 2, "text": "Ann", "tag": "PER"}]}),
        [[{"text": f"Ann {n}"}, {"spans": [{"type": "PER", "text": "Ann", "start": 0, "end": 3}]}]
         for n in range(60)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_a_kind(project: Project, tmp_path: Path, kind: str) -> None:
    name, content, rows = KINDS[kind]
    outcome, found = imported(project, tmp_path / name, content)
    assert outcome.record.rejected == {}
    assert found == rows


def test_one_class_is_imported_and_said(project: Project, tmp_path: Path) -> None:
    outcome, found = imported(
        project, tmp_path / "x.csv", table(["text", "label"], lambda n: [text(n), "spam"])
    )
    assert found == [[{"text": text(n)}, "spam"] for n in range(60)]
    assert 'every target is the same: "spam"; one class teaches nothing' in outcome.plan.warnings


AMBIGUOUS: dict[str, tuple[str, str]] = {
    "combinations under a name that says nothing": (
        table(["text", "code"], lambda n: [text(n), ("late;rude", "late", "rude;loud")[n % 3]]),
        "'code' may hold several labels with ';' between",
    ),
    "which of two answers is preferred": (
        table(["request", "answer_a", "answer_b", "preferred"],
              lambda n: [text(n), f"one {n}", f"four {n}", "ab"[n % 2]]),
        "the text could also be",
    ),
    "a text that follows from another or not": (
        table(["premise", "hypothesis", "label"], lambda n: [text(n), f"order {n} is here", LABELS[n % 3]]),
        "the text could also be",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_what_may_be_read_in_two_ways_is_not_guessed(project: Project, tmp_path: Path, kind: str) -> None:
    content, reason = AMBIGUOUS[kind]
    with pytest.raises(DataError) as caught:
        imported(project, tmp_path / "x.csv", content)
    shown = json.dumps(caught.value.to_dict(), ensure_ascii=False)
    assert caught.value.reason_code == "dataset_mapping_uncertain"
    assert reason in shown or kind.startswith("which")
    assert not data.imports(project)


def test_ends_that_are_last_characters_are_refused_with_the_way_out(project: Project, tmp_path: Path) -> None:
    content = lines(lambda n: {"text": f"call Ann about {n}", "spans": [[5, 7, "PER"]]})
    with pytest.raises(DataError, match=r"60 of 60 spans .* inside a word; .*--map ends=inclusive"):
        imported(project, tmp_path / "x.jsonl", content)
    _, found = imported(
        project,
        tmp_path / "x.jsonl",
        content,
        mapper="kv_to_structured",
        field_map={"text": "text", "spans": "spans", "ends": "inclusive"},
    )
    assert found == [
        [{"text": f"call Ann about {n}"}, {"spans": [{"type": "PER", "text": "Ann", "start": 5, "end": 8}]}]
        for n in range(60)
    ]


ALIKE: dict[str, tuple[str, str, str]] = {
    "dashes": ("pre-paid", "pre–paid", "Other_One"),
    "quotes": ("can't pay", "can’t pay", "Other_One"),
    "wide letters": ("VIP", "ＶＩＰ", "Other_One"),
    "a full stop": ("too late", "too late.", "Other_One"),
    "an underscore": ("too_late", "Too late", "Other_One"),
    "letters of another script": ("cash", "\u0441ash", "Other_One"),
    "a whole number": ("1", "1.0", "2"),
}


@pytest.mark.parametrize("kind", ALIKE)
def test_labels_that_look_alike_are_refused_and_joined(project: Project, tmp_path: Path, kind: str) -> None:
    often, seldom, alone = ALIKE[kind]
    labels = (seldom, often, alone, often)
    content = table(["text", "label"], lambda n: [text(n), labels[n % 4]])
    with pytest.raises(DataError, match="look alike") as caught:
        imported(project, tmp_path / "x.csv", content)
    assert "--map alike=join" in caught.value.next_command
    _, found = imported(project, tmp_path / "x.csv", content, field_map={"alike": "join"})
    assert [target for _, target in found] == [alone if n % 4 == 2 else often for n in range(60)]


def test_labels_that_differ_in_a_sign_are_kept(project: Project, tmp_path: Path) -> None:
    labels = ("C", "C++", "C#", "A-", "сор", "U.S.")
    content = table(["text", "label"], lambda n: [text(n), labels[n % 6]])
    _, found = imported(project, tmp_path / "x.csv", content)
    assert [target for _, target in found] == [labels[n % 6] for n in range(60)]


def test_types_of_spans_that_look_alike(project: Project, tmp_path: Path) -> None:
    content = lines(lambda n: {"text": f"Ann {n}", "spans": [[0, 3, ("PER", "per")[n % 2]]]})
    with pytest.raises(DataError, match="2 labels look alike"):
        imported(project, tmp_path / "x.jsonl", content)
    _, found = imported(project, tmp_path / "x.jsonl", content, field_map={"alike": "join"})
    assert {target["spans"][0]["type"] for _, target in found} == {"PER"}


def test_a_flag_that_is_none_rejects_its_row(project: Project, tmp_path: Path) -> None:
    content = table(
        ["text", "late", "rude"], lambda n: [text(n), ("1", "maybe", "")[n % 3], ("0", "1", "")[n % 3]]
    )
    options = {"field_map": {"text": "text", "fields": "late|rude"}, "force": True}
    outcome, _ = imported(project, tmp_path / "x.csv", content, mapper="flags_to_classification", **options)
    assert outcome.record.rejected == {"invalid_label": 20, "missing_label": 20}


@pytest.mark.parametrize("number", [1, 30])
def test_documents_are_texts_whatever_they_hold(project: Project, tmp_path: Path, number: int) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    for n in range(number):
        words = " ".join(text(each) for each in range(n, n + 40))
        page = f"# The {NOUNS[n % 5]} {n}\n\n### One\n\n{words}, see [the guide](guide.md) and [us](https://a.org)\n"
        (folder / f"page{n}.md").write_text(page)
    with pytest.raises(DataError, match="these are documents") as caught:
        data.import_rows(project, f"docs:{folder}", auto=True)
    assert "--mapper text_only --map 'text=text'" in caught.value.next_command
