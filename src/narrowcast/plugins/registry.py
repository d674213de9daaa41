"""`Registry[T]`: names to implementations, loaded only when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar, cast

from narrowcast.errors import UsageError

T = TypeVar("T")


class Registry(Generic[T]):
    """A closed table of built-ins (`"module:attribute"` strings) plus third-party entry points.

    Entry points of the group `narrowcast.<kind>` are looked up only when a built-in of that name does
    not exist, so that start-up never pays for them and a plug-in can not replace a built-in.
    """

    def __init__(self, kind: str, builtins: Mapping[str, str]) -> None:
        self.kind = kind
        self._builtins = dict(builtins)

    def names(self) -> list[str]:
        """Built-ins in their order, then third parties by name."""
        extra = sorted(point.name for point in self._entry_points() if point.name not in self._builtins)
        return [*self._builtins, *extra]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: str) -> bool:
        return name in self.names()

    def get(self, name: str) -> T:
        """The implementation called `name`.

        Raises:
            UsageError: for an unknown name, with the nearest known ones.
        """
        if name in self._builtins:
            module, _, attribute = self._builtins[name].partition(":")
            return cast(T, getattr(import_module(module), attribute))
        for point in self._entry_points():
            if point.name == name:
                return cast(T, point.load())
        known = self.names()
        near = get_close_matches(name, known, n=3) or known
        raise UsageError(
            f"no {self.kind} is called {name!r}",
            where=f"known: {', '.join(known)}",
            next_command=f"use one of: {', '.join(near)}",
        )

    def _entry_points(self) -> list[Any]:
        return list(entry_points(group=f"narrowcast.{self.kind.replace(' ', '_')}"))
