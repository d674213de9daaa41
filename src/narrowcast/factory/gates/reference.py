"""`MODULE:NAME` of the user's own code, which only a command line or the project's file can name."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from narrowcast.errors import UsageError


def load_reference(text: str | None, option: str) -> Any:
    """Import what the user named.

    Raises:
        UsageError: if nothing is named or it cannot be imported.
    """
    module, colon, name = (text or "").partition(":")
    if not colon:
        raise _not_loaded(option, text, "it is not of the form MODULE:NAME")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise _not_loaded(option, text, str(error)) from error


def _not_loaded(option: str, text: str | None, why: str) -> UsageError:
    return UsageError(
        f"{option} cannot be loaded: {why}",
        where=text or "(not given)",
        next_command=f"--{option.replace('_', '-')} MODULE:NAME, importable from the current folder",
        reason_code="factory_request_invalid",
    )
