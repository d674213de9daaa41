"""What of examples is compared: their texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

from narrowcast.core.example import Example


def comparison_texts(examples: Sequence[Example]) -> list[str]:
    """What of each input is compared: its strings, without fields that are the same in every row.

    A document that all questions share would otherwise make all rows near-duplicates.
    """
    constant = constant_fields(examples)
    return [comparison_text(input_fields(example.inputs), constant) for example in examples]


def constant_fields(examples: Iterable[Example]) -> frozenset[str]:
    """Fields that are the same in every row, if rows have others as well; may iterate twice."""
    same = SameFields()
    for example in examples:
        same.see(input_fields(example.inputs))
        if not same.names:
            return frozenset()
    if all(input_fields(example.inputs).keys() <= same.names for example in examples):
        return frozenset()
    return same.names


def comparison_text(fields: Mapping[str, str], constant: Set[str]) -> str:
    """The strings of one input, without the constant fields."""
    return "\n".join([text for name, text in fields.items() if name not in constant])


class SameFields:
    """Finds the fields that have one value in all rows that it sees."""

    def __init__(self) -> None:
        self._values: dict[str, str] | None = None

    def see(self, fields: Mapping[str, str]) -> None:
        """The next row."""
        if self._values is None:
            self._values = dict(fields)
        elif self._values:
            self._values = {name: text for name, text in self._values.items() if fields.get(name) == text}

    @property
    def names(self) -> frozenset[str]:
        """Of the fields."""
        return frozenset(self._values or ())


def input_fields(inputs: Mapping[str, Any]) -> dict[str, str]:
    """The strings of an input by their paths."""
    if all(type(value) is str for value in inputs.values()):
        return {f".{name}": inputs[name] for name in sorted(inputs)}
    return dict(input_strings(inputs))


def input_strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every value of an example's inputs that is not None, as text, with its path."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name in sorted(value):
            yield from input_strings(value[name], f"{key}.{name}")
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from input_strings(each, f"{key}.{place}")
    elif value is not None:
        yield key, str(value)
