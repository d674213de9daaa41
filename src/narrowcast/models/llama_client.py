"""The parent's side of `llama_worker`: start it, ask it, notice that it died, end it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from narrowcast.core.message import Message
from narrowcast.errors import ModelError
from narrowcast.models.template import Piece, prompt_pieces, template_renderer
from narrowcast.plugins.optional import require


class WorkerDiedError(ModelError):
    """The child process ended while it was needed (native crash, kill, out of memory)."""


class RequestRefusedError(ModelError):
    """The worker understood the request and refused it; it continues working.

    Attributes:
        kind: `context` (too many tokens) or `request` (malformed).
    """

    def __init__(self, message: str, *, kind: str, where: str) -> None:
        code = "model_prompt_too_long" if kind == "context" else None
        super().__init__(
            message, where=where, next_command="send fewer or shorter messages", reason_code=code
        )
        self.kind = kind


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What the exported file says about itself."""

    context_length: int
    parameters: int
    vocabulary_size: int
    eos: int
    end_of_turn: int
    stop: list[int]
    specials: list[str]
    bos_token: str
    eos_token: str
    chat_template: str
    name: str
    runtime: dict[str, str]


class LlamaClient:
    """One child process with one loaded GGUF file; a context manager. Safe to share between threads.

    Raises:
        ModelError: (on construction) where the file cannot be loaded.
    """

    def __init__(self, path: Path, *, kv_type: str = "f16") -> None:
        require("cyllama", "jinja2", "numpy", purpose="running a GGUF file")
        if not path.is_file():
            raise ModelError("there is no such GGUF file", where=str(path), next_command="narrowcast export")
        self.path = path
        self._ids = count(1)
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        # In a session of its own: ctrl-C, and SIGTERM to the group, are for the parent, which then stops at a
        # safe point; a child that they ended would read as a crash. It ends with its input.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "narrowcast.models.llama_worker", str(path), kv_type],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        try:
            self.info = ModelInfo(**self._receive(0))
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """False once the child has ended."""
        return self._process.poll() is None

    def prompt_pieces(self, messages: Sequence[Message], *, generate: bool = True) -> list[Piece]:
        """Render a conversation with the file's own template."""
        info = self.info
        named = {"bos_token": info.bos_token, "eos_token": info.eos_token}
        render = template_renderer(info.chat_template, named, generate=generate)
        return prompt_pieces(render, messages, info.specials)

    def tokenize(self, pieces: Sequence[Piece]) -> list[int]:
        """Token ids; special pieces become special tokens, and nothing else does."""
        pairs = [[piece.text, piece.special] for piece in pieces]
        tokens: list[int] = self.ask("tokenize", pieces=pairs)["tokens"]
        return tokens

    def tokenize_prompt(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of a conversation, ending where the assistant begins to answer."""
        return self.tokenize(self.prompt_pieces(messages))

    def tokenize_answer(self, text: str) -> list[int]:
        """Token ids of an answer with its end-of-turn token."""
        return [*self.tokenize([Piece(text, special=False)]), self.info.end_of_turn]

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """One request, one answer.

        Raises:
            WorkerDiedError: the child ended; this client is of no more use.
            RequestRefusedError: the child refused.
        """
        with self._lock:
            number = self._send(op, fields)
            return self._receive(number)

    def stream(self, **fields: Any) -> Generator[dict[str, Any], None, None]:
        """A generation token by token: its deltas, at last `{"result": ...}`.

        A consumer that stops early cancels the generation.
        """
        with self._lock:
            number = self._send("generate", {**fields, "stream": True})
            finished = False
            try:
                while not finished:
                    line = self._line(number)
                    finished = "delta" not in line
                    yield {"result": _result(line, self.path)} if finished else line["delta"]
            finally:
                if not finished and self.alive:
                    self._write({"id": number, "op": "cancel"})
                    while "delta" in self._line(number):
                        pass

    def _send(self, op: str, fields: dict[str, Any]) -> int:
        number = next(self._ids)
        self._write({"id": number, "op": op, **fields})
        return number

    def _write(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            with self._write_lock:
                self._process.stdin.write(json.dumps(request) + "\n")
                self._process.stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise self._died() from error

    def _receive(self, number: int) -> dict[str, Any]:
        return _result(self._line(number), self.path)

    def _line(self, number: int) -> dict[str, Any]:
        assert self._process.stdout is not None
        text = self._process.stdout.readline()
        if not text.endswith("\n"):
            raise self._died()
        line: dict[str, Any] = json.loads(text)
        if line["id"] != number:
            self.close()
            raise WorkerDiedError(f"the model's process answered {line['id']}, not {number}")
        return line

    def _died(self) -> WorkerDiedError:
        self._process.kill()
        code = self._process.wait()
        return WorkerDiedError(
            f"the model's process ended (exit code {code}){self._last_words()}",
            where=str(self.path),
            next_command="run the same command again; if it fails again, narrowcast export --formats f16",
        )

    def _last_words(self) -> str:
        """The last line of what the child wrote to standard error."""
        if self._messages.closed:
            return ""
        self._messages.seek(0)
        lines = self._messages.read().decode("utf-8", "replace").split("\n")
        return next((f": {line.strip()[:200]}" for line in reversed(lines) if line.strip()), "")

    def close(self) -> None:
        """End the child: at the end of its input it leaves by itself, after two seconds it is killed."""
        process = self._process
        if process.stdin is not None:
            with suppress(BrokenPipeError):  # it is gone already, which is what was wanted
                process.stdin.close()
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._messages.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _result(line: dict[str, Any], path: Path) -> dict[str, Any]:
    error = line.get("error")
    if error is None:
        result: dict[str, Any] = line["result"]
        return result
    if error["kind"] == "load":
        raise ModelError(
            f"llama.cpp cannot load the file: {error['message']}",
            where=str(path),
            next_command="narrowcast export",
        )
    raise RequestRefusedError(error["message"], kind=error["kind"], where=str(path))
