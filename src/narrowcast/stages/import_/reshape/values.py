"""Values of an expression: how they are compared and put together, and the functions that take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MAX_TEXT = 16 << 20  # characters of a result


class ExpressionError(Exception):
    """What an expression cannot do with the values of one row."""


def sequence(value: Any) -> Any:
    """A text, a list or null, which have places.

    Raises:
        ExpressionError: for anything else.
    """
    if value is None or isinstance(value, list | str):
        return value
    raise ExpressionError(f"{kind_of(value)} has no places")


def order(one: Any, other: Any) -> int | None:
    """-1, 0 or 1 as the one comes before the other, with it or behind it; None where one is null.

    Raises:
        ExpressionError: where they have no order.
    """
    if one is None or other is None:
        return None
    one, other = _alike(one, other)
    if type(one) is not type(other) and not (_is_number(one) and _is_number(other)):
        raise ExpressionError(f"{kind_of(one)} and {kind_of(other)} have no order")
    try:
        return int(one > other) - int(one < other)
    except TypeError as error:
        raise ExpressionError(f"{kind_of(one)} and {kind_of(other)} have no order") from error


def truth(value: Any) -> bool:
    """True and its text; anything else is not true."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def equal(one: Any, other: Any) -> bool:
    """By value; a text beside a number or a truth value is read as one."""
    one, other = _alike(one, other)
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def is_in(one: Any, other: Any) -> bool:
    """Whether a list holds the value, or a text the text.

    Raises:
        ExpressionError: where it is neither.
    """
    if isinstance(other, list):
        return any(equal(one, each) for each in other)
    if isinstance(other, str) and isinstance(one, str):
        return one in other
    if other is None or one is None:
        return False
    raise ExpressionError(f"`in` looks in a list or a text, not in {kind_of(other)}")


def _alike(one: Any, other: Any) -> tuple[Any, Any]:
    """A text beside a number or a truth value is read as one: a table knows texts alone."""
    if isinstance(one, str) and not isinstance(other, str):
        return _read_as(one, other), other
    if isinstance(other, str) and not isinstance(one, str):
        return one, _read_as(other, one)
    return one, other


def _read_as(text: str, example: Any) -> Any:
    if isinstance(example, bool):
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    if not _is_number(example):
        return text
    try:
        return float(text)
    except ValueError:
        return text


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def added(values: list[Any]) -> Any:
    """The sum of numbers, else lists or texts put together; null where one is null.

    Raises:
        ExpressionError: where a value cannot be written as a text.
    """
    if any(value is None for value in values):
        return None
    if all(_is_number(value) for value in values):
        return sum(values)
    if all(isinstance(value, list) for value in values):
        return [each for value in values for each in value]
    return bounded("".join(_text(value) for value in values))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if _is_number(value):
        return str(value)
    raise ExpressionError(f"{kind_of(value)} cannot be written as a text")


def bounded(value: Any) -> Any:
    """The value.

    Raises:
        ExpressionError: where it is a text of more than `MAX_TEXT` characters.
    """
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise ExpressionError(f"the result has more than {MAX_TEXT:,} characters")
    return value


def kind_of(value: Any) -> str:
    """The type of a value, in words."""
    names = {bool: "a truth value", list: "a list", dict: "an object", str: "a text"}
    return "nothing" if value is None else names.get(type(value), "a number")


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ExpressionError(f"a text is needed, not {kind_of(value)}")
    return value


def _joined(separator: Any, values: Any) -> Any:
    if values is None or isinstance(values, str):
        return values
    if not isinstance(values, list):
        raise ExpressionError(f"join takes a list, not {kind_of(values)}")
    return _string(separator).join(_text(each) for each in values if each is not None)


def _on_text(function: Callable[..., Any]) -> Callable[..., Any]:
    """Of a text; null stays null."""
    return lambda value, *more: None if value is None else function(_string(value), *map(_string, more))


def _replaced(text: str, old: str, new: str) -> str:
    if text.count(old) * len(new) > MAX_TEXT:
        raise ExpressionError(f"the result has more than {MAX_TEXT:,} characters")
    return text.replace(old, new)


def _length(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, str | list):
        return len(value)
    raise ExpressionError(f"{kind_of(value)} has no length")


# Name → function, values at least and at most.
FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "join": (_joined, 2, 2),
    "split": (_on_text(lambda text, *mark: text.split(*mark)), 1, 2),
    "lower": (_on_text(str.lower), 1, 1),
    "upper": (_on_text(str.upper), 1, 1),
    "strip": (_on_text(str.strip), 1, 1),
    "replace": (_on_text(_replaced), 3, 3),
    "starts": (_on_text(str.startswith), 2, 2),
    "ends": (_on_text(str.endswith), 2, 2),
    "len": (_length, 1, 1),
    "text": (lambda value: None if value is None else _text(value), 1, 1),
    "first": (lambda *values: next((value for value in values if value not in (None, "")), None), 1, 20),
    "if": (lambda test, yes, no: yes if truth(test) else no, 3, 3),
}
