"""One request at a time, first come first served, with a bounded line of waiting ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from narrowcast.server.errors import unavailable


class FairQueue:
    """The line before the model. `asyncio.Lock` wakes its waiters in order of arrival.

    Args:
        length: requests that may wait; one more is rejected immediately.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._lock = asyncio.Lock()
        self.waiting = 0

    @property
    def idle(self) -> bool:
        """Whether no request holds the model."""
        return not self._lock.locked()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn and hold the model for the length of the block.

        Raises:
            ApiError: 503 where the line is full.
        """
        if self.waiting >= self._length:
            raise unavailable(f"{self._length} requests are waiting already", "queue_full")
        self.waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self._lock.release()
