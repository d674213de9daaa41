"""Errors as `application/problem+json` (RFC 9457), with the reason code, its stage and what to do next."""

from __future__ import annotations

from http import HTTPStatus

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from narrowcast.errors import (
    CancelledError,
    DataError,
    GateError,
    MissingExtraError,
    ModelError,
    NarrowcastError,
    PluginError,
    ProjectBusyError,
    StageError,
    UsageError,
    WorkspaceError,
)
from narrowcast.server.errors import PROBLEM, problem

# The first class that an error is an instance of decides.
_STATUS: tuple[tuple[type[NarrowcastError], HTTPStatus], ...] = (
    (MissingExtraError, HTTPStatus.NOT_IMPLEMENTED),
    (UsageError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ProjectBusyError, HTTPStatus.CONFLICT),
    (WorkspaceError, HTTPStatus.SERVICE_UNAVAILABLE),
    (DataError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ModelError, HTTPStatus.CONFLICT),
    (GateError, HTTPStatus.CONFLICT),
    (StageError, HTTPStatus.CONFLICT),
    (CancelledError, HTTPStatus.CONFLICT),
    (PluginError, HTTPStatus.BAD_GATEWAY),
)
# The end of the reason codes of things that are not there.
_NOT_THERE = "_unknown"


class Problem(BaseModel):
    """The body of every answer that is an error."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: str = "about:blank"
    title: str
    """Of the status."""
    status: int
    detail: str
    """What is wrong, and where."""
    reason_code: str
    """From the closed list in docs/reason-codes.md."""
    stage: str
    """Of the pipeline, which the reason code belongs to."""
    actionable_fix: str
    """What to do next, as a command line where there is one."""


def problem_of(error: NarrowcastError) -> JSONResponse:
    """The answer to a request that failed."""
    plain, status = error.to_dict(), _status(error)
    body = problem(status, plain["message"], plain["reason_code"], plain["actionable_fix"])
    headers = {"Retry-After": "5"} if isinstance(error, ProjectBusyError) else {}
    return JSONResponse(body, status_code=status, media_type=PROBLEM, headers=headers)


def refused(status: HTTPStatus, detail: str) -> JSONResponse:
    """An answer to a request that reached no operation."""
    return JSONResponse(
        problem(status, detail, "system_request_invalid"), status_code=status, media_type=PROBLEM
    )


def _status(error: NarrowcastError) -> HTTPStatus:
    if error.reason_code.endswith(_NOT_THERE):
        return HTTPStatus.NOT_FOUND
    return next(
        (status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR
    )
