"""Errors in the shape OpenAI's clients read: `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

from typing import Any


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
        """The JSON body."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}


def unsupported(param: str, message: str) -> ApiError:
    """A field or value this server does not honour; it is refused, not ignored."""
    return ApiError(400, message, param=param, code="unsupported_parameter")


def unavailable(message: str, code: str) -> ApiError:
    """Try again later."""
    return ApiError(503, message, kind="server_error", code=code, headers={"Retry-After": "1"})
