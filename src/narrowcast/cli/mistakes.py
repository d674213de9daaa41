"""Mistakes on the command line, in the form of every other error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from narrowcast.core.suggest import did_you_mean
from narrowcast.errors import CancelledError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narrowcast.errors import NarrowcastError


def no_such_command(group: str, word: str, commands: Sequence[str]) -> UsageError:
    """A command that the group does not have."""
    return UsageError(
        f"there is no command {word!r}{did_you_mean(word, commands)}",
        where=group,
        next_command=f"{group} --help",
    )


def unread(error: Any, words: Sequence[str]) -> NarrowcastError:
    """What typer says: of a line that it cannot read, or of a question that was not answered."""
    if not hasattr(error, "format_message"):
        return CancelledError("a question was not answered, so nothing was done")
    from narrowcast.cli.help import command_of

    command = command_of(words)
    option = getattr(error, "option_name", "")
    if option and getattr(error, "possibilities", None) is not None:
        what = f"there is no option {option}{did_you_mean(option, error.possibilities)}"
    else:
        message = error.format_message().rstrip(".")
        what = message[:1].lower() + message[1:]
    return UsageError(what, where=command, next_command=f"{command} --help")
