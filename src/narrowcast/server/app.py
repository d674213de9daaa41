"""The application: chat completions and models of what is served, health, and the whole tool under `/api`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from narrowcast.core.prediction import PromptRequest
from narrowcast.core.settings import Settings
from narrowcast.errors import ModelError
from narrowcast.ops.serve import Served
from narrowcast.plugins.boundary import reported_error
from narrowcast.server.answers import Delta, Plan, plan
from narrowcast.server.caller import WhoAsks
from narrowcast.server.errors import ApiError, unavailable
from narrowcast.server.guard import Access, Guard
from narrowcast.server.host import ModelHost
from narrowcast.server.protocol import ChatRequest, parse_request
from narrowcast.server.queue import FairQueue
from narrowcast.server.threads import InThread
from narrowcast.version import __version__

AnsweredBy = Callable[[PromptRequest], str]

_LOG = logging.getLogger(__name__)
_WATCH_S = 0.5
_LONGEST_WAIT_S = 60.0  # between attempts to load a file that cannot be loaded


class ChatServer:
    """The state behind the routes: what is served, the loaded model, the line before it."""

    def __init__(
        self, served: Served, host: ModelHost, answered_by: AnsweredBy, *, waiting: int = 32
    ) -> None:
        self.served = served
        self._answered_by = answered_by
        self.host = host
        self.queue = FairQueue(waiting)
        self.started = int(time.time())

    def add_to(self, app: FastAPI) -> None:
        """Its routes."""
        app.add_api_route("/v1/models", self.models, methods=["GET"])
        app.add_api_route(f"/v1/models/{self.served.model_id}", self.model, methods=["GET"])
        app.add_api_route("/v1/chat/completions", self.complete, methods=["POST"], response_model=None)

    def health(self) -> JSONResponse:
        """Live: this process answers. Ready: a request would be answered without a restart."""
        ready = self.host.alive
        body = {"status": "ok" if ready else "restarting", "live": True, "ready": ready}
        about = {"model": self.served.model_id, "restarts": self.host.restarts, "waiting": self.queue.waiting}
        return JSONResponse({**body, **about}, status_code=200 if ready else 503)

    @contextlib.asynccontextmanager
    async def watching(self, _: FastAPI) -> AsyncIterator[None]:
        """Restart the model's process whenever it died, so that the next request need not wait for it."""
        watcher = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watcher.cancel()

    async def _watch(self) -> None:
        wait, due = _WATCH_S, 0.0
        while True:
            await asyncio.sleep(_WATCH_S)
            if self.host.alive:
                wait, due = _WATCH_S, 0.0
            elif self.queue.idle and time.monotonic() >= due:
                fault = await asyncio.to_thread(self.host.revive)
                if fault is not None:  # each attempt starts a process and reads the file
                    wait = min(2 * wait, _LONGEST_WAIT_S)
                    due = time.monotonic() + wait
                    _LOG.warning("%s; next attempt in %g s", fault, wait)

    def models(self) -> dict[str, Any]:
        """The one model, as OpenAI lists models."""
        return {"object": "list", "data": [self.model()]}

    def model(self) -> dict[str, Any]:
        """The one model."""
        task = self.served.task
        about = {"run_id": self.served.run_id, "task": task.profile if task else None}
        return {
            "id": self.served.model_id,
            "object": "model",
            "created": self.started,
            "owned_by": "narrowcast",
            "narrowcast": about,
        }

    async def complete(self, http: Request) -> Response:
        """`POST /v1/chat/completions`."""
        request = parse_request(await http.body())
        self._check_model(request.model)
        planned = plan(request, self.served, self._answered_by)
        reply = Reply(self.served.model_id, planned)
        deltas = self._deltas(planned, request, http)
        if not request.stream:
            collected = [delta async for delta in deltas]
            return JSONResponse(
                reply.whole(collected, wants_logprobs=bool(request.logprobs)), headers=reply.headers
            )
        # The first delta is awaited here, so that an early error is an HTTP status and not a chunk.
        first = await anext(deltas)
        usage = bool(request.stream_options and request.stream_options.include_usage)
        events = reply.events(first, deltas, usage=usage)
        return StreamingResponse(events, media_type="text/event-stream", headers=reply.headers)

    def _check_model(self, name: str) -> None:
        if name != self.served.model_id:
            raise ApiError(
                404,
                f"no model is called {name!r}; this server has {self.served.model_id!r}",
                param="model",
                code="model_not_found",
            )

    async def _deltas(
        self, planned: Plan, request: ChatRequest, http: Request
    ) -> AsyncGenerator[Delta, None]:
        async with self.queue.turn():
            try:
                model = await asyncio.to_thread(self.host.model)
            except ModelError as error:
                raise unavailable(f"the model cannot be loaded: {error.what}", "model_unavailable") from error
            work = InThread(lambda: model.answer(planned, request))
            try:
                async for delta in work:
                    yield delta
                    if await http.is_disconnected():
                        break
            finally:
                await work.stop()


class Reply:
    """One answer in OpenAI's shapes; `narrowcast` and the headers say how it came about."""

    def __init__(self, model_id: str, planned: Plan) -> None:
        self._common = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": model_id}
        self._about = {"answered_by": planned.answered_by, "system_prompt": planned.system_prompt}
        self.headers = {"x-narrowcast-answered-by": planned.answered_by}

    def whole(self, deltas: list[Delta], *, wants_logprobs: bool) -> dict[str, Any]:
        """A `chat.completion`."""
        text = "".join(delta.text for delta in deltas)
        calls = [call for delta in deltas for call in delta.calls]
        message = {"role": "assistant", "content": None if calls else text, "refusal": None}
        entries = [entry for delta in deltas for entry in delta.logprobs]
        choice = {
            "index": 0,
            "message": {**message, "tool_calls": calls} if calls else message,
            "logprobs": {"content": entries, "refusal": None} if wants_logprobs else None,
            "finish_reason": deltas[-1].finish,
        }
        return {
            **self._common,
            "object": "chat.completion",
            "choices": [choice],
            "usage": _usage(deltas[-1]),
            "narrowcast": self._about,
        }

    async def events(
        self, first: Delta, rest: AsyncGenerator[Delta, None], *, usage: bool
    ) -> AsyncIterator[str]:
        """Server-sent events; an error after the first chunk is an event of its own, as OpenAI sends it."""
        last = first
        try:
            yield self._chunk({"role": "assistant", "content": ""}, None)
            yield self._delta(first)
            async for last in rest:
                yield self._delta(last)
            if usage:
                body = {"object": "chat.completion.chunk", "choices": [], "usage": _usage(last)}
                yield _event({**self._common, **body, "narrowcast": self._about})
            yield "data: [DONE]\n\n"
        except ApiError as error:
            yield _event(error.body())
        finally:
            with contextlib.suppress(RuntimeError):  # it ended already
                await rest.aclose()

    def _delta(self, delta: Delta) -> str:
        logprobs = {"content": delta.logprobs, "refusal": None} if delta.logprobs else None
        if delta.finish is None:
            return self._chunk({"content": delta.text}, logprobs)
        text = self._chunk({"content": delta.text}, logprobs) if delta.text else ""
        calls = [{"index": index, **call} for index, call in enumerate(delta.calls)]
        text += self._chunk({"tool_calls": calls}, logprobs) if calls else ""
        return text + self._chunk({}, None, delta.finish)

    def _chunk(self, delta: dict[str, Any], logprobs: Any, finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return _event({**self._common, "object": "chat.completion.chunk", "choices": [choice]})


def _event(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def _usage(delta: Delta) -> dict[str, int]:
    total = delta.prompt_tokens + delta.completion_tokens
    return {
        "prompt_tokens": delta.prompt_tokens,
        "completion_tokens": delta.completion_tokens,
        "total_tokens": total,
    }


def build_app(chat: ChatServer | None, access: Access, api: tuple[Settings, WhoAsks] | None = None) -> Any:
    """The ASGI application.

    Args:
        chat: what answers chat completions; its host is closed by the caller. None where no model is served.
        access: who is let in.
        api: the workspace whose operations are served under `/api`, and who asks for them; None for none.
    """
    app = FastAPI(
        title="narrowcast",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=chat.watching if chat else None,
    )
    for path in ("/health", "/health/ready"):
        app.add_api_route(path, chat.health if chat else _live, methods=["GET"], response_model=None)
    app.add_api_route("/health/live", _live, methods=["GET"], response_model=None)
    if chat:
        chat.add_to(app)
    if api:
        from narrowcast.server.api import add_api

        add_api(app, *api)
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(Exception, _unexpected)
    app.add_exception_handler(404, _not_found)
    app.add_exception_handler(405, _not_found)
    return Guard(app, access)


async def _live() -> JSONResponse:
    """200 as long as this process answers, also while a model's process is restarted."""
    return JSONResponse({"live": True})


async def _api_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return _answer(request, error)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    reported = reported_error(error)
    return _answer(request, ApiError(500, reported.what, kind="server_error", code=reported.reason_code))


async def _not_found(request: Request, error: Exception) -> JSONResponse:
    status = getattr(error, "status_code", 404)
    what = f"{request.method} {request.url.path} is not served here"
    return _answer(request, ApiError(status, what, code="not_found"))


def _answer(request: Request, error: ApiError) -> JSONResponse:
    body, media_type = error.shaped_for(request.url.path)
    return JSONResponse(body, status_code=error.status, headers=error.headers, media_type=media_type)
