"""What contract suites share: whether something is refused in the form of narrowcast's errors."""

from __future__ import annotations

from collections.abc import Callable

from narrowcast.errors import NarrowcastError


def refusal(action: Callable[[], object]) -> NarrowcastError | None:
    """The error with which an action is refused, None where it succeeds; any other exception is raised."""
    try:
        action()
    except NarrowcastError as error:
        return error
    return None
