"""The child process around llama.cpp: `python -m narrowcast.models.llama_worker FILE [f16|f32]`.

One JSON object a line on standard input, answers likewise on standard output. A request has `id` and `op`;
its answer is `{"id", "result"}` or `{"id", "error": {"kind", "message"}}`, before which `generate` may send
`{"id", "delta": {...}}` lines. The first line is the answer to request 0, sent when the model is loaded.
`cancel` (with the id of a running generation) ends it early. At the end of standard input, that is when
the parent is gone, the process ends immediately, in the middle of a token if need be.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from narrowcast.models.llama_cpp import ContextExceededError, LlamaCpp
from narrowcast.models.llama_sampling import Sampler, encode_rows
from narrowcast.models.llama_scoring import MARGIN, score_continuations
from narrowcast.models.llama_vocabulary import LlamaVocabulary

Request = dict[str, Any]


class Worker:
    """Answers requests one at a time."""

    def __init__(self, path: str, kv_type: str, out: TextIO) -> None:
        self._out = out
        self._engine = LlamaCpp(path, kv_type=kv_type)
        self._vocabulary = LlamaVocabulary(self._engine)
        self.requests: queue.Queue[Request] = queue.Queue()
        self.cancelled: set[int] = set()

    def serve(self) -> None:
        """Announce the model, then answer forever; the reader thread ends the process."""
        self.send({"id": 0, "result": self.info()})
        while True:
            request = self.requests.get()
            try:
                answer = {"id": request["id"], "result": _operation(request)(self, request)}
            except ContextExceededError as error:
                answer = _failed(request, "context", error)
            except (KeyError, TypeError, ValueError, UnicodeError) as error:
                answer = _failed(request, "request", error)
            self.send(answer)

    def send(self, answer: dict[str, Any]) -> None:
        """Write one line."""
        self._out.write(json.dumps(answer) + "\n")
        self._out.flush()

    def info(self) -> dict[str, Any]:
        """What the file says about itself."""
        vocabulary, metadata = self._vocabulary, self._engine.metadata()
        bos = int(
            metadata.get("tokenizer.ggml.bos_token_id", -1)
        )  # llama.cpp invents one where there is none
        return {
            "context_length": self._engine.context_length,
            "parameters": int(self._engine.model.n_params),
            "vocabulary_size": vocabulary.size,
            "eos": vocabulary.eos,
            "end_of_turn": vocabulary.eot if vocabulary.eot >= 0 else vocabulary.eos,
            "stop": sorted(vocabulary.stop),
            "specials": vocabulary.specials(),
            "bos_token": vocabulary.text(bos),
            "eos_token": vocabulary.text(vocabulary.eos),
            "chat_template": metadata.get("tokenizer.chat_template", ""),
            "name": metadata.get("general.name", ""),
            "runtime": self._engine.runtime(),
        }

    def tokenize(self, request: Request) -> dict[str, Any]:
        """`pieces` to `tokens`."""
        return {"tokens": self._vocabulary.encode(request["pieces"])}

    def texts(self, request: Request) -> dict[str, Any]:
        """Vocabulary entries of `tokens`."""
        return {"texts": [self._vocabulary.text(token) for token in request["tokens"]]}

    def score(self, request: Request) -> dict[str, Any]:
        """`tokens` and `answers` to `logprobs`."""
        answers = [tuple(answer) for answer in request["answers"]]
        if not all(answers):
            raise ValueError("an answer has no tokens")
        margin = float(request.get("margin", MARGIN))
        return {"logprobs": score_continuations(self._engine, request["tokens"], answers, margin)}

    def logits(self, request: Request) -> dict[str, Any]:
        """Logits of `tokens` from position `start` on, as base64 of little-endian float32 rows."""
        return {"rows": encode_rows(self._engine.prefill(request["tokens"], request["start"]))}

    def generate(self, request: Request) -> dict[str, Any]:
        """Continue `tokens`; sends a delta for each token where `stream` is set."""
        tokens, text, finish = [], "", "length"
        for token, piece, logprobs in self._steps(request):
            ended = token in self._vocabulary.stop
            text += piece
            if not ended:
                tokens.append(token)
            if request.get("stream") and (piece or not ended):
                self.send({"id": request["id"], "delta": {"text": piece, "token": token, **logprobs}})
            if ended or request["id"] in self.cancelled:
                finish = "stop" if ended else "cancelled"
                break
        return {"text": text, "tokens": tokens, "finish": finish}

    def _steps(self, request: Request) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """Sampled tokens with the text that each completes, as many as asked for or as fit."""
        sequence = list(request["tokens"])
        sampler = Sampler.from_request(request)
        stream = self._vocabulary.stream()
        most = int(request["max_tokens"])
        room = self._engine.context_length - len(sequence)
        for step in range(min(most, room)):
            row = self._engine.prefill(sequence)[-1]
            token = sampler.choose(row)
            piece = stream.push(token)
            if token in self._vocabulary.stop or step + 1 == min(most, room):
                piece += stream.end()
            yield token, piece, sampler.report(row, token, self._vocabulary)
            sequence.append(token)


OPERATIONS = {
    "tokenize": Worker.tokenize,
    "texts": Worker.texts,
    "score": Worker.score,
    "logits": Worker.logits,
    "generate": Worker.generate,
}


def _operation(request: Request) -> Callable[[Worker, Request], Any]:
    name = str(request.get("op"))
    if name not in OPERATIONS:
        raise ValueError(f"unknown operation {name!r}")
    return OPERATIONS[name]


def _failed(request: Request, kind: str, error: Exception) -> dict[str, Any]:
    return {"id": request.get("id"), "error": {"kind": kind, "message": str(error) or repr(error)}}


def _read(worker: Worker) -> None:
    """Reader thread: queue requests, note cancellations, end with the parent."""
    for line in sys.stdin:
        request = json.loads(line)
        if request.get("op") == "cancel":
            worker.cancelled.add(request["id"])
        else:
            worker.requests.put(request)
    os._exit(0)


def main() -> None:
    """Load the file named on the command line and serve it."""
    # Native code may print: answers get a descriptor of their own, standard output goes to standard error.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    path, kv_type = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "f16"
    try:
        worker = Worker(path, kv_type, out)
    except (RuntimeError, ValueError, MemoryError, OSError) as error:
        out.write(json.dumps({"id": 0, "error": {"kind": "load", "message": str(error)}}) + "\n")
        out.flush()
        sys.exit(1)
    threading.Thread(target=_read, args=(worker,), daemon=True).start()
    worker.serve()


if __name__ == "__main__":
    main()
