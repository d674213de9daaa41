"""One attempt at an endpoint that counts or sends as no honest one would."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from narrowcast.teacher.call import Answer, Call, Message
from narrowcast.teacher.endpoint import Endpoint, TurnedAway, UnreadableAnswerError
from narrowcast.teacher.settings import TeacherSettings

CALL = Call("any", (Message("user", "how many?"),), {"max_tokens": 40})


@contextmanager
def endpoint(reply: Callable[[BaseHTTPRequestHandler], None], timeout: float = 30.0) -> Iterator[Endpoint]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            reply(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = TeacherSettings.model_validate(
        {"url": f"http://127.0.0.1:{server.server_address[1]}/v1", "model": "any"}
    )
    try:
        with Endpoint(settings, timeout=timeout, connections=1) as opened:
            yield opened
    finally:
        server.shutdown()
        server.server_close()


def sending(body: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def saying(usage: Any) -> Callable[[BaseHTTPRequestHandler], None]:
    return sending(json.dumps({"choices": [{"message": {"content": "two"}}], "usage": usage}).encode())


@pytest.mark.parametrize(
    ("prompt", "completion"), [(-1000, 5), (5, -1000), (True, 5), (5.0, 5), (10**400, 5), (None, None)]
)
def test_a_count_that_is_none_counts_as_the_most_it_can_be(prompt: Any, completion: Any) -> None:
    with endpoint(saying({"prompt_tokens": prompt, "completion_tokens": completion})) as opened:
        answer = opened.attempt(CALL)
    assert isinstance(answer, Answer)
    assert not answer.counted
    assert (answer.prompt_tokens, answer.completion_tokens) == (CALL.prompt_bound, 40)


def test_honest_counts_are_kept() -> None:
    with endpoint(saying({"prompt_tokens": 7, "completion_tokens": 0})) as opened:
        answer = opened.attempt(CALL)
    assert isinstance(answer, Answer)
    assert (answer.counted, answer.prompt_tokens, answer.completion_tokens) == (True, 7, 0)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (sending(b"no gzip", content_encoding="gzip"), "the teacher's answer cannot be decompressed: "),
        (sending(b'{"choices":' + b"[" * 200_000), "the teacher's answer is nested too deeply"),
    ],
)
def test_an_answer_that_cannot_be_read_is_named(
    reply: Callable[[BaseHTTPRequestHandler], None], said: str
) -> None:
    with endpoint(reply) as opened, pytest.raises(UnreadableAnswerError) as refused:
        opened.attempt(CALL)
    assert refused.value.what.startswith(said)
    assert "usually /v1" in refused.value.next_command


def test_an_answer_that_drips_is_given_up() -> None:
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "100000")
        handler.end_headers()
        while not stop.wait(0.05):
            handler.wfile.write(b" ")

    began = time.monotonic()
    try:
        with endpoint(drip, timeout=0.5) as opened:
            away = opened.attempt(CALL)
    finally:
        stop.set()
    assert isinstance(away, TurnedAway)
    assert away.billed
    assert "did not end in time" in away.why
    assert time.monotonic() - began < 20
