"""The listening process: find the file, bind, announce, serve until stopped, end the child."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from narrowcast.core.settings import Settings
from narrowcast.errors import UsageError
from narrowcast.ops.operations import Role
from narrowcast.ops.requests import ServeRequest
from narrowcast.ops.serve import Served, find_served
from narrowcast.pipeline.project import Project
from narrowcast.plugins.optional import require
from narrowcast.reasons import StageName
from narrowcast.server.engine import engine_of
from narrowcast.server.guard import LOOPBACK, Access
from narrowcast.server.host import ModelHost, OnRestart
from narrowcast.store.runs import current_run

if TYPE_CHECKING:
    from narrowcast.server.app import ChatServer
    from narrowcast.server.caller import WhoAsks

_BACKLOG = 128


def serve(
    place: Project | Settings, request: ServeRequest, on_ready: Callable[[Served | None, str], None]
) -> None:
    """Serve until SIGINT or SIGTERM; a project's trail says when that began and when a worker was replaced.

    Args:
        place: the project whose bundle is served; settings alone where a file is named by its path, or where
            the API is served without a model.
        request: what is served, and where.
        on_ready: called with the model that is served (None: the API alone) and its base URL once requests
            are answered.

    Raises:
        UsageError: an open address without a token, or one that cannot be bound.
        ModelError: if the file is not there or cannot be loaded.
    """
    settings = place.settings if isinstance(place, Project) else place
    served = None if request.api and not _has_model(place, request) else find_served(place, request)
    token = request.token or (settings.serve_token.get_secret_value() if settings.serve_token else None)
    access = _access(request.host, token, api=request.api)

    def emit(code: str, message: str, payload: dict[str, Any]) -> None:
        if isinstance(place, Project):
            run = served.run_id if served else None
            place.trail.emit(StageName.DEPLOYMENT, code, message, payload=payload, run=run)

    if served is not None and served.verdict is not None and served.verdict.blocks:
        conclusion = served.verdict.conclusion
        emit(
            "deployment_model_forced",
            f"served on request: {conclusion.sentence}",
            {"standing": conclusion.standing},
        )

    def restarted(count: int) -> None:
        assert served is not None
        emit("deployment_worker_restarted", f"{served.model_id}: restart {count}", {"restarts": count})

    with closing(_bind(request.host, request.port)) as listener, _chat(served, restarted) as chat:
        from narrowcast.server.app import build_app

        app = build_app(chat, access, (settings, _owner(settings)) if request.api else None)
        host = f"[{request.host}]" if ":" in request.host else request.host
        url = f"http://{host}:{listener.getsockname()[1]}"

        def ready() -> None:
            name = served.model_id if served else "the API"
            pid = chat.host.pid if chat else None
            emit("deployment_serve_started", f"{name} is served", {"url": url, "pid": pid})
            on_ready(served, f"{url}/v1" if served else f"{url}/api")

        _listen(app, listener, ready)


def _has_model(place: Project | Settings, request: ServeRequest) -> bool:
    """Whether a model is named, or a bundle is there to be served."""
    if request.model or not isinstance(place, Project):
        return request.model is not None
    record = current_run(place.paths)
    return record is not None and (place.paths.gguf / record.run_id / "bundle.json").is_file()


def _access(host: str, token: str | None, *, api: bool) -> Access:
    if api and host not in LOOPBACK:
        raise UsageError(
            "the API reads any file that its user can read, so it is served on loopback only",
            where=f"--host {host}",
            next_command="reach it by a tunnel, such as ssh -L 8080:127.0.0.1:8080",
        )
    if host not in LOOPBACK and not token:
        raise UsageError(
            "a token is required to listen on an address other than loopback",
            where=f"--host {host}",
            next_command=f"narrowcast serve --host {host} --token SECRET",
        )
    return Access(token=token, any_host=host not in LOOPBACK)


def _owner(settings: Settings) -> WhoAsks:
    """Whoever the guard lets in sits at this machine, or has the server's own token."""
    from narrowcast.server.caller import Caller

    caller = Caller(settings.actor, Role.OWNER)
    return lambda _: caller


@contextmanager
def _chat(served: Served | None, on_restart: OnRestart) -> Iterator[ChatServer | None]:
    """The model that answers, loaded for the length of the block."""
    if served is None:
        require("fastapi", "uvicorn", purpose="serving", extra="serve")
        yield None
        return
    engine = engine_of(served.path)
    require("fastapi", "uvicorn", purpose="serving", extra=engine.extra)
    from narrowcast.server.app import ChatServer

    with closing(ModelHost(lambda: engine.open(served.path), on_restart)) as host:
        yield ChatServer(served, host, engine.answered_by)


def _listen(app: Any, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    import uvicorn

    configuration = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=5
    )
    server: Any = uvicorn.Server(configuration)
    server.capture_signals = nullcontext
    with _signals_to(server.handle_exit):
        on_ready()
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
