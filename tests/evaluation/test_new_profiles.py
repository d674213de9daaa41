"""Preferences, tool calls, passages and rewriting through the real evaluation, with a tiny model."""

import json
import random

import pytest

from narrowcast.ops.evaluate import baseline
from narrowcast.ops.prepare import prepare
from narrowcast.ops.requests import BaselineRequest
from narrowcast.testing.tiny import build_tiny_model
from tests.evaluation.conftest import FILLER
from tests.support.imports import import_rows

pytestmark = pytest.mark.nightly


def text(number, length=6):
    return f"{' '.join(random.Random(number).choices(FILLER, k=length))} {number}"


ROWS = {
    "preference_pair": lambda n: {
        "prompt": text(n),
        "chosen": f"{text(n + 500, 3)} please",
        "rejected": text(n + 900, 4),
    },
    "tool_calls_passthrough": lambda n: {
        "messages": text(n),
        "tools": [{"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}],
        "calls": [{"name": "f", "arguments": {"a": text(n, 2)}}],
    },
    "rag_passthrough": lambda n: {"question": text(n), "contexts": [text(n + 100)], "answer": text(n, 1)},
    "text_pair": lambda n: {"text": text(n), "output": text(n, 4)},
}
PRIMARY = {
    "preference_pair": "preference_accuracy",
    "tool_calls_passthrough": "call_accuracy",
    "rag_passthrough": "token_f1",
    "text_pair": "rouge_l",
}


@pytest.mark.parametrize("mapper", ROWS)
def test_a_base_model_is_measured(project, tmp_path, mapper):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(ROWS[mapper](n)) + "\n" for n in range(40)))
    fields = {name: name for name in ROWS[mapper](0)}
    assert import_rows(project, f"jsonl:{path}", mapper=mapper, field_map=fields).record.accepted == 40
    prepare(project)
    base = build_tiny_model(tmp_path / "base", context=1024)
    options = {"base": str(base), "models": ["base"], "limit": 3, "samples": 100, "max_tokens": 8}
    first = baseline(project, BaselineRequest(options=options)).results[0]
    assert PRIMARY[mapper] in first.metrics
    assert first.n == 3
    # The same answers are read from disk the second time, each row with its own two where it has two.
    again = baseline(project, BaselineRequest(options={**options, "samples": 120})).results[0]
    assert again.metrics[PRIMARY[mapper]].value == first.metrics[PRIMARY[mapper]].value
    if mapper == "preference_pair":
        assert first.metrics["margin"].value != 0.0
