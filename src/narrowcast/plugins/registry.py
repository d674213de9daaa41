"""`Registry[T]`: names to implementations, loaded only when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from narrowcast.errors import NarrowcastError, PluginError, UsageError
from narrowcast.plugins.boundary import Origin, load, origin_of
from narrowcast.plugins.contract import Check

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A third party's entry, and what keeps it from being used (empty: nothing)."""

    kind: str
    name: str
    origin: Origin
    problem: str


class Registry(Generic[T]):
    """A closed table of built-ins (`"module:attribute"` strings) plus third-party entry points.

    Entry points of the group `narrowcast.<kind>` are looked up only when a built-in of that name does
    not exist, so that start-up never pays for them and a plug-in cannot replace a built-in.

    Args:
        kind: what is registered, in the singular; names the entry-point group.
        builtins: name to `"module:attribute"`.
        check: what is wrong with an object that a plug-in registered; the empty string where nothing is.
    """

    def __init__(self, kind: str, builtins: Mapping[str, str], check: Check | None = None) -> None:
        self.kind = kind
        self._builtins = dict(builtins)
        self._check = check

    @property
    def group(self) -> str:
        """The entry-point group of third parties."""
        return f"narrowcast.{self.kind.replace(' ', '_')}"

    def names(self) -> list[str]:
        """Built-ins in their order, then third parties by name."""
        return [*self._builtins, *sorted({point.name for point in self._points()} - set(self._builtins))]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: str) -> bool:
        return name in self._builtins or any(point.name == name for point in self._points())

    def get(self, name: str) -> T:
        """The implementation called `name`.

        Raises:
            UsageError: for an unknown name, with the nearest known ones.
            PluginError: for a plug-in that cannot be loaded, is not what it should be, or whose name another
                plug-in claims too.
        """
        if name in self._builtins:
            module, _, attribute = self._builtins[name].partition(":")
            return cast(T, getattr(import_module(module), attribute))
        points = [point for point in self._points() if point.name == name]
        if not points:
            raise self._unknown(name)
        if len(points) > 1:
            raise self._refused(points[0], f"is also registered by {_others(points)}")
        return self._loaded(points[0])

    def origin(self, name: str) -> Origin | None:
        """The plug-in behind a name; None for a built-in and for an unknown name."""
        if name in self._builtins:
            return None
        return next((origin_of(point) for point in self._points() if point.name == name), None)

    def fault(self, name: str, problem: str) -> PluginError | None:
        """The error where the plug-in behind a name does what its kind must not; None for a built-in."""
        if name in self._builtins:
            return None
        return next((self._refused(point, problem) for point in self._points() if point.name == name), None)

    def plugins(self) -> list[Plugin]:
        """Every third-party entry, loaded, with its problem where it has one; none of them raises."""
        points = self._points()
        return [
            Plugin(self.kind, point.name, origin_of(point), self._problem(point, points))
            for point in sorted(points, key=lambda each: each.name)
        ]

    def usable(self) -> Iterator[tuple[str, T]]:
        """Names and implementations, without the plug-ins that cannot be used."""
        broken = {plugin.name for plugin in self.plugins() if plugin.problem}
        for name in self.names():
            if name in self._builtins or name not in broken:
                yield name, self.get(name)

    def _problem(self, point: EntryPoint, points: list[EntryPoint]) -> str:
        if point.name in self._builtins:
            return f"the name is taken by the built-in {self.kind} {point.name}, which is used"
        others = [each for each in points if each.name == point.name and each is not point]
        if others:
            return f"the name is also registered by {', '.join(str(origin_of(each)) for each in others)}"
        try:
            self._loaded(point)
        except NarrowcastError as error:
            return error.what
        return ""

    def _loaded(self, point: EntryPoint) -> T:
        loaded = load(point, self.kind)
        problem = self._check(loaded) if self._check else ""
        if problem:
            raise self._refused(point, problem)
        return cast(T, loaded)

    def _refused(self, point: EntryPoint, problem: str) -> PluginError:
        origin = origin_of(point)
        return PluginError(
            f"the {self.kind} {point.name!r} of the plug-in {origin} {problem}",
            where=origin.target,
            next_command="narrowcast plugins, which lists them",
        )

    def _unknown(self, name: str) -> UsageError:
        known = self.names()
        near = get_close_matches(name, known, n=3)
        return UsageError(
            f"no {self.kind} is called {name!r}",
            where=f"known: {', '.join(known)}",
            next_command=f"did you mean {' or '.join(near)}?" if near else f"use one of: {', '.join(known)}",
        )

    def _points(self) -> list[EntryPoint]:
        from importlib.metadata import entry_points

        return list(entry_points(group=self.group))


def _others(points: list[EntryPoint]) -> str:
    return ", ".join(str(origin_of(point)) for point in points[1:])
