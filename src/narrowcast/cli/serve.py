"""`narrowcast serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from narrowcast.cli.options import ProjectOption


def serve(
    project: ProjectOption = None,
    model: Annotated[
        str | None, typer.Option(help="A quantisation of the bundle (q8_0), or a path to a .gguf file.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond loopback only with a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8080,
    token: Annotated[
        str | None, typer.Option(envvar="NARROWCAST_SERVE_TOKEN", help="Bearer token requests must carry.")
    ] = None,
) -> None:
    """Serve an exported file over the OpenAI protocol, asked as it was measured."""
    from narrowcast.cli.output import say
    from narrowcast.cli.state import open_project
    from narrowcast.ops.serve import find_served
    from narrowcast.reasons import StageName
    from narrowcast.server.run import serve as listen

    opened = None if model and model.endswith(".gguf") else open_project(project)
    served = find_served(opened, model)

    def emit(code: str, message: str, payload: dict[str, object]) -> None:
        if opened is not None:
            opened.trail.emit(StageName.DEPLOYMENT, code, message, payload=payload, run=served.run_id)

    def ready(url: str, pid: int | None) -> None:
        emit("deployment_serve_started", f"{served.model_id} is served", {"url": url, "pid": pid})
        say(f"[bold]{served.model_id}[/] is served at {url}  (Ctrl-C ends it)")

    def restarted(count: int) -> None:
        emit("deployment_worker_restarted", f"{served.model_id}: restart {count}", {"restarts": count})

    listen(served, host=host, port=port, token=token, on_restart=restarted, on_ready=ready)
