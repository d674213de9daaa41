"""The contract of a mapper: which columns it needs, a row in, inputs and target out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from narrowcast.core.example import Target
from narrowcast.core.row import SourceRow
from narrowcast.core.task import TaskSpec

Getter = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Role:
    """One field of a mapper that a column is chosen for.

    Attributes:
        literal: what the map gives is a text to be used as it is, not the name of a column.
        words: the only texts a literal may be; any where empty.
        shares: other roles that may have the same column.
    """

    name: str
    meaning: str
    required: bool = True
    literal: bool = False
    words: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()


class Mapper(Protocol):
    """Built from a field map (role → column) and the closed task, where the task may not be extended.

    A mapper sees every row once, so it also knows the labels, span types or fields of the whole source.
    One of a plug-in may declare `reasons`, reason → meaning, that it rejects rows for beside those of
    `narrowcast.stages.import_.mapping.reasons.REJECTIONS`.
    """

    id: ClassVar[str]
    meaning: ClassVar[str]
    profile: ClassVar[str]
    roles: ClassVar[tuple[Role, ...]]

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:
        """`closed`: labels, types or fields outside this task are rejected."""

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], Target]:
        """Inputs and target of one row.

        Raises:
            RejectRow: with its reason.
        """

    def task(self) -> TaskSpec:
        """The task the rows seen so far ask for."""


@runtime_checkable
class DividesRecords(Protocol):
    """A mapper that makes several rows of one record; they stay in one split."""

    def records(self, data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The rows, in the form of the record itself; the record alone where there is nothing to divide."""


@runtime_checkable
class GathersRecords(Protocol):
    """A mapper that makes a row of several records, which may be far from each other in the source.

    Its rows have the columns of the records; what it cannot put together it leaves as it is, and rejects.
    """

    partial: ClassVar[frozenset[str]]
    """Reasons that say nothing of records of which only a part was read."""

    def gathered(self, rows: Iterable[SourceRow]) -> Iterator[SourceRow]:
        """The rows, numbered or not; those with one `record` stay in one split."""


@runtime_checkable
class TellsNotes(Protocol):
    """A mapper that has something to say about the rows it has seen, such as what it converted."""

    def notes(self) -> list[str]:
        """Plain sentences, for the user."""


def getter(path: str) -> Getter:
    """Reads a column, or a value inside nested objects by a dotted path; None where it is absent."""
    if "." not in path:
        return lambda data: data.get(path)
    parts = path.split(".")

    def nested(data: Mapping[str, Any]) -> Any:
        if path in data:
            return data[path]
        value: Any = data
        for part in parts:
            if not isinstance(value, Mapping):
                return None
            value = value.get(part)
        return value

    return nested


def with_value(data: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The row with another value of a column, or of a dotted path."""
    if path in data or "." not in path:
        return {**data, path: value}
    name, _, rest = path.partition(".")
    return {**data, name: with_value(data[name], rest, value)}


def optional_getter(field_map: Mapping[str, str], role: str) -> Getter | None:
    """The getter of a role that may be left out."""
    return getter(field_map[role]) if role in field_map else None


def natural_order(labels: list[str]) -> list[str]:
    """Numbers by value, anything else by letter."""
    if all(label.lstrip("-").isdigit() for label in labels):
        return sorted(labels, key=int)
    return sorted(labels, key=lambda label: (label.casefold(), label))
