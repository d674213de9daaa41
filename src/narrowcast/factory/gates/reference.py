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
    try:
        if not colon:
            raise ValueError("it is not of the form MODULE:NAME")  # noqa: TRY301 - one error for all faults
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(
            f"{option} cannot be loaded: {error}",
            where=text or "(not given)",
            next_command=f"--{option.replace('_', '-')} MODULE:NAME, importable from the current folder",
            reason_code="factory_request_invalid",
        ) from error
