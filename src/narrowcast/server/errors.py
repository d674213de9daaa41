"""Errors in the shape that the clients of a path read.

Under `/v1` that is OpenAI's, `{"error": {"message", "type", "param", "code"}}`; under `/api` it is
`application/problem+json` (RFC 9457).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from narrowcast.reasons import REASONS

API = "/api/"
PROBLEM = "application/problem+json"


class ApiError(Exception):
    """An answer other than 200.

    Args:
        status: HTTP status.
        message: what is wrong, in one sentence.
        kind: OpenAI's error type.
        param: the request field concerned.
        code: a stable word for programs.
        headers: sent with the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.param = param
        self.code = code
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The JSON body of OpenAI's shape."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}

    def shaped_for(self, path: str) -> tuple[dict[str, Any], str]:
        """Body and media type of an answer to a request for a path."""
        if not path.startswith(API):
            return self.body(), "application/json"
        return problem(self.status, self.message, "system_request_invalid"), PROBLEM


def problem(status: int, detail: str, reason_code: str, fix: str = "") -> dict[str, Any]:
    """The body of an error under `/api`; the fix is by default that of the reason code."""
    reason = REASONS.get(reason_code)
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "reason_code": reason_code,
        "stage": reason.stage.value if reason else "system",
        "actionable_fix": fix or (reason.fix if reason else ""),
    }


def unsupported(param: str, message: str) -> ApiError:
    """A field or value this server does not honour; it is refused, not ignored."""
    return ApiError(400, message, param=param, code="unsupported_parameter")


def unavailable(message: str, code: str) -> ApiError:
    """Try again later."""
    return ApiError(503, message, kind="server_error", code=code, headers={"Retry-After": "1"})
