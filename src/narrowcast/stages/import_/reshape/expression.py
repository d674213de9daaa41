"""A small language over the columns of a row: `scenario + "_" + intent`, `label = true and score >= 4`.

Values are texts, numbers, true, false, null and lists; names are columns, dotted ones reach into objects, and
`` `any name` `` is written between backquotes. There are `+` (adds numbers, puts lists and texts together),
comparisons (`=`, `!=`, `<`, `<=`, `>`, `>=`, `in`), `and`, `or`, `not`, places (`a[0]`, `a[1:3]`), and the
functions of `FUNCTIONS`. Nothing else can be said: no attribute, no loop, no call of Python's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from narrowcast.errors import UsageError
from narrowcast.stages.import_.mapping.base import getter
from narrowcast.stages.import_.reshape.values import (
    FUNCTIONS,
    added,
    bounded,
    equal,
    is_in,
    order,
    sequence,
    truth,
)

MAX_CHARS = 2_000
MAX_DEPTH = 50

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?:\.\d+)?)
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | `(?P<quoted>[^`]+)`
      | (?P<name>[^\W\d]\w*(?:\.\w+)*)
      | (?P<sign>==|!=|<=|>=|[=<>+\-()\[\],:])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}
_WORDS = frozenset({"and", "or", "not", "in"})

Value = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: `value(row)` is what it says of a row.

    Attributes:
        columns: the columns it names, in their order.
    """

    text: str
    columns: tuple[str, ...]
    value: Value

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Read an expression.

        Raises:
            UsageError: says at which character it cannot be read.
        """
        reader = _Reader(text)
        value = reader.whole()
        return cls(text, tuple(dict.fromkeys(reader.columns)), value)

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether it is true of a row; anything else than true is not.

        Raises:
            ExpressionError: where the values do not fit.
        """
        return truth(self.value(row))


class _Reader:
    """Recursive descent; each method reads one level of precedence and returns what computes it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0
        self.columns: list[str] = []

    def whole(self) -> Value:
        value = self._either()
        if self._kind() != "end":
            raise self._fault("an operator is missing here")
        return value

    def _either(self) -> Value:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._fault(f"nested more than {MAX_DEPTH} levels deep")
        left = self._all()
        while self._takes("or"):
            left = _or(left, self._all())
        self._depth -= 1
        return left

    def _all(self) -> Value:
        left = self._negation()
        while self._takes("and"):
            left = _and(left, self._negation())
        return left

    def _negation(self) -> Value:
        negations = 0
        while self._takes("not"):
            negations += 1
        value = self._comparison()
        return (lambda row: not truth(value(row))) if negations % 2 else value

    def _comparison(self) -> Value:
        left = self._sum()
        for sign in ("==", "=", "!=", "<=", ">=", "<", ">", "in"):
            if self._takes(sign):
                return _compared(sign, left, self._sum())
        if self._takes("not"):
            self._needs("in")
            inside = _compared("in", left, self._sum())
            return lambda row: not inside(row)
        return left

    def _sum(self) -> Value:
        parts = [self._place()]
        while self._takes("+"):
            parts.append(self._place())
        return parts[0] if len(parts) == 1 else (lambda row: added([part(row) for part in parts]))

    def _place(self) -> Value:
        value = self._single()
        while self._takes("["):
            start = self._whole_number()
            if not self._takes(":"):
                self._needs("]")
                if start is None:
                    raise self._fault("a place needs a number")
                value = _at(value, start)
                continue
            value = _part(value, start, self._whole_number())
            self._needs("]")
        return value

    def _single(self) -> Value:
        kind, content = self._tokens[self._at][:2]
        self._at += 1
        if kind in ("text", "number"):
            return lambda _row: content
        if kind == "quoted" or (kind == "name" and content not in _WORDS | _CONSTANTS.keys()):
            return self._call(content) if kind == "name" and self._takes("(") else self._column(content)
        if kind == "name" and content in _CONSTANTS:
            constant = _CONSTANTS[content]
            return lambda _row: constant
        if content == "-" and self._kind() == "number":
            number = self._tokens[self._at][1]
            self._at += 1
            return lambda _row: -number
        if content == "(":
            value = self._either()
            self._needs(")")
            return value
        if content == "[":
            items = self._items("]")
            return lambda row: [item(row) for item in items]
        self._at -= 1
        raise self._fault("a value is missing here")

    def _column(self, name: str) -> Value:
        self.columns.append(name)
        return getter(name)

    def _call(self, name: str) -> Value:
        arguments = self._items(")")
        if name not in FUNCTIONS:
            raise self._fault(f"there is no function {name!r}; there are {', '.join(sorted(FUNCTIONS))}")
        function, least, most = FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            raise self._fault(f"{name} takes {least if least == most else f'{least} to {most}'} value(s)")
        return lambda row: bounded(function(*(argument(row) for argument in arguments)))

    def _items(self, end: str) -> list[Value]:
        items: list[Value] = []
        if self._takes(end):
            return items
        while True:
            items.append(self._either())
            if self._takes(end):
                return items
            self._needs(",")

    def _whole_number(self) -> int | None:
        sign = -1 if self._takes("-") else 1
        if self._kind() != "number" or not isinstance(self._tokens[self._at][1], int):
            return None
        self._at += 1
        number: int = self._tokens[self._at - 1][1]
        return sign * number

    def _kind(self) -> str:
        return self._tokens[self._at][0]

    def _takes(self, content: str) -> bool:
        kind, token, _ = self._tokens[self._at]
        taken = kind in ("sign", "name") and token == content
        self._at += taken
        return taken

    def _needs(self, content: str) -> None:
        if not self._takes(content):
            raise self._fault(f"{content!r} is missing here")

    def _fault(self, what: str) -> UsageError:
        return _fault(self._text, self._tokens[self._at][2], what)


def _tokens(text: str) -> list[tuple[str, Any, int]]:
    """Kind, content and place of each token, and an end."""
    if len(text) > MAX_CHARS:
        raise _fault(text[:80] + "…", 0, f"longer than {MAX_CHARS:,} characters")
    tokens: list[tuple[str, Any, int]] = []
    place = 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise _fault(text, place, "this cannot be read")
        kind = str(match.lastgroup)
        content: Any = match[kind]
        if kind == "number":
            content = float(content) if "." in content else int(content)
        elif kind == "text":
            content = re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), content[1:-1])
        tokens.append((kind, content, match.start(kind)))
        place = match.end()
    return [*tokens, ("end", None, len(text))]


def _fault(text: str, place: int, what: str) -> UsageError:
    return UsageError(
        f"the expression cannot be read: {what}",
        where=f"{text!r}, character {place + 1}",
        next_command="for example 'label = scenario + \"_\" + intent', or 'score >= 4 and lang = \"en\"'",
        reason_code="dataset_request_invalid",
    )


def _or(left: Value, right: Value) -> Value:
    return lambda row: truth(left(row)) or truth(right(row))


def _and(left: Value, right: Value) -> Value:
    return lambda row: truth(left(row)) and truth(right(row))


def _at(value: Value, place: int) -> Value:
    def read(row: Mapping[str, Any]) -> Any:
        listed = sequence(value(row))
        return listed[place] if listed is not None and -len(listed) <= place < len(listed) else None

    return read


def _part(value: Value, start: int | None, end: int | None) -> Value:
    def read(row: Mapping[str, Any]) -> Any:
        listed = sequence(value(row))
        return None if listed is None else listed[start:end]

    return read


def _compared(sign: str, left: Value, right: Value) -> Value:
    def compare(row: Mapping[str, Any]) -> bool:
        one, other = left(row), right(row)
        if sign == "in":
            return is_in(one, other)
        if sign in ("=", "==", "!="):
            return equal(one, other) != (sign == "!=")
        place = order(one, other)
        if place is None:
            return False
        return {"<": place < 0, "<=": place <= 0, ">": place > 0, ">=": place >= 0}[sign]

    return compare
