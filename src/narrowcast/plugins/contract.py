"""What a registry accepts from a plug-in: each check returns what is wrong with an object, or nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable

Check = Callable[[object], str]


def subclass_of(base: type, *declared: str) -> Check:
    """A class derived from `base`, without abstract methods left, that declares the attributes named."""

    def check(found: object) -> str:
        if not (inspect.isclass(found) and issubclass(found, base)):
            return f"is not a subclass of {base.__module__}.{base.__name__}"
        missing = sorted(getattr(found, "__abstractmethods__", ()))
        missing += [name for name in declared if not hasattr(found, name)]
        return f"does not define {', '.join(missing)}" if missing else ""

    return check


def class_with(protocol: type) -> Check:
    """A class with every method of a protocol, and its class variables."""
    methods = [name for name, value in vars(protocol).items() if callable(value) and name[0] != "_"]
    variables = [
        name
        for name, kind in getattr(protocol, "__annotations__", {}).items()
        if str(kind).startswith("ClassVar")
    ]

    def check(found: object) -> str:
        if not inspect.isclass(found):
            return "is not a class"
        missing = [name for name in (*variables, *methods) if not hasattr(found, name)]
        return f"does not define {', '.join(missing)} of {protocol.__name__}" if missing else ""

    return check


def instance_of(kind: type) -> Check:
    """An object of this class."""

    def check(found: object) -> str:
        return "" if isinstance(found, kind) else f"is not a {kind.__module__}.{kind.__name__}"

    return check


def function_of(*parameters: str) -> Check:
    """Something that can be called with as many positional arguments as are named."""

    def check(found: object) -> str:
        if not callable(found):
            return f"cannot be called with ({', '.join(parameters)})"
        try:
            inspect.signature(found).bind(*parameters)
        except TypeError:
            return f"cannot be called with ({', '.join(parameters)})"
        except ValueError:  # a built-in without a signature
            return ""
        return ""

    return check
