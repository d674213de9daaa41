"""A real HTTP server on loopback that speaks the chat protocol, counts what it is asked, and bills for it."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from narrowcast.teacher.competence import Question, questions

Reply = tuple[int, dict[str, str], Any]
Script = Callable[["TeacherServer", dict[str, Any], int], Reply | None]

_OPENERS = [
    "Hello there",
    "Good morning",
    "Listen",
    "Please help",
    "Quick one",
    "Hi team",
    "To whom it may concern",
    "Hey",
]
_THINGS = [
    "router",
    "kettle",
    "ticket",
    "laptop",
    "invoice",
    "jacket",
    "lamp",
    "phone",
    "chair",
    "contract",
    "camera",
    "bicycle",
]
_EVENTS = [
    "stopped after the storm",
    "shows a red light",
    "never left the depot",
    "was cancelled by your colleague",
    "costs more than agreed",
    "smells of smoke",
    "came back unopened",
    "vanished from my account",
    "was promised for Tuesday",
    "needs a stamp from the mayor",
    "fell off a truck near Bern",
]


def varied_text(number: int, about: str) -> str:
    """Different words for each number."""
    opener, thing = _OPENERS[number % 8], _THINGS[number // 8 % 12]
    first, second = _EVENTS[number % 11], _EVENTS[(number * 7 + 3) % 11]
    return f"{opener}, my {thing} no. {number * 37} {first} and it {second}; is that {about}?"


class TeacherServer:
    """Answers each prompt with as many rows as it asks for, all different; keeps every request body.

    The ten questions that a teacher or judge is asked first are answered rightly, or by `competence`, and
    counted apart, in `checks`.
    """

    def __init__(
        self,
        delay: float = 0.0,
        script: Script | None = None,
        competence: Callable[[Question], str] | None = None,
    ) -> None:
        self.delay = delay
        self.script = script
        self.competence = competence
        self.checks: list[dict[str, Any]] = []
        self.bodies: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.idempotency_keys: list[str] = []
        self.tokens = 0
        self.under_way = self.most_under_way = 0
        self._rows = 0
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """One question."""
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if body["messages"][-1]["content"] not in _QUESTIONS:
                    outer.idempotency_keys.append(self.headers["idempotency-key"])
                status, headers, value = outer.answer(body)
                payload = json.dumps(value).encode()
                try:
                    self.send_response(status)
                    for name, each in headers.items():
                        self.send_header(name, each)
                    self.send_header("content-length", str(len(payload)))
                    self.end_headers()
                    self.wfile.write(payload)
                except OSError:  # the client was killed
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A killed client breaks its connection; that is what the test does."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Up to `/v1`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def counts(self) -> Counter[str]:
        """Requests by content."""
        with self._lock:
            return Counter(json.dumps(body, sort_keys=True) for body in self.bodies)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, body: dict[str, Any]) -> Reply:
        """Count the request, wait, then let the script or the default answer it."""
        question = _QUESTIONS.get(body["messages"][-1]["content"])
        if question is not None:
            with self._lock:
                self.checks.append(body)
            return _completion(body, self.competence(question) if self.competence else question.answer)
        with self._lock:
            number = len(self.bodies)
            self.bodies.append(body)
            self.times.append(time.monotonic())
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            time.sleep(self.delay)
            scripted = self.script(self, body, number) if self.script else None
            return scripted or self.rows(body)
        finally:
            with self._lock:
                self.under_way -= 1

    def rows(self, body: dict[str, Any]) -> Reply:
        """Rows of a classification, as many as the prompt asks for."""
        prompt = body["messages"][-1]["content"]
        match = re.search(r"Write (\d+) rows", prompt)
        label = re.search(r"the label of every row is (\S+)", prompt)
        rows = []
        for _ in range(int(match.group(1)) if match else 1):
            with self._lock:
                self._rows += 1
                number = self._rows
            about = label.group(1) if label else "right"
            rows.append({"text": varied_text(number, about), "label": about})
        return self.said(body, json.dumps({"rows": rows}))

    def said(self, body: dict[str, Any], text: str, finish: str = "stop") -> Reply:
        """A chat completion with honest usage: a token for four characters."""
        reply = _completion(body, text, finish)
        with self._lock:
            self.tokens += sum(reply[2]["usage"].values())
        return reply


_QUESTIONS = {each.prompt: each for role in ("teacher", "judge") for each in questions(role)}


def _completion(body: dict[str, Any], text: str, finish: str = "stop") -> Reply:
    usage = {
        "prompt_tokens": sum(len(turn["content"]) for turn in body["messages"]) // 4,
        "completion_tokens": len(text) // 4,
    }
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return 200, {"content-type": "application/json"}, {"choices": [choice], "usage": usage}
