"""Endpoints of the routes: understand the request, check the caller, call or submit, answer."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import FastAPI
from fastapi import Request as HttpRequest
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from narrowcast.core.settings import Settings
from narrowcast.errors import NarrowcastError
from narrowcast.jobs.control import submit
from narrowcast.jobs.record import Job
from narrowcast.jobs.requests import SubmitRequest
from narrowcast.ops.operations import as_json, call
from narrowcast.pipeline.project import Project
from narrowcast.plugins.boundary import reported_error
from narrowcast.server.api.asked import Asked, asked
from narrowcast.server.api.paging import page_of
from narrowcast.server.api.problems import problem_of, refused
from narrowcast.server.api.route import Route
from narrowcast.server.api.routes import ROUTES
from narrowcast.server.caller import Caller, WhoAsks

Endpoint = Callable[[HttpRequest], Awaitable[Response]]


def add_routes(app: FastAPI, settings: Settings, who_asks: WhoAsks) -> None:
    """Give an application every route of the API.

    Args:
        app: the application.
        settings: of the workspace.
        who_asks: the caller of a request, which the guard has let in.
    """
    for route in ROUTES:
        app.add_api_route(
            route.path,
            _endpoint(route, settings, who_asks),
            methods=[route.method],
            name=f"{route.method} {route.path}",
            response_model=None,
            include_in_schema=False,  # the document is made of the operations: openapi.py
        )


def _endpoint(route: Route, settings: Settings, who_asks: WhoAsks) -> Endpoint:
    async def answer(http: HttpRequest) -> Response:
        caller = who_asks(http)
        try:
            understood = await asked(http, route)
            mine = settings.model_copy(update={"actor": caller.name})
            return await run_in_threadpool(_answer, route, understood, caller, mine, http)
        except NarrowcastError as error:
            return problem_of(error)
        except Exception as error:  # noqa: BLE001 - no traceback reaches a user
            return problem_of(reported_error(error))

    return answer


def _answer(
    route: Route, understood: Asked, caller: Caller, settings: Settings, http: HttpRequest
) -> Response:
    operation, number = route.operation, None
    if understood.project is not None:
        with Project.open(settings, understood.project) as project:
            number = project.id
    if refusal := caller.refusal(operation, number):
        return refused(HTTPStatus.FORBIDDEN, refusal)
    if operation.is_long and not understood.is_dry_run:
        return _accepted(_submitted(route, understood, settings))
    result = call(operation, settings, understood.project, understood.request, named=understood.named)
    plain = as_json(operation, result)
    if route.key:
        plain = page_of(plain, route.key, http).model_dump()
    status = HTTPStatus.CREATED if route.name == "projects.create" else HTTPStatus.OK
    return JSONResponse(plain, status_code=status)


def _submitted(route: Route, understood: Asked, settings: Settings) -> Job:
    request = understood.request
    given = request.model_dump(mode="json", exclude_unset=True) if request else {}
    command = ["call", route.name, json.dumps({**given, **understood.named})]
    with Project.open(settings, understood.project) as project:
        return submit(project, SubmitRequest.model_validate({"commands": [command]}))


def _accepted(job: Job) -> JSONResponse:
    """202: the job, and where to see how it goes."""
    where = f"/api/jobs/{job.id}"
    return JSONResponse(
        {"job": job.model_dump(mode="json"), "events": f"{where}/events"},
        status_code=HTTPStatus.ACCEPTED,
        headers={"Location": where},
    )
