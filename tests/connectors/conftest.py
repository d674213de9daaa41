"""A web server on loopback that does what file servers do: etags, ranges, redirects, breaking off."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from narrowcast.connectors.base import SourceAccess


@dataclass
class Site:
    """What the server offers and what it was asked.

    Attributes:
        files: path → content.
        types: path → content type.
        redirects: path → location.
        break_after: bytes of a body after which the connection is cut, once for each path named.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    break_after: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    url: str = ""


class FileHandler(BaseHTTPRequestHandler):
    """GET and HEAD of `site.files`."""

    site: Site
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Tests print nothing."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.site.asked.append((self.command, self.path, dict(self.headers)))
        if path in self.site.redirects:
            self.answer(302, b"", {"Location": self.site.redirects[path]})
        elif path not in self.site.files:
            self.answer(404, b"no such file")
        else:
            self.send_content(path, self.site.files[path])

    do_HEAD = do_GET  # noqa: N815

    def send_content(self, path: str, content: bytes) -> None:
        """Whole, a range, or only that it did not change."""
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        headers = {"ETag": etag, "Content-Type": self.site.types.get(path, "application/octet-stream")}
        headers |= {"Accept-Ranges": "bytes", "Last-Modified": "Fri, 20 Nov 2026 10:00:00 GMT"}
        if self.headers.get("If-None-Match") == etag:
            self.answer(304, b"", headers)
            return
        wanted = self.headers.get("Range")
        if wanted and self.headers.get("If-Range", etag) == etag:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            end = min(int(last or len(content) - 1), len(content) - 1)
            headers["Content-Range"] = f"bytes {first}-{end}/{len(content)}"
            self.answer(206, content[int(first) : end + 1], headers)
            return
        self.answer(200, content, headers, self.site.break_after.pop(path, None))

    def answer(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, cut: int | None = None
    ) -> None:
        """Send it; with `cut`, close the connection after so many bytes of the body."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut])
        if cut is not None:
            self.close_connection = True


def serve(handler: type[FileHandler], port: int = 0) -> Iterator[Site]:
    """Run a server as long as the test."""
    site = Site()
    bound = type("Bound", (handler,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", port), bound)
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    """Files over HTTP."""
    yield from serve(FileHandler)


@pytest.fixture
def access(tmp_path: Path) -> SourceAccess:
    """Loopback allowed, as every test server is there."""
    return SourceAccess(tmp_path / "downloads", allow_private=True)
