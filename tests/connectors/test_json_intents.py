"""Intents with their example texts, as files of chatbots keep them: one row for each text."""

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.example import Example
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from tests.support import imports as data

TEXTS = {
    "greeting": ["Hi", "How are you", "Is anyone there?", "Hello", "Good day"],
    "goodbye": ["See you later", "Goodbye", "I am leaving", "Have a good day"],
    "age": ["how old", "how old is Tim", "what is your age", "how old are you", "age?"],
    "name": ["what is your name", "what should I call you", "whats your name?"],
    "shop": ["Id like to buy something", "whats on the menu", "could i get something to eat"],
    "no answer": [],
}


def chatbot(tag: str, texts: list[str]) -> dict[str, Any]:
    return {"tag": tag, "patterns": texts, "responses": ["Hello!", "Bye."], "context_set": ""}


FORMS: dict[str, Any] = {
    "a chatbot's": {"intents": [chatbot(tag, texts) for tag, texts in TEXTS.items()]},
    "a list": [chatbot(tag, texts) for tag, texts in TEXTS.items()],
    "other names": {
        "version": 2,
        "intents": [
            {
                "intent": tag,
                "text": texts,
                "responses": ["Yes."],
                "extension": {"function": ""},
                "entities": [],
            }
            for tag, texts in TEXTS.items()
        ],
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_every_text_of_an_intent_is_a_row(project: Project, tmp_path: Path, form: str) -> None:
    (tmp_path / "intents.json").write_text(json.dumps(FORMS[form]), encoding="utf-8")
    outcome = data.import_rows(project, f"file:{tmp_path / 'intents.json'}", auto=True)
    assert isinstance(outcome, data.ImportOutcome)
    rows = [
        Example.from_dict(row) for row in read_jsonl(project.paths.accepted / f"{outcome.record.id}.jsonl")
    ]
    wanted = [({"text": text}, tag) for tag, texts in TEXTS.items() for text in texts]
    assert [(each.inputs, each.target) for each in rows] == wanted
    assert {each.group for each in rows} == {None}  # one intent has rows in each split


def test_what_is_not_read_of_an_intent_is_named(tmp_path: Path) -> None:
    (tmp_path / "intents.json").write_text(json.dumps(FORMS["a chatbot's"]), encoding="utf-8")
    notes = data.introspect(f"file:{tmp_path / 'intents.json'}").source.notes
    assert any("not read: context_set, responses" in note for note in notes)
