"""Values that no form has cost their row, not the import."""

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.store.files import read_jsonl
from tests.support.cli import CliJson

ROWS = 40


def chat(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}, {"role": "assistant", "content": "Yes."}]}


def annotated(result: Any) -> dict[str, Any]:
    return {"text": "play Bert", "annotations": [{"result": [result]}]}


SPAN = {"value": {"start": 5, "end": 9, "text": "Bert", "labels": ["singer"]}}
SPANS = ("kv_to_structured", "text=text,spans=annotations", "invalid_span")
CHAT = ("chat_messages_passthrough", "messages=messages", "invalid_messages_shape")


@pytest.mark.parametrize(
    ("good", "bad", "mapping"),
    [
        (chat("Is it open?"), chat([["Is it open?"]]), CHAT),
        (chat("Is it open?"), chat([{"type": ["text"], "text": "Is it open?"}]), CHAT),
        (chat("Is it open?"), {"messages": [*chat("Is it open?")["messages"], ["user", "Thanks"]]}, CHAT),
        (annotated(SPAN), annotated([SPAN]), SPANS),
    ],
)
def test_a_list_where_an_object_belongs_is_rejected(
    tmp_path: Path, cli_json: CliJson, good: Any, bad: Any, mapping: tuple[str, str, str]
) -> None:
    mapper, fields, reason = mapping
    cli_json("init", "parts", "--path", tmp_path / "p", "--goal", "answer")
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps(bad if n == 7 else good) + "\n" for n in range(ROWS)))
    project = ("--project", tmp_path / "p")
    cli_json("data", "import", "--locator", f"jsonl:{source}", "--mapper", mapper, "--map", fields, *project)
    (rejects,) = (tmp_path / "p/data/rejected").glob("*.jsonl")
    assert [(row["index"], row["reason"]) for row in read_jsonl(rejects)] == [(7, reason)]
