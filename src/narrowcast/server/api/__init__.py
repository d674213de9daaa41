"""The tool over HTTP: every operation of `ops/operations.py` as a route, one module a noun.

A module lists its routes as data; `build.py` makes FastAPI endpoints of them. What takes long is submitted as
a job and answered with 202; `jobs.py` streams how it goes.
"""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from narrowcast.core.settings import Settings
from narrowcast.server.api.endpoints import add_routes
from narrowcast.server.api.job_events import add_job_events
from narrowcast.server.api.openapi import document
from narrowcast.server.caller import WhoAsks


def add_api(app: FastAPI, settings: Settings, who_asks: WhoAsks) -> None:
    """Give an application the API of a workspace and its OpenAPI document."""
    app.add_api_route("/api/openapi.json", _document, methods=["GET"], response_model=None)
    add_job_events(app, settings)
    add_routes(app, settings, who_asks)


def _document() -> JSONResponse:
    return JSONResponse(document())
