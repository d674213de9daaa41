"""Who may ask. On loopback the danger is a page in the user's browser: DNS rebinding, cross-site requests.

Pure ASGI, so that a refused request never reaches a route and a large body is cut while it arrives.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from narrowcast.plugins.boundary import reported_error
from narrowcast.server.errors import ApiError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
HEALTH = ("/health", "/health/live", "/health/ready")
# A name or an address, and a port: no user, no path, nothing that two parsers could read differently.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """The rules.

    Attributes:
        token: bearer token that every request but those of `HEALTH` must carry; None asks for none.
        any_host: bound beyond loopback, where names cannot be known; the token protects then.
        largest_body: bytes.
    """

    token: str | None = None
    any_host: bool = False
    largest_body: int = 1 << 20


class Guard:
    """ASGI middleware."""

    def __init__(self, app: Any, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Refuse, or hand on with a receive that counts bytes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sent(message: dict[str, Any]) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._answer(scope, receive, sent)
        except asyncio.CancelledError:  # the server stops, and the time it gives to requests is over
            if not begun:
                await _refuse(_stopping(), scope, send)

    async def _answer(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            self._check(headers, scope["path"])
            body = await _read(receive, headers, self._access.largest_body)
        except ApiError as error:
            await _refuse(error, scope, send)
            return
        try:
            await self._app(scope, _replay(body, receive), send)
        except Exception as error:  # noqa: BLE001 - the framework has answered, and raises it to be logged
            _LOG.error("%s", reported_error(error))

    def _check(self, headers: dict[str, str], path: str) -> None:
        given = headers.get("host", "")
        host = _name(f"//{given}") if _HOST.fullmatch(given) else ""
        if not host or (not self._access.any_host and host not in LOOPBACK):
            raise ApiError(403, f"requests for host {given!r} are refused", code="host_not_allowed")
        origin = headers.get("origin")
        if origin is not None and _name(origin) not in {*LOOPBACK, host} - {""}:
            raise ApiError(403, f"requests from {origin} are refused", code="origin_not_allowed")
        token = self._access.token
        if token is None or path in HEALTH:
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secrets.compare_digest(given.encode(), token.encode()):
            raise ApiError(
                401, "a bearer token is required", kind="authentication_error", code="invalid_api_key"
            )


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


async def _read(receive: Any, headers: dict[str, str], largest: int) -> bytes:
    declared = headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > largest:
        raise _too_large(largest)
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return body
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > largest:
            raise _too_large(largest)
        if not message.get("more_body"):
            return body


def _replay(body: bytes, receive: Any) -> Any:
    """Give the body once, then whatever comes after it (the client's disconnect)."""
    given = False

    async def again() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _too_large(largest: int) -> ApiError:
    return ApiError(413, f"the request is larger than {largest:,} bytes", code="request_too_large")


def _stopping() -> ApiError:
    return ApiError(503, "the server is stopping", kind="server_error", code="server_stopping")


async def _refuse(error: ApiError, scope: dict[str, Any], send: Any) -> None:
    shaped, media_type = error.shaped_for(scope["path"])
    body = json.dumps(shaped).encode()
    headers = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
