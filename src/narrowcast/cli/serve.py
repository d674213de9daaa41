"""`narrowcast serve`."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from narrowcast.cli.options import ProjectOption, request_command
from narrowcast.ops.requests import ServeRequest

if TYPE_CHECKING:
    from narrowcast.ops.serve import Served


@request_command
def serve(request: ServeRequest, project: ProjectOption = None) -> None:
    """Serve an exported model over the OpenAI protocol.

    Requests get the prompt that the model was trained and measured with.
    """
    from narrowcast.cli.output import say
    from narrowcast.cli.state import open_project, settings
    from narrowcast.cli.verdict import show_verdict
    from narrowcast.server.run import serve as listen

    def ready(served: Served | None, url: str) -> None:
        what = served.model_id if served else "the API"
        say(f"[bold]{what}[/] is served at {url}  (stop with ctrl-C)")
        if served:
            show_verdict(served.verdict)

    alone = request.names_file or (request.api and project is None and not request.model)
    with nullcontext(settings()) if alone else open_project(project) as place:
        listen(place, request, ready)
