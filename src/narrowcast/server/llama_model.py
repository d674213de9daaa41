"""A GGUF file as the server holds it: llama.cpp in a child process."""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

from narrowcast.core.prediction import PromptRequest
from narrowcast.models.llama_client import LlamaClient, RequestRefusedError, WorkerDiedError
from narrowcast.models.predictors.llama import LlamaPredictor
from narrowcast.models.template import TemplateRefusedError
from narrowcast.server.answers import CallsIn, Delta, Plan, label_delta, log_entry
from narrowcast.server.errors import ApiError, unavailable
from narrowcast.server.protocol import ChatRequest
from narrowcast.server.stops import StopFilter


class LlamaModel:
    """See `narrowcast.server.engine.ServedModel`.

    Args:
        path: the GGUF file.

    Raises:
        ModelError: if it cannot be loaded.
    """

    def __init__(self, path: Path) -> None:
        self._predictor = LlamaPredictor(LlamaClient(path))

    @property
    def alive(self) -> bool:
        """Whether the child runs."""
        return self._predictor.client.alive

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._predictor.client.pid

    def close(self) -> None:
        """End the child."""
        self._predictor.close()

    def answer(self, plan: Plan, request: ChatRequest) -> Generator[Delta, None, None]:
        """Deltas of one answer.

        Raises:
            ApiError: 503 where the child died; 400 where the prompt does not fit the context, or the chat
                template refuses it.
        """
        try:
            if plan.prompt.labels is not None:
                yield _label(plan.prompt, request, self._predictor)
            elif plan.calls_in is not None:
                yield _with_calls(list(_generate(plan.prompt, request, self._predictor)), plan.calls_in)
            else:
                yield from _generate(plan.prompt, request, self._predictor)
        except WorkerDiedError as error:
            raise unavailable("the model's process died; send the request again", "worker_died") from error
        except RequestRefusedError as error:
            code = "context_length_exceeded" if error.kind == "context" else "invalid_value"
            raise ApiError(400, error.what, param="messages", code=code) from error
        except TemplateRefusedError as error:
            raise ApiError(400, error.what, param="messages", code="invalid_value") from error


def answered_by(prompt: PromptRequest) -> str:
    """`label_trie` where the labels are scored, otherwise `generation`."""
    return "generation" if prompt.labels is None else "label_trie"


def _with_calls(deltas: list[Delta], calls_in: CallsIn) -> Delta:
    """The whole answer: calls in OpenAI's form, or words. No call (`[]`) is an empty text."""
    text, last = "".join(delta.text for delta in deltas), deltas[-1]
    calls = [
        {
            "id": f"call_{uuid.uuid4().hex[:24]}",
            "type": "function",
            "function": {
                "name": call["name"],
                "arguments": json.dumps(call["arguments"], ensure_ascii=False),
            },
        }
        for call in calls_in(text)
    ]
    return replace(
        last,
        text="" if calls or text.strip() == "[]" else text,
        logprobs=[entry for delta in deltas for entry in delta.logprobs],
        calls=calls,
        finish="tool_calls" if calls else last.finish,
    )


def _label(prompt: PromptRequest, request: ChatRequest, predictor: LlamaPredictor) -> Delta:
    """The likeliest label, as one delta."""
    tokens = len(predictor.client.tokenize_prompt(prompt.messages))
    prediction = predictor.predict([prompt])[0]
    length = len(predictor.client.tokenize_answer(prediction.text))
    return label_delta(prediction.text, prediction.logprobs or {}, request, tokens, length)


def _generate(
    prompt: PromptRequest, request: ChatRequest, predictor: LlamaPredictor
) -> Generator[Delta, None, None]:
    client = predictor.client
    tokens = client.tokenize_prompt(prompt.messages)
    room = client.info.context_length - len(tokens)
    if room < 1:
        message = f"the prompt has {len(tokens)} tokens, the context holds {client.info.context_length}"
        raise ApiError(400, message, param="messages", code="context_length_exceeded")
    stops = StopFilter(request.stops)
    count, finish = 0, "length"
    stream = client.stream(
        tokens=tokens,
        max_tokens=prompt.max_tokens,
        temperature=request.temperature or 0.0,
        top_p=1.0 if request.top_p is None else request.top_p,
        seed=request.seed,
        top_logprobs=(request.top_logprobs or 0) if request.logprobs else -1,
    )
    try:
        for step in stream:
            if "result" in step:
                finish = step["result"]["finish"]
                count = len(step["result"]["tokens"])
                break
            count += 1
            yield Delta(stops.push(step["text"]), _logprobs(step))
            if stops.stopped:
                finish = "stop"
                break
    finally:
        stream.close()
    rest = "" if stops.stopped else stops.end()
    yield Delta(rest, finish=finish, prompt_tokens=len(tokens), completion_tokens=count)


def _logprobs(step: dict[str, Any]) -> list[dict[str, Any]]:
    if "logprob" not in step or not step["bytes"]:
        return []
    top = [log_entry(bytes(raw), score) for raw, score in step["top"]]
    return [{**log_entry(bytes(step["bytes"]), step["logprob"]), "top_logprobs": top}]
