"""What a reader of each page has at hand, and which of its commands are not for the quick suite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.pages import PAGES

Write = Callable[[Path], object]


@dataclass(frozen=True, slots=True)
class Example:
    """How the commands of a page are run."""

    files: Mapping[str, Write] = field(default_factory=dict)
    """Files that the page names, each with what writes it."""
    before: tuple[str, ...] = ()
    """Commands that the page takes as done."""
    alone: tuple[str, ...] = ()
    """Beginnings of commands that concern a project of their own."""
    trains: tuple[str, ...] = ()
    """What the first of the nightly commands takes as done as well."""
    nightly: tuple[str, ...] = ()
    """Beginnings of commands that train or load a model, which the nightly suite runs."""
    parsed: Mapping[str, str] = field(default_factory=dict)
    """Beginnings of commands that are parsed and not run, each with the reason."""
    added: Mapping[str, str] = field(default_factory=dict)
    """What is added to commands that begin so: a terminal would be asked instead."""
    codes: Mapping[str, int] = field(default_factory=dict)
    """Beginnings of commands that end with another exit code than 0 here."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Sections of `narrowcast.yaml` that keep the run of a page short."""


_WORDS = ("I was charged twice for invoice", "nothing has come yet of parcel", "how do I open account")


def _messages(count: int, labels: Sequence[str]) -> list[tuple[str, str]]:
    return [(f"{_WORDS[n % 3]} {n * 7919} please", labels[n % 3]) for n in range(count)]


def table(
    count: int = 90,
    label: str = "label",
    labels: Sequence[str] = ("billing", "shipping", "other"),
    *,
    hard: bool = False,
) -> Write:
    """Messages with one of three labels; of hard ones, each fifth has another label than it reads like."""

    def write(path: Path) -> None:
        lines = [
            f"{message},{labels[0] if hard and n % 5 == 0 else kind}"
            for n, (message, kind) in enumerate(_messages(count, labels))
        ]
        path.write_text("\n".join([f"text,{label}", *lines]) + "\n", encoding="utf-8")

    return write


def customers(path: Path) -> None:
    """Messages of two customers; one names an address."""
    lines = [
        f"{message}{' ann@example.org' * (n == 9)},{kind},{815 if n % 2 else 4711}"
        for n, (message, kind) in enumerate(_messages(90, ("billing", "shipping", "other")))
    ]
    path.write_text("text,label,customer\n" + "\n".join(lines) + "\n", encoding="utf-8")


def texts(path: Path) -> None:
    """Messages without labels."""
    path.write_text(
        "body\n" + "\n".join(f"{_WORDS[n % 3]} {n * 6661}" for n in range(30)) + "\n", encoding="utf-8"
    )


def hotels(path: Path) -> None:
    """Reviews with stars."""
    lines = [
        f"the room of night {n * 7919} was {'good' if n % 2 else 'bad'},{n % 2 * 4 + 1}" for n in range(60)
    ]
    path.write_text("review,stars\n" + "\n".join(lines) + "\n", encoding="utf-8")


def hwu(path: Path) -> None:
    """Utterances with two columns that make the label together, and two that rows are chosen by."""
    lines = [
        f"{('wake me at', 'play the song')[n % 2]} {n * 7919},{('alarm', 'music')[n % 2]},"
        f"{('set', 'play')[n % 2]},{'bad' if n % 9 == 0 else 'good'},en"
        for n in range(90)
    ]
    path.write_text("text,scenario,intent,status,lang\n" + "\n".join(lines) + "\n", encoding="utf-8")


def questions(path: Path) -> None:
    """Questions with the functions that may be called."""
    tool = {"name": "weather", "parameters": {"type": "dict", "properties": {"city": {"type": "string"}}}}
    lines = [
        {
            "id": f"q{n}",
            "question": [[{"role": "user", "content": f"the weather in city {n}?"}]],
            "function": [tool],
        }
        for n in range(30)
    ]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")


def answers(path: Path) -> None:
    """The calls of those questions."""
    path.parent.mkdir(exist_ok=True)
    lines = [{"id": f"q{n}", "ground_truth": [{"weather": {"city": [f"city {n}"]}}]} for n in range(30)]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")


def documents(path: Path) -> None:
    """Pages with markup, navigation, an address and a key."""
    pages = [
        f"---\ntitle: Page {n}\n---\n# How to return parcel {n}\n\nWrite to ann{n}@example.org in ten days, "
        "and <b>keep the box</b> until the money has arrived on your account.\n\n"
        "Menu: [Home](/) | [Shop](/shop) | [Help](/help)\n"
        for n in range(15)
    ]
    path.write_text("\n".join(json.dumps({"text": page, "path": f"{n}.md"}) for n, page in enumerate(pages)))


def database(path: Path) -> None:
    """A database with a table of labelled messages."""
    with sqlite3.connect(path) as opened:
        opened.execute("create table ticket (text text, label text)")
        opened.executemany(
            "insert into ticket values (?, ?)", _messages(60, ("billing", "shipping", "other"))
        )


def space(path: Path) -> None:
    """A search space."""
    path.write_text("learning_rate: {low: 0.3, high: 3, log: true, relative: true}\n", encoding="utf-8")


def schema(path: Path) -> None:
    """The answers of an extraction."""
    properties = {"number": {"type": "string"}, "total": {"type": "number"}}
    path.write_text(json.dumps({"type": "object", "properties": properties}))


_NETWORK = "needs a network"
_SERVES = "serves until it is stopped; tests/server runs it"
_JOB = "starts a worker; tests/jobs runs jobs"
_DEMO = "takes minutes; tests/demo runs it"
_SEVERAL = "trains many times; tests/experiments does"
_TRACKS = "tests/training/test_tracking.py runs it"
_IMPORTED = ("narrowcast init tickets", "narrowcast data import --locator csv:train.csv --auto")
_PREPARED = (*_IMPORTED, "narrowcast prepare")
_MEASURED = (*_PREPARED, "narrowcast baseline")
_TRAINED = (*_MEASURED, "narrowcast train")
# A run of seconds; `BASE` is a model of two layers.
_SHORT: dict[str, Any] = {
    "train": {"base": "BASE", "epochs": 6, "probe_steps": 0},
    "baseline": {"models": ["majority"], "samples": 100},
    "evaluate": {"samples": 100},
    "export": {"parity_rows": 8, "tolerance": 1.0},
}


def block(page: str, name: str) -> Write:
    """The block of a page whose first line has this file name."""
    text = PAGES[page].read_text(encoding="utf-8")
    content = text.partition(f" {name}\n")[2].partition("```")[0]
    return lambda path: path.write_text(content, encoding="utf-8")


EXAMPLES: dict[str, Example] = {
    "README.md": Example(
        files={"train.csv": table()},
        nightly=("narrowcast run",),
        parsed={"narrowcast serve": _SERVES},
        settings=_SHORT,
    ),
    "docs/clean.md": Example(
        files={"docs.jsonl": documents},
        before=("narrowcast init manuals",),
        parsed={"narrowcast data clean --locator jsonl:docs.jsonl --pii redact --job": _JOB},
    ),
    "docs/data.md": Example(
        files={
            "train.csv": table(),
            "hotels.csv": hotels,
            "hwu.csv": hwu,
            "BFCL_v4_parallel.json": questions,
            "possible_answer/BFCL_v4_parallel.json": answers,
        },
        alone=("narrowcast data import --auto --locator 'join:", "narrowcast data import --locator csv:h"),
    ),
    "docs/dedupe.md": Example(
        files={
            "banking77/train.csv": table(200, label="category"),
            "banking77/test.csv": table(40, label="category"),
            "tickets.csv": table(),
        },
        before=("narrowcast init tickets",),
    ),
    "docs/demo.md": Example(
        parsed={"narrowcast serve": _SERVES, "narrowcast": _DEMO},
    ),
    "docs/evaluate.md": Example(
        files={
            "train.csv": table(150, labels=("card_arrival", "billing", "other"), hard=True),
            "specs/rules.py": block("docs/evaluate.md", "specs/rules.py"),
        },
        before=_PREPARED,
        trains=("narrowcast train",),
        nightly=("narrowcast eval",),
        codes={"narrowcast eval": 3},
        settings=_SHORT,
    ),
    "docs/export.md": Example(
        files={"train.csv": table(150)}, before=_TRAINED, nightly=("narrowcast",), settings=_SHORT
    ),
    "docs/factory.md": Example(
        files={"train.csv": table(), "messages.csv": texts}, settings={"gate": {"semantic": 1.0}}
    ),
    "docs/history.md": Example(
        files={"train.csv": customers, "more.csv": hotels},
        before=(
            *_PREPARED,
            "narrowcast data import --locator csv:more.csv --mapper label_to_classification "
            "--map text=review,label=stars",
            "narrowcast prepare",
        ),
    ),
    "docs/http.md": Example(
        parsed={
            "narrowcast serve": _SERVES,
            "narrowcast call prepare.run": "of a project of its own; tests/cli/test_call.py runs it",
        }
    ),
    "docs/jobs.md": Example(parsed={"narrowcast": _JOB}),
    "docs/models.md": Example(
        parsed={
            "narrowcast models pull": _NETWORK,
            "narrowcast models import": "needs a large file; tests/models/gguf imports small ones",
            "narrowcast baseline": _NETWORK,
            "narrowcast train": _NETWORK,
        }
    ),
    "docs/prepare.md": Example(files={"train.csv": table()}, before=_IMPORTED),
    "docs/projects.md": Example(
        before=("narrowcast init tickets", "narrowcast init other"),
        added={"narrowcast project delete": "--yes"},
    ),
    "docs/review.md": Example(
        files={"train.csv": table(labels=("billing", "delivery", "other"))}, before=_IMPORTED
    ),
    "docs/search.md": Example(
        files={"train.csv": table(), "space.yaml": space},
        before=_MEASURED,
        nightly=("narrowcast train --seeds", "narrowcast search --dry-run"),
        parsed={"narrowcast search": _SEVERAL},
        settings=_SHORT,
    ),
    "docs/serve.md": Example(parsed={"narrowcast serve": _SERVES}),
    "docs/sources.md": Example(
        files={"tickets.db": database},
        before=("narrowcast init tickets",),
        parsed={
            "narrowcast data import --locator 'sql:postgresql": "needs a server",
            "narrowcast data import --locator 'https": _NETWORK,
            "narrowcast data import --locator hf:": _NETWORK,
        },
    ),
    "docs/spec.md": Example(files={"invoice.schema.json": schema}),
    "docs/train.md": Example(
        files={"train.csv": table(150)},
        before=_MEASURED,
        nightly=("narrowcast",),
        parsed={
            "narrowcast train --track": _TRACKS,
            "WANDB_MODE": _TRACKS,
            "narrowcast runs discard": "needs an interrupted run; tests/training/test_discard.py has one",
            "narrowcast models pull": _NETWORK,
            "narrowcast train --method": "tests/training/classifiers trains them with a tiny encoder",
            "narrowcast run ": "tests/experiments/test_tournament.py runs it",
            "narrowcast train --beta": "needs preference pairs",
            "narrowcast train --objective": "needs preference pairs",
        },
        codes={"narrowcast train --resume": 1},
        settings=_SHORT,
    ),
}
