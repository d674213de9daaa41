"""Tool-calling and retrieval models are asked as they were measured, or refuse a request with the reason."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from narrowcast.core.names import Split
from narrowcast.core.settings import Settings
from narrowcast.models.llama_client import LlamaClient
from narrowcast.models.predictors.llama import LlamaPredictor
from narrowcast.pipeline.project import Project
from narrowcast.store.datasets import load_manifest, read_split
from narrowcast.tasks import handler_for
from narrowcast.tasks.prompt import request_for
from narrowcast.testing.tiny import build_tiny_model
from tests.server.conftest import Running, running
from tests.support.cli import run_here

pytestmark = pytest.mark.nightly

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Now",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
CITIES = ["Oslo", "Rome", "Bern", "Lima"]
GREETINGS = ["hello", "please", "good morning", "hi there", "quick", "tell me", "so", "well", "and now"]


def called(city: str, number: int) -> dict[str, Any]:
    call = {"name": "weather", "arguments": json.dumps({"city": city})}
    calls = [{"id": f"call_{number}", "type": "function", "function": call}]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def tool_rows() -> list[dict[str, Any]]:
    """One question each; every third row has a call, its result and a second question."""
    draw, rows = random.Random(0), []
    for number in range(72):
        first, second = draw.sample(CITIES, 2)
        words = " ".join(draw.sample(GREETINGS, 2))
        turns = [{"role": "user", "content": f"{words} {number} weather in {first}"}, called(first, 1)]
        if number % 3 == 0:
            result = {"role": "tool", "tool_call_id": "call_1", "content": "12 C"}
            turns += [result, {"role": "user", "content": f"and in {second}"}, called(second, 2)]
        rows.append({"messages": turns, "tools": [TOOL]})
    return rows


def passage_rows() -> list[dict[str, Any]]:
    draw, rows = random.Random(1), []
    for number in range(60):
        city, other = draw.sample(CITIES, 2)
        shop = f"shop {number} {' '.join(draw.sample(GREETINGS, 3))}"
        passages = [f"The {shop} is in {city}.", f"The market is in {other}."]
        rows.append({"contexts": passages, "question": f"Where is the {shop}?", "answer": city})
    return rows


def build(home: Path, rows: list[dict[str, Any]], *mapping: str, epochs: int) -> Project:
    """A trained and exported model, made through the commands."""
    source = home / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    base = build_tiny_model(home / "tiny", context=512)
    project = Project.create(Settings.from_environment({}, home=home / "work"), "served")
    train = {"base": str(base), "epochs": epochs, "batch_size": 8, "precision": "fp32", "method": "full"}
    train |= {"learning_rate": 3e-3, "forgetting_check": False, "preflight": "off"}
    export = {"formats": ["f16"], "parity_rows": 4, "max_tokens": 40}
    project.save_config(project.config.model_copy(update={"train": train, "export": export}))
    here = {"cwd": project.paths.root}
    run_here("data", "import", "--locator", f"jsonl:{source}", *mapping, **here)
    run_here("prepare", **here)
    run_here("train", "--force", **here)
    run_here("export", **here)
    return project


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Project]]:
    home = tmp_path_factory.mktemp("tools")
    mapping = ("--mapper", "tool_calls_passthrough", "--map", "messages=messages", "--map", "tools=tools")
    with (
        build(home, tool_rows(), *mapping, epochs=12) as project,
        running("-p", project.paths.root, home=home / "work") as server,
    ):
        yield server, project


@pytest.fixture(scope="module")
def passages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Project]]:
    home = tmp_path_factory.mktemp("passages")
    mapping = ("--mapper", "rag_passthrough")
    mapping += ("--map", "contexts=contexts", "--map", "question=question", "--map", "answer=answer")
    with (
        build(home, passage_rows(), *mapping, epochs=1) as project,
        running("-p", project.paths.root, home=home / "work") as server,
    ):
        yield server, project


def measured(project: Project, inputs: dict[str, Any]) -> tuple[str, int]:
    """What evaluation reads for these inputs, and the length of its prompt."""
    handler = handler_for(load_manifest(project.paths).task)
    request = request_for(handler, inputs, max_tokens=40)
    (path,) = project.paths.gguf.glob("*/model-f16.gguf")
    with LlamaPredictor(LlamaClient(path)) as predictor:
        prompt = predictor.client.tokenize_prompt(request.messages)
        return predictor.predict([request])[0].text, len(prompt)


def ask(server: Running, messages: Any, **fields: Any) -> Any:
    values = {"model": "served-f16", "max_tokens": 40, "messages": messages, **fields}
    return server.client().chat.completions.create(**values)


def test_calls_are_those_that_evaluation_reads(tools):
    server, project = tools
    manifest = load_manifest(project.paths)
    rows = [row for split in (Split.DEV, Split.TEST) for row in read_split(project.paths, manifest, split)]
    known = 0
    for row in rows[:4]:
        text, length = measured(project, row.inputs)
        turns = [turn for turn in row.inputs["messages"] if turn["role"] != "system"]
        if any(turn["role"] != "user" for turn in turns):
            continue
        answer = ask(server, turns, tools=[TOOL])
        choice = answer.choices[0]
        assert answer.usage.prompt_tokens == length, "the very prompt of evaluation"
        calls = choice.message.tool_calls or []
        assert [(each.function.name, json.loads(each.function.arguments)) for each in calls] == [
            (each["name"], each["arguments"]) for each in handler_for(manifest.task).calls_in(text)
        ]
        assert choice.finish_reason == ("tool_calls" if calls else choice.finish_reason)
        assert choice.message.content == (None if calls else text)
        known += len(calls)
    assert known, "the model learned to call"


def test_a_round_of_calls_is_the_prompt_that_was_trained_on(tools):
    server, project = tools
    manifest = load_manifest(project.paths)
    row = next(
        row
        for split in (Split.TRAIN, Split.DEV, Split.TEST)
        for row in read_split(project.paths, manifest, split)
        if any(turn["role"] == "tool" for turn in row.inputs["messages"])
    )
    first, call, result, second = row.inputs["messages"]
    city = json.loads(call["content"])[0]["arguments"]["city"]
    answer = ask(server, [first, called(city, 1), {**result, "tool_call_id": "call_1"}, second], tools=[TOOL])
    assert answer.usage.prompt_tokens == measured(project, row.inputs)[1]


def test_a_streamed_call_is_taken_back(tools):
    server, _ = tools
    question = [{"role": "user", "content": "hello please 3 weather in Rome"}]
    whole = ask(server, question, tools=[TOOL], tool_choice="auto", parallel_tool_calls=True)
    reply = whole.choices[0].message
    assert [each.function.name for each in reply.tool_calls] == ["weather"]
    chunks = list(ask(server, question, tools=[TOOL], stream=True, stream_options={"include_usage": True}))
    deltas = [each.choices[0].delta for each in chunks if each.choices]
    (streamed,) = [call for delta in deltas for call in delta.tool_calls or ()]
    wanted = reply.tool_calls[0].function
    assert (streamed.index, streamed.function.name) == (0, wanted.name)
    assert streamed.function.arguments == wanted.arguments
    assert [each.choices[0].finish_reason for each in chunks if each.choices][-1] == "tool_calls"
    assert chunks[-1].usage == whole.usage
    result = {"role": "tool", "tool_call_id": reply.tool_calls[0].id, "content": "12 C"}
    more = {"role": "user", "content": "and in Oslo"}
    again = ask(server, [*question, reply, result, more], tools=[TOOL])
    spelt = {**reply.model_dump(), "name": None, "annotations": []}
    assert spelt["refusal"] is None
    same = ask(server, [*question, spelt, {**result, "name": None}, more], tools=[TOOL])
    assert same.usage == again.usage
    ask(server, [*question, reply, result], tools=[TOOL])  # which asks for what follows from the result


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "tools"),
        ({"tools": []}, "tools"),
        ({"tools": [TOOL], "tool_choice": "none"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": "required"}, "tool_choice"),
        ({"tools": [TOOL], "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"tools": [{**TOOL, "function": {**TOOL["function"], "strict": True}}]}, "tools.0.function.strict"),
        ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools.0.type"),
        ({"tools": [TOOL], "extra_body": {"contexts": ["a"]}}, "contexts"),
    ],
)
def test_what_was_not_measured_with_calls_is_refused(tools, fields, param):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(tools[0], [{"role": "user", "content": "weather in Rome"}], **fields)
    assert (caught.value.param, caught.value.code) == (param, "unsupported_parameter")


def test_a_question_with_passages_is_the_prompt_of_evaluation(passages):
    server, project = passages
    row = read_split(project.paths, load_manifest(project.paths), Split.DEV)[0]
    text, length = measured(project, row.inputs)
    question = [{"role": "user", "content": row.inputs["question"]}]
    answer = ask(server, question, extra_body={"contexts": row.inputs["contexts"]})
    assert (answer.choices[0].message.content, answer.usage.prompt_tokens) == (text, length)
    written = handler_for(load_manifest(project.paths).task).to_messages(row.inputs)[-1].content
    same = ask(server, [{"role": "user", "content": written}])
    assert (same.choices[0].message.content, same.usage.prompt_tokens) == (text, length)
    chunks = ask(server, question, extra_body={"contexts": row.inputs["contexts"]}, stream=True)
    assert "".join(each.choices[0].delta.content or "" for each in chunks) == text


def test_a_question_without_passages_is_refused(passages):
    server, _ = passages
    question = {"role": "user", "content": "Where is the shop?"}
    for turns, fields, said in (
        ([question], {}, "answers from passages"),
        ([question], {"extra_body": {"contexts": []}}, "answers from passages"),
        ([question, {"role": "assistant", "content": "Rome"}, question], {}, "single questions"),
    ):
        with pytest.raises(openai.BadRequestError, match=said) as caught:
            ask(server, turns, **fields)
        assert caught.value.param == "contexts"
    with pytest.raises(openai.BadRequestError) as caught:
        ask(server, [question], tools=[TOOL])
    assert caught.value.param == "tools"


def test_calls_and_passages_are_no_part_of_a_chat(plain):
    for fields in ({"tools": [TOOL]}, {"extra_body": {"contexts": ["a"]}}):
        with pytest.raises(openai.BadRequestError, match="is not supported here"):
            plain.client().chat.completions.create(
                model="tiny", messages=[{"role": "user", "content": "a"}], **fields
            )
    for turns in ([called("Rome", 1)], [{"role": "tool", "tool_call_id": "a", "content": "b"}]):
        with pytest.raises(openai.BadRequestError, match="was not measured with"):
            plain.client().chat.completions.create(
                model="tiny", messages=[*turns, {"role": "user", "content": "a"}]
            )
