"""Errors as `application/problem+json` (RFC 9457), with the reason code, its stage and what to do next."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

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

MEDIA_TYPE = "application/problem+json"

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
# Reason codes of things that are not there.
_NOT_FOUND = frozenset({"job_unknown", "system_project_unknown", "dataset_import_unknown", "model_unknown"})


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
    plain = error.to_dict()
    headers = {"Retry-After": "5"} if isinstance(error, ProjectBusyError) else {}
    return _answer(_status(error), plain["message"], plain, headers)


def refused(status: HTTPStatus, detail: str, fix: str = "", **headers: str) -> JSONResponse:
    """An answer to a request that reached no operation."""
    about = {"reason_code": "system_request_invalid", "stage": "system", "actionable_fix": fix}
    return _answer(status, detail, about, headers)


def _status(error: NarrowcastError) -> HTTPStatus:
    if error.reason_code in _NOT_FOUND:
        return HTTPStatus.NOT_FOUND
    return next(
        (status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR
    )


def _answer(status: HTTPStatus, detail: str, about: dict[str, Any], headers: dict[str, str]) -> JSONResponse:
    body = Problem(
        title=status.phrase,
        status=status.value,
        detail=detail,
        reason_code=about["reason_code"],
        stage=about["stage"],
        actionable_fix=about["actionable_fix"],
    )
    return JSONResponse(body.model_dump(), status_code=status.value, media_type=MEDIA_TYPE, headers=headers)
