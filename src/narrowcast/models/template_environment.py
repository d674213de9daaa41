"""The Jinja environment of chat templates: what transformers offers them, under a limit of time and size.

A template comes with a base model, so it is foreign code. Jinja's sandbox keeps it from the machine, but lets
it run without end or fill the memory. Here each turn of a loop, each call and each written text is counted
against a budget, and what would make a huge value in one step is refused before it is made. The limits are
far beyond what a real template needs.

Dates are pinned: a prompt must be the same on the day of training and on any day after.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import lru_cache, wraps
from itertools import islice
from typing import Any

from jinja2 import Environment, nodes
from jinja2.exceptions import TemplateError, TemplateRuntimeError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

PINNED_DATE = date(2024, 7, 26)
"""What `strftime_now` tells: the day that Llama's templates name where they cannot ask."""
SECONDS = 5.0
"""Processor time of one rendering."""
LARGEST = 16 << 20
"""Characters of a rendered prompt, and of any text on the way."""
LARGEST_NUMBER = 1_000_000
"""Members of a list; and the largest argument of a filter or method (a width, a count)."""
LARGEST_SOURCE = 1 << 20
"""Characters of a template."""
_LARGEST_BITS = 4096

_CALL = re.compile(r"""strftime_now\s*\(\s*(?:'([^'\\{}]*)'|"([^"\\{}]*)")\s*\)""")


def pin_dates(template: str) -> str:
    """A template whose `strftime_now("…")` are the pinned day, for programs that ask the clock."""

    def day(found: re.Match[str]) -> str:
        return json.dumps(PINNED_DATE.strftime(found.group(1) or found.group(2) or ""), ensure_ascii=False)

    return _CALL.sub(day, template)


@lru_cache(maxsize=8)
def compiled(source: str) -> Any:
    """A template.

    Raises:
        Exception: whatever Jinja raises where the source is not a template; also `RecursionError`.
    """
    if len(source) > LARGEST_SOURCE:
        raise TemplateRuntimeError(f"it has {len(source):,} characters, at most {LARGEST_SOURCE:,} are read")
    return _Environment().from_string(source)


@contextmanager
def budget() -> Iterator[None]:
    """Count what is rendered in this thread from here on."""
    before = getattr(_spent, "budget", None)
    _spent.budget = _Budget()
    try:
        yield
    finally:
        _spent.budget = before


class TooSlowError(TemplateRuntimeError):
    """A rendering has used its processor time."""


class _Budget:
    def __init__(self) -> None:
        self._end = time.thread_time() + SECONDS
        self._left = LARGEST

    def spend(self, characters: int) -> None:
        self._left -= characters
        if self._left < 0:
            raise TemplateRuntimeError(f"it writes more than {LARGEST:,} characters")
        if time.thread_time() > self._end:
            raise TooSlowError(f"it takes more than {SECONDS:.0f} seconds")


_spent = threading.local()


def _spend(characters: int) -> None:
    current: _Budget | None = getattr(_spent, "budget", None)
    if current is not None:
        current.spend(characters)


def _checked(value: Any) -> Any:
    """A value on the way, which must not be huge."""
    if isinstance(value, str | list | tuple):
        _fits(len(value), value)
    return value


def _written(value: Any) -> Any:
    """What an expression writes; an undefined value or a list is written as its text."""
    _spend(len(value) if isinstance(value, str) else len(str(value)))
    return value


class _Generation(Extension):
    """`{% generation %}` marks what the assistant wrote; the text is the same with and without it."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.tags = {"generation"}

    def parse(self, parser: Any) -> Any:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_plain"), [], [], body).set_lineno(line)

    @staticmethod
    def _plain(caller: Callable[[], str]) -> str:
        return caller()


class _Counted(NodeTransformer):
    """Puts a count into every loop and macro, and makes `~` a call."""

    def get_visitor(self, node: nodes.Node) -> Callable[..., Any] | None:
        """What changes a node of this type; None: only the nodes inside it are visited."""
        if isinstance(node, nodes.For | nodes.Macro | nodes.CallBlock):
            return self._with_count
        return self._as_call if isinstance(node, nodes.Concat) else None

    def _as_call(self, node: nodes.Concat) -> Any:
        self.generic_visit(node)
        return _call("concatenate", node.nodes)

    def _with_count(self, node: Any) -> Any:
        fixed = sum(
            len(each.data)
            for output in node.body
            if isinstance(output, nodes.Output)
            for each in output.nodes
            if isinstance(each, nodes.TemplateData)
        )
        self.generic_visit(node)
        node.body.insert(0, nodes.ExprStmt(_call("count", [nodes.Const(min(fixed, LARGEST_NUMBER))])))
        return node


def _call(name: str, arguments: list[Any]) -> nodes.Call:
    return nodes.Call(nodes.EnvironmentAttribute(name), arguments, [], None, None)


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(("*", "**", "+", "%"))

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[_Generation, loopcontrols],
            finalize=_written,
            optimized=False,  # constants are folded without a budget
        )
        self.filters["tojson"] = _to_json
        self.filters = {name: _guarded(name, each) for name, each in self.filters.items()}
        self.globals.pop("lipsum", None)
        self.filters.pop("random")  # a prompt is the same whenever it is rendered
        self.globals["raise_exception"] = _raise_exception
        self.globals["strftime_now"] = PINNED_DATE.strftime

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        _Counted().visit(tree)
        tree.set_environment(self)
        tree.set_lineno(1)  # of the nodes that were put in
        return tree

    def count(self, characters: int) -> None:
        """One more turn of a loop or call of a macro."""
        _spend(characters)

    def concatenate(self, *parts: Any) -> str:
        """`a ~ b`."""
        texts = [str(part) for part in parts]
        _fits(sum(map(len, texts)))
        return "".join(texts)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Refuse what would be huge before it is made."""
        _spend(0)
        if operator == "*":
            _product(left, right)
        elif operator == "**":
            _power(left, right)
        elif operator == "+" and hasattr(left, "__len__") and hasattr(right, "__len__"):
            _fits(len(left) + len(right), left)
        elif operator == "%" and isinstance(left, str):
            _format(left, right if isinstance(right, tuple) else (right,))
        return super().call_binop(context, operator, left, right)

    def call(self, context: Any, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a method, function or macro."""
        _spend(0)
        owner, name = getattr(obj, "__self__", None), getattr(obj, "__name__", "")
        if isinstance(owner, str):
            if name == "join" and args:
                args = (list(args[0]), *args[1:])
            _growth(name, owner, args, kwargs)
        return _checked(super().call(context, obj, *args, **kwargs))


def _guarded(name: str, each: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that refuses a huge result, before it is made where it can grow in one step."""
    passed = 1 if hasattr(each, "jinja_pass_arg") else 0  # Jinja's context comes first

    @wraps(each)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        _spend(0)
        value: Any = args[passed] if len(args) > passed else ""
        others = args[passed + 1 :]
        if name == "join" and not isinstance(value, str):
            members = list(islice(value, LARGEST_NUMBER + 1))
            _checked(members)
            args = (*args[:passed], members, *others)
            separator = others[0] if others else kwargs.get("d", "")
            _growth("join", str(separator), (members,), {})
        elif name == "indent":
            width = others[0] if others else kwargs.get("width", 4)
            size = len(width) if isinstance(width, str) else int(width)
            _fits(len(str(value)) + size * (str(value).count("\n") + 1))
        elif isinstance(value, str):
            _growth(name, value, others, kwargs)
        _small(others, kwargs)
        return _checked(each(*args, **kwargs))

    return guarded


def _growth(name: str, text: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Methods and filters of a text whose result may be far larger than the text."""
    _small(args, kwargs)
    if name == "replace" and len(args) > 1:
        old, new = str(args[0]), str(args[1])
        _fits(len(text) + (text.count(old) if old else len(text) + 1) * len(new))
    elif name == "join":
        _fits(len(text) * len(args[0]) + sum(len(each) if isinstance(each, str) else 1 for each in args[0]))
    elif name in ("format", "format_map"):
        _format(text, (*args, *kwargs.values()))
    elif name == "expandtabs":
        _fits(len(text) + text.count("\t") * int(args[0] if args else 8))


def _small(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    for each in (*args, *kwargs.values()):
        if isinstance(each, int | float) and abs(each) > LARGEST_NUMBER:
            raise TemplateRuntimeError(f"it asks for {each:.3g} of something")


def _fits(size: int, kind: Any = "") -> None:
    text = isinstance(kind, str)
    if size > (LARGEST if text else LARGEST_NUMBER):
        raise TemplateRuntimeError(
            f"it makes a {'text' if text else 'list'} of {size:,} {'characters' if text else 'members'}"
        )


def _product(left: Any, right: Any) -> None:
    for one, other in ((left, right), (right, left)):
        if hasattr(one, "__len__") and isinstance(other, int):
            _fits(len(one) * max(other, 0), one)
    if isinstance(left, int) and isinstance(right, int):
        _bits(left.bit_length() + right.bit_length())


def _power(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        _bits(left.bit_length() * max(right, 0))


def _bits(bits: int) -> None:
    if bits > _LARGEST_BITS:
        raise TemplateRuntimeError(f"it computes a number of {bits:,} bits")


def _format(pattern: str, values: tuple[Any, ...]) -> None:
    """A width in a format may be written out, or be one of the values."""
    wide = [int(each[:9]) for each in re.findall(r"\d+", pattern)]
    wide += (
        [abs(each) for each in values if isinstance(each, int)] if re.search(r"\*|\{[^}]*\{", pattern) else []
    )
    if max(wide, default=0) > LARGEST_NUMBER:
        raise TemplateRuntimeError("it asks for a text of too great a width")


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As transformers has it: without escapes for HTML."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _raise_exception(message: str) -> None:
    raise TemplateError(message)
