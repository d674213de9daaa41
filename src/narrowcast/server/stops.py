"""Stop sequences over a stream: text that might still become one is held back until it is known."""

from __future__ import annotations

from collections.abc import Sequence


class StopFilter:
    """Feed pieces of text; what comes out holds no stop sequence."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""
        self.stopped = False

    def push(self, text: str) -> str:
        """The text that is safe to send now; nothing after a stop sequence was seen."""
        if self.stopped:
            return ""
        self._held += text
        places = [index for stop in self._stops if (index := self._held.find(stop)) >= 0]
        if places:
            self.stopped = True
            safe, self._held = self._held[: min(places)], ""
            return safe
        keep = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        cut = len(self._held) - keep
        safe, self._held = self._held[:cut], self._held[cut:]
        return safe

    def end(self) -> str:
        """What was held back and became no stop sequence."""
        rest, self._held = self._held, ""
        return rest


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    for size in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0
