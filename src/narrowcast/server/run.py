"""The listening process: find the file, bind, announce, serve until stopped, end the child."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from typing import Any

from narrowcast.core.settings import Settings
from narrowcast.errors import UsageError
from narrowcast.ops.requests import ServeRequest
from narrowcast.ops.serve import Served, find_served
from narrowcast.pipeline.project import Project
from narrowcast.plugins.optional import require
from narrowcast.reasons import StageName
from narrowcast.server.engine import engine_of
from narrowcast.server.guard import LOOPBACK, Access
from narrowcast.server.host import ModelHost, OnRestart

_BACKLOG = 128


def serve(place: Project | Settings, request: ServeRequest, on_ready: Callable[[Served, str], None]) -> None:
    """Serve until SIGINT or SIGTERM; a project's trail says when that began and when a worker was replaced.

    Args:
        place: the project whose bundle is served; settings alone where a file is named by its path.
        request: what is served, and where.
        on_ready: called with what is served and its base URL once requests are answered.

    Raises:
        UsageError: an open address without a token, or one that cannot be bound.
        ModelError: if the file is not there or cannot be loaded.
    """
    served = find_served(place, request)
    settings = place.settings if isinstance(place, Project) else place
    token = request.token or (settings.serve_token.get_secret_value() if settings.serve_token else None)

    def emit(code: str, message: str, payload: dict[str, Any]) -> None:
        if isinstance(place, Project):
            place.trail.emit(StageName.DEPLOYMENT, code, message, payload=payload, run=served.run_id)

    if served.verdict is not None and served.verdict.blocks:
        conclusion = served.verdict.conclusion
        emit(
            "deployment_model_forced",
            f"served on request: {conclusion.sentence}",
            {"standing": conclusion.standing},
        )

    def ready(url: str, pid: int | None) -> None:
        emit("deployment_serve_started", f"{served.model_id} is served", {"url": url, "pid": pid})
        on_ready(served, url)

    def restarted(count: int) -> None:
        emit("deployment_worker_restarted", f"{served.model_id}: restart {count}", {"restarts": count})

    _listen(served, request.host, request.port, token, restarted, ready)


def _listen(
    served: Served,
    host: str,
    port: int,
    token: str | None,
    on_restart: OnRestart,
    on_ready: Callable[[str, int | None], None],
) -> None:
    engine = engine_of(served.path)
    require("fastapi", "uvicorn", purpose="serving", extra=engine.extra)
    if host not in LOOPBACK and not token:
        raise UsageError(
            "a token is required to listen on an address other than loopback",
            where=f"--host {host}",
            next_command=f"narrowcast serve --host {host} --token SECRET",
        )
    import uvicorn

    from narrowcast.server.app import build_app

    with closing(_bind(host, port)) as listener:
        model = ModelHost(lambda: engine.open(served.path), on_restart)
        with closing(model):
            access = Access(token=token, any_host=host not in LOOPBACK)
            configuration = uvicorn.Config(
                build_app(served, model, engine.answered_by, access),
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=5,
            )
            address = f"[{host}]" if ":" in host else host
            server: Any = uvicorn.Server(configuration)
            server.capture_signals = nullcontext
            with _signals_to(server.handle_exit):
                on_ready(f"http://{address}:{listener.getsockname()[1]}/v1", model.pid)
                server.run(sockets=[listener])


@contextmanager
def _signals_to(handler: Any) -> Iterator[None]:
    """SIGINT and SIGTERM ask for the end; uvicorn alone would then end this process before the child."""
    former = {each: signal.signal(each, handler) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, before in former.items():
            signal.signal(each, before)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named TCP, so that asyncio sends what is written immediately; otherwise a client that reuses its
    # connection waits 40 ms for each answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(
            f"the address cannot be bound: {error}",
            where=f"{host}:{port}",
            next_command="narrowcast serve --port 8090, or any other free port",
        ) from error
    return listener
