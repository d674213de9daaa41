"""The server on loopback that web, bucket and hub locators of an input are answered by."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from tests.connectors.conftest import FileHandler, Site, serve


class RawSite:
    """Answers each connection with the same bytes, whatever was asked."""

    def __init__(self) -> None:
        self.answer = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection, suppress(OSError):
                connection.settimeout(5)
                asked = b""
                while b"\r\n\r\n" not in asked and (part := connection.recv(65536)):
                    asked += part
                connection.sendall(self.answer)


class _Patient(FileHandler):
    """A client that goes away is none of its business."""

    def handle(self) -> None:
        """Answer what is asked on one connection."""
        with suppress(ConnectionError):
            super().handle()


class Sites:
    """Every server that an input may need, started when it is first needed."""

    def __init__(self) -> None:
        self.raw = RawSite()
        self._serving: list[Iterator[Site]] = []
        self._named: dict[str, Site] = {}

    def offer(self, handler: type[FileHandler], files: Mapping[str, bytes]) -> Site:
        """The server of a kind, with these files alone."""
        name = handler.__name__
        if name not in self._named:
            serving = serve(type(name, (_Patient, handler), {}))
            self._serving.append(serving)
            self._named[name] = next(serving)
        site = self._named[name]
        site.files.clear()
        site.files.update(files)
        return site


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Variables for the length of the block."""
    import os

    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
