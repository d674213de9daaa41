"""A request through the model, asked as it was measured.

With a task (from the bundle) the task's handler builds the prompt, so a lone user message gets the system
prompt of training, and a closed label set is answered by scoring the label trie, the very code that
evaluation ran. Without a task the file is an ordinary chat model.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any

from narrowcast.core.message import Message
from narrowcast.core.prediction import PromptRequest
from narrowcast.models.llama_client import RequestRefusedError, WorkerDiedError
from narrowcast.models.predictors.llama import LlamaPredictor
from narrowcast.models.template import TemplateRefusedError
from narrowcast.ops.serve import Served
from narrowcast.server.asked import prompt_of
from narrowcast.server.errors import ApiError, unavailable
from narrowcast.server.protocol import ChatRequest
from narrowcast.server.stops import StopFilter
from narrowcast.tasks import handler_for

DEFAULT_TOKENS = 256

CallsIn = Callable[[str], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer; the last one carries `finish` and the token counts."""

    text: str = ""
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    """Function calls, in OpenAI's form."""
    finish: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """How a request will be answered."""

    prompt: PromptRequest
    answered_by: str
    """`label_trie` or `generation`."""
    system_prompt: str
    """`added` (the task's), `kept` (the client's) or `none`."""
    calls_in: CallsIn | None = None
    """Reads calls in the answer, where the request has tools; the answer is then given as a whole."""


def plan(request: ChatRequest, served: Served) -> Plan:
    """Decide how to answer.

    Raises:
        ApiError: 400, as `prompt_of`.
    """
    prompt = prompt_of(request, served, request.token_limit or DEFAULT_TOKENS)
    answered_by = "generation" if prompt.labels is None else "label_trie"
    calls_in = handler_for(served.task).calls_in if request.tools and served.task else None
    return Plan(prompt, answered_by, _system_prompt(request, prompt.messages), calls_in)


def _system_prompt(request: ChatRequest, prompt: tuple[Message, ...]) -> str:
    if any(turn.role in ("system", "developer") for turn in request.messages):
        return "kept"
    return "added" if prompt[0].role == "system" else "none"


def answer(plan: Plan, request: ChatRequest, predictor: LlamaPredictor) -> Generator[Delta, None, None]:
    """Deltas of one answer; blocks while the model works, so it runs in a thread.

    Raises:
        ApiError: 503 where the child died; 400 where the prompt does not fit the context, or the chat
            template refuses it.
    """
    try:
        if plan.prompt.labels is not None:
            yield _label(plan.prompt, request, predictor)
        elif plan.calls_in is not None:
            yield _with_calls(list(_generate(plan.prompt, request, predictor)), plan.calls_in)
        else:
            yield from _generate(plan.prompt, request, predictor)
    except WorkerDiedError as error:
        raise unavailable("the model's process died; send the request again", "worker_died") from error
    except RequestRefusedError as error:
        code = "context_length_exceeded" if error.kind == "context" else "invalid_value"
        raise ApiError(400, error.what, param="messages", code=code) from error
    except TemplateRefusedError as error:
        raise ApiError(400, error.what, param="messages", code="invalid_value") from error


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
    """The likeliest label, as one delta; its probability over the label set stands as a single token's."""
    tokens = len(predictor.client.tokenize_prompt(prompt.messages))
    prediction = predictor.predict([prompt])[0]
    scores = sorted((prediction.logprobs or {}).items(), key=lambda item: -item[1])
    entry = _entry(prediction.text.encode(), dict(scores)[prediction.text])
    top = [_entry(label.encode(), score) for label, score in scores[: request.top_logprobs or 0]]
    return Delta(
        text=prediction.text,
        logprobs=[{**entry, "top_logprobs": top}] if request.logprobs else [],
        finish="stop",
        prompt_tokens=tokens,
        completion_tokens=len(predictor.client.tokenize_answer(prediction.text)),
    )


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
    top = [_entry(bytes(raw), score) for raw, score in step["top"]]
    return [{**_entry(bytes(step["bytes"]), step["logprob"]), "top_logprobs": top}]


def _entry(raw: bytes, score: float) -> dict[str, Any]:
    return {
        "token": raw.decode("utf-8", "replace"),
        "logprob": score if math.isfinite(score) else -9999.0,
        "bytes": list(raw),
    }
