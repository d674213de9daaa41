"""A blocking iterator run in a thread, its items read by the event loop.

asyncio and not a task group of anyio: a streamed answer begins in one task and ends in another (the framework
sends it from a task of its own), and anyio lets a task group, and a lock, be left only where it was entered.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import closing
from typing import Any


class InThread:
    """Run `make()` to its end, or until `stop`, in one thread; iterate to get the items.

    An exception of the thread is raised where the items are read.
    """

    def __init__(self, make: Callable[[], Generator[Any, None, None]]) -> None:
        self._make = make
        self._items: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self._stopping = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._thread = self._loop.run_in_executor(None, self._run)

    def _run(self) -> None:
        try:
            with closing(self._make()) as items:
                for item in items:
                    self._put("item", item)
                    if self._stopping.is_set():
                        break
        except Exception as error:  # noqa: BLE001 - handed to the reader, which raises it
            self._put("error", error)
        self._put("end", None)

    def _put(self, kind: str, value: Any) -> None:
        self._loop.call_soon_threadsafe(self._items.put_nowait, (kind, value))

    async def __aiter__(self) -> AsyncIterator[Any]:
        while True:
            kind, value = await self._items.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value

    async def stop(self) -> None:
        """End after the item in progress, and wait for the thread."""
        self._stopping.set()
        await asyncio.shield(self._thread)
