"""What a command is expected to take: said before it begins, and in its dry run."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from narrowcast.core.progress_lines import duration

LONG = 10.0
"""Seconds from which a command says what it takes before it begins."""


class WorkForecast(BaseModel):
    """Time, memory and disk of a command; None where something is not known."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    seconds: float | None = None
    memory_bytes: int | None = None
    disk_bytes: int | None = None
    basis: str = ""
    """What the time follows from; where it is not known, why."""

    @property
    def sentence(self) -> str:
        """In words: `about 3 min 10 s, 220 MB of memory and 61 MB of disk (from 10 steps)`."""
        time = "time not known" if self.seconds is None else f"about {duration(max(self.seconds, 1))}"
        room = [
            f"{size(count)} of {what}"
            for count, what in ((self.memory_bytes, "memory"), (self.disk_bytes, "disk"))
            if count is not None
        ]
        text = f"{', '.join([time, *room[:-1]])} and {room[-1]}" if room else time
        return f"{text} ({self.basis})" if self.basis else text


def size(count: float) -> str:
    """Bytes in megabytes, or gigabytes where they are many."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{max(count / 1e6, 1):,.0f} MB"
