"""The official client against a live server: whole answers, streams, labels, refusals."""

from __future__ import annotations

import subprocess
import sys

import httpx
import openai
import pytest

from narrowcast.core.bundle import BundleManifest
from narrowcast.core.message import Message
from narrowcast.core.prediction import PromptRequest
from narrowcast.models.llama_client import LlamaClient
from narrowcast.models.predictors.llama import LlamaPredictor
from narrowcast.tasks import handler_for
from narrowcast.tasks.prompt import request_for

pytestmark = pytest.mark.nightly

QUESTION = [{"role": "user", "content": "Where is my card?"}]


def ask(server, model="tiny", **fields):
    values = {"messages": QUESTION, "max_tokens": 16, **fields}
    return server.client().chat.completions.create(model=model, **values)


def test_models_are_listed(plain, classifier):
    assert [model.id for model in plain.client().models.list()] == ["tiny"]
    assert (
        classifier.client().models.retrieve("cards-f16").model_extra["narrowcast"]["task"] == "classification"
    )


def test_an_answer_equals_the_predictors(plain, plain_gguf):
    answer = ask(plain)
    with LlamaPredictor(LlamaClient(plain_gguf)) as predictor:
        expected = predictor.predict(
            [PromptRequest((Message("user", QUESTION[0]["content"]),), max_tokens=16)]
        )[0]
        prompt = predictor.client.tokenize_prompt([Message("user", QUESTION[0]["content"])])
    assert answer.choices[0].message.content == expected.text
    assert answer.choices[0].finish_reason == expected.finish
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (len(prompt), expected.tokens)
    assert answer.model_extra["narrowcast"] == {"answered_by": "generation", "system_prompt": "none"}


def test_a_stream_is_the_answer_in_chunks(plain):
    whole = ask(plain)
    chunks = list(ask(plain, stream=True, stream_options={"include_usage": True}))
    *parts, last = chunks
    assert len(parts) > 5
    assert parts[0].choices[0].delta.role == "assistant"
    assert "".join(part.choices[0].delta.content or "" for part in parts) == whole.choices[0].message.content
    assert parts[-1].choices[0].finish_reason == whole.choices[0].finish_reason
    assert last.choices == []
    assert last.usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_left_early_does_not_block_the_next_request(plain):
    with ask(plain, stream=True, max_tokens=400, temperature=1.0) as stream:
        next(iter(stream))
    assert ask(plain, max_tokens=2).choices


def test_stop_sequences_end_the_answer_before_them(plain):
    text = ask(plain).choices[0].message.content
    stop = text[5:8]
    answer = ask(plain, stop=[stop])
    assert answer.choices[0].message.content == text[: text.index(stop)]
    assert answer.choices[0].finish_reason == "stop"
    pieces = ask(plain, stop=stop, stream=True)
    assert "".join(part.choices[0].delta.content or "" for part in pieces) == text[: text.index(stop)]


def test_sampling_follows_the_seed(plain):
    def sample(seed):
        return ask(plain, temperature=1.5, seed=seed).choices[0].message.content

    assert sample(1) == sample(1)
    assert len({sample(seed) for seed in range(5)}) > 1


def test_logprobs(plain):
    choice = ask(plain, logprobs=True, top_logprobs=3, max_tokens=4).choices[0]
    assert len(choice.logprobs.content) == 4
    for entry in choice.logprobs.content:
        assert entry.logprob <= 0
        assert entry.top_logprobs[0].logprob == entry.logprob
        assert len(entry.top_logprobs) == 3


def test_content_parts_and_developer_messages(plain):
    turns = [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Where is "}, {"type": "text", "text": "my card?"}],
        },
    ]
    plain_turns = [{"role": "system", "content": "Be brief."}, *QUESTION]
    assert (
        ask(plain, messages=turns).choices[0].message == ask(plain, messages=plain_turns).choices[0].message
    )


def test_a_classifier_answers_as_it_was_measured(classifier, bundled_gguf):
    spec = BundleManifest.model_validate_json((bundled_gguf.parent / "bundle.json").read_bytes()).task
    with LlamaPredictor(LlamaClient(bundled_gguf)) as predictor:
        request = request_for(handler_for(spec), {"text": QUESTION[0]["content"]})
        expected = predictor.predict([request])[0]
    answer = ask(classifier, "cards-f16", logprobs=True, top_logprobs=5)
    choice = answer.choices[0]
    assert choice.message.content == expected.text
    assert choice.finish_reason == "stop"
    assert answer.model_extra["narrowcast"] == {"answered_by": "label_trie", "system_prompt": "added"}
    served = {top.token: top.logprob for top in choice.logprobs.content[0].top_logprobs}
    assert served == pytest.approx(dict(expected.logprobs), abs=1e-6)
    chunks = list(ask(classifier, "cards-f16", stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == expected.text
    kept = ask(classifier, "cards-f16", messages=[{"role": "system", "content": "Classify."}, *QUESTION])
    assert kept.model_extra["narrowcast"]["system_prompt"] == "kept"
    assert kept.choices[0].message.content in spec.labels


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format.type"),
        ({"presence_penalty": 1.0}, "presence_penalty"),
        ({"temperature": 9}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}, "messages"),
        ({"extra_body": {"made_up": 1}}, "made_up"),
    ],
)
def test_what_is_not_honoured_is_refused(plain, fields, param):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(plain, **fields)
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"


def test_a_reply_is_a_valid_turn_of_the_next_request(plain):
    reply = ask(plain).choices[0].message
    assert "refusal" in reply.model_dump(), "the field that was refused"
    more = [{"role": "user", "content": "And my other card?"}]
    sent = ask(plain, messages=[*QUESTION, reply, *more])
    spelt = {"role": "assistant", "content": reply.content}
    assert (
        sent.choices[0].message.content
        == ask(plain, messages=[*QUESTION, spelt, *more]).choices[0].message.content
    )
    ask(plain, messages=[*QUESTION, reply.model_dump(), *more])  # nulls spelt out


def test_null_and_neutral_values_ask_for_nothing(plain):
    nothing = {"tools": None, "logit_bias": {}, "tool_choice": "none", "store": False, "metadata": None}
    fields = {"n": 1, "extra_body": {**nothing, "functions": [], "parallel_tool_calls": True, "stop": None}}
    assert ask(plain, **fields).choices[0].message.content == ask(plain).choices[0].message.content
    for asked in ({"tool_choice": "required"}, {"store": True}, {"logit_bias": {"5": 1}}, {"store": 0}):
        with pytest.raises(openai.BadRequestError):
            ask(plain, extra_body=asked)


def test_too_long_a_prompt_is_a_400(plain, classifier):
    for server, model in ((plain, "tiny"), (classifier, "cards-f16")):
        with pytest.raises(openai.BadRequestError) as caught:
            ask(server, model, messages=[{"role": "user", "content": "card " * 2000}])
        assert caught.value.code == "context_length_exceeded"


def test_a_conversation_that_cannot_be_rendered_is_a_400(plain, classifier):
    for server, model in ((plain, "tiny"), (classifier, "cards-f16")):
        with pytest.raises(openai.BadRequestError, match="private-use characters") as caught:
            ask(
                server,
                model,
                messages=[{"role": "user", "content": "".join(map(chr, range(0xE000, 0xF900)))}],
            )
        assert (caught.value.param, caught.value.code) == ("messages", "invalid_value")


def test_unknown_models_and_paths(plain):
    with pytest.raises(openai.NotFoundError) as caught:
        ask(plain, "gpt-4")
    assert caught.value.code == "model_not_found"
    assert "tiny" in caught.value.message
    answer = httpx.post(f"{plain.url}/embeddings", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_bodies_that_are_no_request(plain):
    url = f"{plain.url}/chat/completions"
    for body in (b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000):
        answer = httpx.post(url, content=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"]
    too_large = httpx.post(url, content=b"x" * (1 << 20) + b"x")
    assert too_large.status_code == 413
    streamed = httpx.post(url, content=(b"x" * 65536 for _ in range(20)))
    assert streamed.status_code == 413


def test_serving_needs_no_torch():
    code = (
        "import sys, narrowcast.server.app, narrowcast.server.run, narrowcast.ops.serve\n"
        "from narrowcast.core.task import TaskSpec; from narrowcast.tasks import handler_for\n"
        "from narrowcast.tasks.prompt import request_for\n"
        "request_for(handler_for(TaskSpec(profile='classification', labels=['a'])), {'text': 'x'})\n"
        "assert not {'torch', 'transformers', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
