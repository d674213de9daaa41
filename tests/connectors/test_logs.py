"""`logs:`: traffic of OpenAI-style endpoints in the forms in which servers and proxies write it."""

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.connectors import connect
from narrowcast.connectors.traffic import TrafficError, conversation
from narrowcast.core.locator import Locator
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from tests.support import imports as data

ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
REPLY = {"role": "assistant", "content": "Hi."}
CHAT = {"model": "m", "messages": ASK}
DONE = {"id": "c1", "model": "m", "choices": [{"index": 0, "message": REPLY, "finish_reason": "stop"}]}
CHUNKS = [{"choices": [{"index": 0, "delta": {"content": part}}]} for part in ("H", "i", ".")]
STREAM = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in CHUNKS) + "data: [DONE]\n"


@pytest.mark.parametrize(
    "record",
    [
        {"request": CHAT, "response": DONE, "status": 200},
        {"request": {"method": "POST", "body": CHAT}, "response": {"status_code": 200, "body": DONE}},
        {"request_body": json.dumps(CHAT), "response_body": json.dumps(DONE)},
        {**CHAT, "response": DONE, "status": "success"},
        {**CHAT, **DONE},
        {"request": CHAT, "response": CHUNKS},
        {"request": CHAT, "response_body": STREAM},
        {"request": {"input": "Hello", "instructions": "Be brief."},
         "response": {"output": [{"type": "message", "content": [{"type": "output_text", "text": "Hi."}]}]}},
    ],
)  # fmt: skip
def test_forms(record: dict[str, Any]) -> None:
    assert conversation(record)["messages"] == [*ASK, REPLY]


def test_completions_and_tool_calls() -> None:
    found = conversation({"request": {"prompt": "Hello"}, "response": {"choices": [{"text": "Hi."}]}})
    assert found["messages"] == [{"role": "user", "content": "Hello"}, REPLY]
    call = {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}
    found = conversation({"request": {**CHAT, "tools": [1]}, "response": {"choices": [{"message": call}]}})
    assert found["messages"][-1] == call
    assert found["tools"] == [1]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"request": CHAT, "response": {"error": {"message": "overloaded"}}}, "overloaded"),
        ({"request": CHAT, "response": DONE, "status": 500}, "status 500"),
        ({"request": CHAT, "response": {"status_code": 429, "body": {}}}, "status 429"),
        ({"request": CHAT}, "no response is logged"),
        ({"request": {}, "response": DONE}, "no messages, prompt or input"),
        ({"request": CHAT, "response": {"choices": []}}, "has no reply"),
        ({"request": CHAT, "response": "not json"}, "not JSON"),
        ({"request": [1], "response": DONE}, "no request is logged"),
        ({"request": CHAT, "response": 7}, "not an object"),
        ({"text": "a"}, "no response is logged"),
    ],
)
def test_a_line_that_is_not_an_answered_request_is_named(record: dict[str, Any], why: str) -> None:
    with pytest.raises(TrafficError, match=why):
        conversation(record)


def test_an_import_of_logs_balances(tmp_path: Path, project: Project) -> None:
    lines = [{"request": CHAT, "response": DONE, "n": n} for n in range(25)]
    failed = {"request": CHAT, "response": {"error": "no"}}
    path = tmp_path / "traffic.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in [*lines, failed]) + "broken\n")
    described = connect(Locator("logs", str(path))).describe()
    assert described.format == "logs"
    assert "25 of the first 27 lines are answered requests" in described.notes
    columns = {"messages": "messages"}
    done = data.import_rows(project, f"logs:{path}", mapper="chat_messages_passthrough", field_map=columns)
    assert isinstance(done, data.ImportOutcome)
    assert (done.record.rows, done.record.accepted) == (27, 25)
    assert done.record.rejected == {"parse_error": 2}
    assert data.ledger(project).balanced
    accepted = read_jsonl(project.paths.accepted / f"{done.record.id}.jsonl")
    assert {row["provenance"] for row in accepted} == {"production"}, "a model gave these answers"
