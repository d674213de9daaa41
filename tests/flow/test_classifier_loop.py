"""A classifier through the command line: rows in, one proven ONNX file out, the same answers over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError

from narrowcast.core.names import Split
from narrowcast.pipeline.project import Project
from narrowcast.store.datasets import load_manifest, read_split
from narrowcast.testing.tiny import build_tiny_encoder
from tests.server.conftest import running
from tests.support.classifiers import EVERY_FEATURE, TOPICS, tagging, trained, tuned
from tests.support.cli import run_here
from tests.support.fields import KINDS, NAMES, project_of_fields

CASES = [
    pytest.param("words", False, marks=pytest.mark.nightly),
    pytest.param("words,characters", False, marks=pytest.mark.nightly),
    pytest.param("encoder", False, marks=pytest.mark.nightly),
    (EVERY_FEATURE, False),
    ("words,characters", True),
    pytest.param("fine-tuned", False, marks=pytest.mark.nightly),
    pytest.param("fine-tuned", True, marks=pytest.mark.nightly),
    ("spans", False),
    ("fields", False),
    pytest.param("fields on an encoder", False, marks=pytest.mark.nightly),
    pytest.param("spans, linear", False, marks=pytest.mark.nightly),
]


@pytest.mark.parametrize(("features", "several"), CASES)
def test_rows_in_one_proven_file_out(features: str, several: bool, tmp_path: Path) -> None:
    with _made(tmp_path, features, several=several) as project:
        root, home = project.paths.root, tmp_path / "work"

        def run(*words: str, code: int | None = 0) -> Any:
            done = run_here("--home", home, *words, "--json", cwd=root, code=code)
            return json.loads(done.stdout)

        own = run("eval", "--samples", "100", code=None)
        exported = run("export", "--force", "--parity-rows", "20", "--tolerance", "0.5")
        assert list(exported["files"]) == ["onnx"]
        (file,) = exported["parity"]["formats"]
        assert file["verdict"] == "pass"
        assert file["identical"]
        assert file["answers_equal"] == 1
        assert file["largest_difference"] <= 1e-4
        assert run("parity", "--tolerance", "0.5")["verdict"] == "pass"

        shipped = run("eval", "onnx:onnx", "--samples", "100", code=None)
        assert shipped["metrics"][own["primary"]] == own["metrics"][own["primary"]]
        assert shipped["speed"]["latency_p50_ms"] > 0
        assert shipped["size_bytes"] == (root / exported["files"]["onnx"]).stat().st_size
        assert run("audit", "verify")["intact"]

        with running("-p", root, "--force", home=home) as server:
            model = f"{root.name}-onnx"
            rows = read_split(project.paths, load_manifest(project.paths), Split.DEV)[:5]
            for row in rows:
                if features.startswith("fields"):
                    _asked_for_fields(server.client(), model, row.inputs["text"])
                elif features.startswith("spans"):
                    _asked_for_spans(server.client(), model, row.inputs["text"])
                else:
                    _asked_over_http(server.client(), model, row.inputs["text"], several=several)


def _made(home: Path, features: str, *, several: bool) -> Project:
    if features == "spans":
        return tagging(home)
    if features == "spans, linear":
        return tagging(home, "linear")
    if features == "fields":
        return project_of_fields(home, "--features", "words,characters")
    if features == "fields on an encoder":
        encoder = build_tiny_encoder(home / "encoder")
        return project_of_fields(home, "--features", EVERY_FEATURE, "--base", encoder)
    if features == "fine-tuned":
        return tuned(home, several=several)
    return trained(home, features, several=several)


def _asked_for_spans(client: Any, model: str, text: str) -> None:
    asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": text}]}
    reply = client.chat.completions.create(**asked)
    found = json.loads(reply.choices[0].message.content)
    assert set(found) <= {"thing", "count"}
    assert all(part in text for parts in found.values() for part in parts)
    assert reply.usage.prompt_tokens > 0
    with pytest.raises(BadRequestError, match="without probabilities"):
        client.chat.completions.create(**asked, logprobs=True)


def _asked_for_fields(client: Any, model: str, text: str) -> None:
    reply = client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])
    found = json.loads(reply.choices[0].message.content)
    assert list(found) == NAMES
    assert found["kind"] in KINDS
    assert found["source"] == "mail"
    assert f"with {found['count']} pieces" in text
    assert found["order"] is None or found["order"] in text
    assert reply.narrowcast["answered_by"] == "classifier"


def _asked_over_http(client: Any, model: str, text: str, *, several: bool) -> None:
    asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": text}]}
    if several:
        reply = client.chat.completions.create(**asked)
        assert set(json.loads(reply.choices[0].message.content)["labels"]) <= set(TOPICS)
    else:
        reply = client.chat.completions.create(**asked, logprobs=True, top_logprobs=len(TOPICS))
        (entry,) = reply.choices[0].logprobs.content
        assert entry.token == reply.choices[0].message.content
        assert {each.token for each in entry.top_logprobs} == set(TOPICS)
        assert entry.logprob == max(each.logprob for each in entry.top_logprobs)
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.prompt_tokens > 0
    assert reply.narrowcast["answered_by"] == "classifier"
