"""A model behind an endpoint, measured on held-out rows: only when asked for, and never for training data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from narrowcast.core.names import Split
from narrowcast.errors import StageError, UsageError
from narrowcast.ops.evaluate import baseline
from narrowcast.ops.requests import BaselineRequest
from narrowcast.store.datasets import load_manifest, read_split
from narrowcast.store.files import read_jsonl
from narrowcast.store.generations import call_store_path
from narrowcast.testing.teacher_server import TeacherServer
from tests.evaluation.conftest import TOPICS
from tests.support.factory import Teachers, generate, write_plan

ENDPOINT = {"models": ["endpoint:large"], "samples": 100, "send_held_out": True}


def knows_the_topics(server: TeacherServer, body: dict[str, Any], number: int) -> Any:
    """A model that answers with decoration, as chat models do."""
    words = body["messages"][-1]["content"].split()
    label = max(TOPICS, key=lambda each: sum(word in TOPICS[each] for word in words))
    return server.said(body, (label, f"{label.upper()}.", f'"{label}"')[number % 3])


@pytest.fixture
def teachers(project, monkeypatch) -> Iterator[Teachers]:
    started = Teachers(project, monkeypatch)
    yield started
    started.close()


def held_out_texts(project) -> set[str]:
    manifest = load_manifest(project.paths)
    return {
        row.inputs["text"]
        for split in (Split.DEV, Split.TEST)
        for row in read_split(project.paths, manifest, split)
    }


def test_it_is_measured_with_cost_and_shots_of_train_rows(intents, teachers):
    server = teachers.start(script=knows_the_topics, model="teacher")
    prices = {"price_prompt": 10.0, "price_completion": 100.0, "cap_cost": 1.0}
    result = baseline(intents, BaselineRequest(options={**ENDPOINT, **prices, "shots": 3})).results[0]
    assert result.metrics["macro_f1"].value > 0.8
    assert result.errors == {}
    assert {body["model"] for body in server.bodies} == {"large"}
    assert len(server.bodies) == len({json.dumps(body["messages"]) for body in server.bodies}) <= 60
    manifest = load_manifest(intents.paths)
    train = {row.inputs["text"] for row in read_split(intents.paths, manifest, Split.TRAIN)}
    for body in server.bodies:
        system, *turns = body["messages"]
        assert system["content"].endswith("Labels: card, fee, login")
        assert {turn["content"] for turn in turns[:-1:2]} <= train
        assert len(turns) == 7
    event = next(each for each in intents.trail.events() if each.reason_code == "model_rows_sent")
    assert event.severity == "warning"
    assert event.payload["rows"] == 60
    assert event.payload["endpoint"] == server.url.split("/")[2]
    assert event.payload["tokens"] == server.tokens
    assert event.payload["cost"] > 0
    assert result.note.startswith(f"3 shots, labels listed, {server.tokens:,} tokens, ")

    asked = len(server.bodies)
    again = baseline(intents, BaselineRequest(options={**ENDPOINT, "shots": 3}, force=True))
    assert again.results[0].metrics["macro_f1"] == result.metrics["macro_f1"]
    assert len(server.bodies) == asked  # what was paid is not paid again


@pytest.mark.parametrize("value", ["true", "1", "'on'", "'yes'", "1.0"])
def test_a_flag_of_the_configuration_is_written_as_a_flag(intents, cli, value):
    with intents.paths.config.open("a") as file:
        file.write(f"baseline: {{send_held_out: {value}}}\n")
    refused = cli("baseline", code=2).stderr.rstrip()
    assert refused.endswith("narrowcast baseline --send-held-out")


def test_a_flag_that_is_neither_is_left_to_validation(intents, cli):
    with intents.paths.config.open("a") as file:
        file.write("baseline: {send_held_out: perhaps}\n")
    assert "valid boolean" in cli("baseline", code=2).stderr


def test_rows_are_sent_only_where_the_command_says_so(intents, teachers, cli):
    server = teachers.start(script=knows_the_topics, model="large")
    refused = cli("baseline", "--models", "endpoint:large", code=2).stderr
    assert "endpoint:large sends held-out rows to an endpoint: 60 rows of the test split" in refused
    with intents.paths.config.open("a") as file:
        file.write("baseline: {send_held_out: true}\n")
    assert "sends held-out rows to an endpoint: send_held_out" in cli("baseline", code=2).stderr
    intents.paths.config.write_text(
        intents.paths.config.read_text().replace("send_held_out: true", "samples: 100")
    )
    with pytest.raises(UsageError, match="sends held-out rows"):
        baseline(intents, BaselineRequest(options={**ENDPOINT, "send_held_out": False}))
    page = " ".join(cli("baseline", "--rows", "5", "--budget-minutes", "0.0001").stdout.split())
    assert "narrowcast baseline --rows 5 --models endpoint:large --send-held-out" in page
    assert server.bodies == []
    accesses = list(read_jsonl(intents.paths.registry / "test_looks.jsonl"))
    assert len(accesses) == 1  # what was refused has seen nothing
    assert "endpoint:large" not in accesses[0]["models"]

    cli("baseline", "--models", "majority,endpoint:large", "--send-held-out", code=0)
    sent = len(server.bodies)
    assert sent > 0
    assert "endpoint:large" in cli("eval", "svm", code=None).stdout  # by its stored answers
    other = " ".join(cli("eval", "svm", "--split", "dev", code=None).stdout.split())
    assert "narrowcast baseline --split dev --models endpoint:large --send-held-out" in other
    assert len(server.bodies) == sent
    said = cli("eval", "svm", "--split", "dev", "--send-held-out", code=None).stdout
    assert "svm − endpoint:large" in said
    assert len(server.bodies) > sent


def test_without_an_endpoint_a_recorded_one_is_named(intents, teachers, cli, monkeypatch):
    teachers.start(script=knows_the_topics)
    cli("baseline", "--models", "majority,endpoint:large", "--send-held-out", "--samples", "100")
    monkeypatch.delenv("NARROWCAST_TEACHER_URL")
    page = " ".join(cli("eval", "svm", "--samples", "100", code=None).stdout.split())
    assert "endpoint:large: no teacher is set" in page


def test_no_answer_to_a_held_out_row_reaches_what_makes_training_data(intents, teachers):
    """The same model, asked the same way by the factory, is asked anew; and held-out texts are refused."""
    server = teachers.start(script=knows_the_topics, model="large")
    baseline(intents, BaselineRequest(options=ENDPOINT))
    assert not call_store_path(intents.paths).exists()
    assert intents.paths.measured_calls.exists()
    texts = held_out_texts(intents)
    measured = len(server.bodies)

    server.script = None
    write_plan(
        intents,
        "{rows: 4, categories: [{name: fee, label: fee}], difficulties: [easy], edge_cases: [canonical]}",
    )
    generate(intents)
    asked = server.bodies[measured:]
    assert asked, "the factory asked the server itself"
    assert not any(text in json.dumps(body) for text in texts for body in asked)
    stored = call_store_path(intents.paths).read_text()
    assert not any(text in stored for text in texts)

    rows = intents.paths.root / "unlabelled.jsonl"
    rows.write_text(json.dumps({"text": next(iter(texts))}) + "\n")
    before = len(server.bodies)
    generate(intents, source="label", texts=f"jsonl:{rows}", column="text")
    assert len(server.bodies) == before  # the text is held out: it is neither asked about nor answered for


def test_a_deletion_names_the_stored_questions_among_what_remains(intents, teachers, cli):
    teachers.start(script=knows_the_topics)
    baseline(intents, BaselineRequest(options=ENDPOINT))
    row = read_split(intents.paths, load_manifest(intents.paths), Split.TEST)[0]
    done = json.loads(cli("data", "forget", "--id", row.id, "--json").stdout)
    assert "outputs/endpoint_calls.jsonl" in done["remains"]


def test_a_cap_ends_it_and_what_was_paid_is_not_paid_again(intents, teachers):
    server = teachers.start(script=knows_the_topics)
    with pytest.raises(StageError, match="the caps left no room") as stopped:
        baseline(intents, BaselineRequest(options={**ENDPOINT, "cap_tokens": 4_000}))
    assert stopped.value.reason_code == "model_cap_reached"
    events = [each for each in intents.trail.events() if each.reason_code == "model_rows_sent"]
    assert len(events) == 1
    assert 0 < events[0].payload["tokens"] <= 4_000
    paid = len(server.bodies)
    assert 0 < paid < 60
    baseline(intents, BaselineRequest(options=ENDPOINT))
    assert len(server.bodies) == len({json.dumps(body["messages"]) for body in server.bodies})


def test_the_forecast_is_said_before_the_first_call(intents, teachers, cli):
    server = teachers.start(script=knows_the_topics)
    said = cli("baseline", "--models", "endpoint:large", "--send-held-out", "--samples", "100").stderr
    assert re.search(r"60 held-out rows go to 127\.0\.0\.1:\d+; 60 calls, about [\d,]+ tokens", said)
    assert server.bodies
