"""Exported classifiers over HTTP: the answers of the file; limits and errors as of every served model."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import openai
import pytest

from narrowcast.core.work import Work
from narrowcast.models.classifiers.fit import fit_label, fit_label_sets
from narrowcast.models.classifiers.loading import TrainedClassifier
from narrowcast.models.classifiers.recipe import LinearRecipe
from narrowcast.models.onnx.layout import Origin
from narrowcast.models.onnx.reader import open_onnx
from narrowcast.models.onnx.writer import write_onnx
from tests.server.conftest import Running, running
from tests.support.classifiers import TOPICS, texts

ROWS = texts(120)
ASKED = [text for text, _ in texts(8, seed=1)]


def written(path: Path, *, several: bool = False) -> Path:
    """The file of a classifier on words; with `several`, of one that answers with sets."""
    recipe, asked = LinearRecipe(("words",), "logistic"), [text for text, _ in ROWS]
    if several:
        classifier = fit_label_sets(recipe, asked, [topics for _, topics in ROWS], Work())
    else:
        classifier = fit_label(recipe, asked, [topics[0] for _, topics in ROWS])
    write_onnx(TrainedClassifier(classifier), path, Origin("exp-0123456789"))
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("file") / "topics.onnx")


@pytest.fixture(scope="module")
def server(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("--model", file, home=tmp_path_factory.mktemp("home")) as started:
        yield started


def ask(server: Running, text: str, **fields: object) -> openai.types.chat.ChatCompletion:
    turns = [{"role": "user", "content": text}]
    return server.client().chat.completions.create(model="topics", messages=turns, **fields)


def test_labels_and_their_probabilities_are_those_of_the_file(server, file):
    expected = open_onnx(file).answers(ASKED, list(TOPICS))
    for text, (label, logprobs) in zip(ASKED, expected, strict=True):
        reply = ask(server, text, logprobs=True, top_logprobs=3)
        assert reply.choices[0].message.content == label
        (entry,) = reply.choices[0].logprobs.content
        assert entry.logprob == pytest.approx(logprobs[label], abs=1e-5)
        assert [each.token for each in entry.top_logprobs] == sorted(
            TOPICS, key=lambda each: -logprobs[each]
        )[:3]
        assert reply.usage.prompt_tokens == len(text.split())
        assert reply.usage.completion_tokens == 1


def test_a_stream_is_the_label_as_one_piece(server, file):
    chunks = list(ask(server, ASKED[0], stream=True, stream_options={"include_usage": True}))
    text = "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
    assert text == open_onnx(file).answers(ASKED[:1], list(TOPICS))[0][0]
    assert chunks[-1].usage.total_tokens > 1


def test_the_last_user_message_alone_is_read(server):
    turns = [
        {"role": "system", "content": "where is my refund"},
        {"role": "user", "content": "the refund has not arrived"},
        {"role": "assistant", "content": "refund"},
        {"role": "user", "content": "what is the exchange rate"},
    ]
    reply = server.client().chat.completions.create(model="topics", messages=turns)
    assert reply.choices[0].message.content == "rate"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format.type"),
        ({"n": 2}, "n"),
    ],
)
def test_what_is_not_honoured_is_refused(server, fields, param):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(server, "my card", **fields)
    assert caught.value.param == param


def test_parallel_requests_are_answered_in_turn(server, file):
    expected = [label for label, _ in open_onnx(file).answers(ASKED, list(TOPICS))]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda text: ask(server, text), ASKED * 3))
    assert [each.choices[0].message.content for each in replies] == expected * 3


def test_health_models_and_unknown_names(server):
    health = httpx.get(server.url.replace("/v1", "/health")).json()
    assert health == {
        "status": "ok", "live": True, "ready": True, "model": "topics", "restarts": 0, "waiting": 0,
    }  # fmt: skip
    assert [each.id for each in server.client().models.list()] == ["topics"]
    with pytest.raises(openai.NotFoundError):
        server.client().chat.completions.create(model="x", messages=[{"role": "user", "content": "a"}])


def test_a_connection_that_is_used_again_does_not_wait(server):
    """The fastest of twenty: an answer in two packets would wait 40 ms for the client's acknowledgement."""
    times = []
    with httpx.Client() as client:
        for _ in range(20):
            began = time.perf_counter()
            client.get(server.url.replace("/v1", "/health"))
            times.append(time.perf_counter() - began)
    assert min(times[1:]) < 0.03


def test_sets_are_json_and_have_no_probabilities(start, tmp_path):
    path = written(tmp_path / "topics.onnx", several=True)
    with start("--model", path) as server:
        for text, (answer, _) in zip(ASKED, open_onnx(path).answers(ASKED, ()), strict=True):
            reply = ask(server, text)
            assert reply.choices[0].message.content == answer
            assert set(json.loads(answer)["labels"]) <= set(TOPICS)
        with pytest.raises(openai.BadRequestError, match="without probabilities"):
            ask(server, "my card", logprobs=True)


def test_a_file_that_is_not_a_classifier_is_not_served(cli, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no model")
    done = cli("serve", "--model", tmp_path / "model.onnx", "--port", "0", code=1)
    assert "the ONNX file cannot be used" in done.stderr
    assert "narrowcast export --formats onnx" in done.stderr


def test_stopping_the_server_ends_it(start, file):
    with start("--model", file) as server:
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=30) == 0


def test_serving_needs_neither_torch_nor_llama_cpp(file):
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from narrowcast.server import app, run\nfrom narrowcast.server.engine import engine_of\n"
        f"path = Path({str(file)!r})\nengine_of(path).open(path)\n"
        "print(sorted({'torch', 'transformers', 'cyllama', 'gguf', 'onnx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
