"""Exceptions that nobody raised on purpose, and the error that a user sees of each.

The interfaces and the runner pass whatever reaches them to `plugins.boundary`, which asks here: a kind that
is known has a reason code of its own, and every other one is `system_unexpected`, with the place in the code.
Kinds are recognised by type and text, so that no library is imported to do so.
"""

from __future__ import annotations

import errno
import re
import traceback
from pathlib import Path

from narrowcast.errors import DataError, ModelError, NarrowcastError, UsageError, WorkspaceError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NAMES = {errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL, errno.EILSEQ}
_MISPLACED = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}
_DATABASES = {"sqlalchemy", "sqlite3", "psycopg", "psycopg2"}
# What steers a terminal, or changes the order in which it shows a line; a tab and the end of a line stay.
_STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_LONGEST = 300  # characters of a foreign message or path


def known(error: BaseException) -> NarrowcastError | None:
    """The error of a known kind; None for what was not foreseen."""
    if isinstance(error, NarrowcastError):
        return error
    if _is_of(error, _DATABASES):
        return database_error(error)
    if isinstance(error, OSError):
        return os_error(error)
    if isinstance(error, UnicodeError | LookupError | ValueError):
        return _text_error(error)
    if isinstance(error, OverflowError):
        return UsageError(f"a number is too large: {first_line(error)}", where=place_of(error))
    if isinstance(error, RecursionError):
        return DataError(
            "a value is nested too deeply",
            where=place_of(error),
            reason_code="system_value_too_deep",
        )
    if isinstance(error, MemoryError):
        return WorkspaceError("the memory does not suffice", reason_code="system_memory_short")
    if isinstance(error, RuntimeError) and "home directory" in str(error):  # pathlib's, of `~name`
        return UsageError(
            "a path begins with ~ and a name, and no user of this machine is called that",
            next_command="write the whole path, or ./~NAME for a file of that name",
        )
    if _is_of(error, {"jinja2"}):
        return ModelError(f"a template cannot be rendered: {first_line(error)}")
    return None


def unexpected(error: BaseException) -> NarrowcastError:
    """The error of a kind that was not foreseen."""
    return NarrowcastError(
        f"unexpected error: {type(error).__name__}: {first_line(error)}",
        where=place_of(error),
        next_command="run it again with --debug before the command, and report the traceback",
        reason_code="system_unexpected",
    )


def os_error(error: OSError, path: Path | None = None) -> WorkspaceError | UsageError:
    """What the operating system refused.

    Args:
        error: its exception.
        path: what was written or read, where the caller knows it better than the exception.
    """
    where = readable(str(path or error.filename or ""))[:_LONGEST]
    if error.errno in _FULL:
        return WorkspaceError(
            "the disk is full; nothing was left half-written",
            where=where,
            next_command="free some space, then run the same command again",
            reason_code="system_disk_full",
        )
    if error.errno == errno.EFBIG:
        return WorkspaceError(
            "a file would be larger than this process may write; nothing was left half-written",
            where=where,
            next_command="ulimit -f unlimited, then run the same command again",
            reason_code="system_disk_full",
        )
    if error.errno in _REFUSED and path is not None:
        return WorkspaceError(
            "the folder is not writable",
            where=where,
            next_command="check its permissions, or choose another with --home",
        )
    if error.errno in _NAMES:
        return UsageError(
            f"a path cannot be used: {first_line(error)}", where=where, reason_code="system_path_invalid"
        )
    what = (error.strerror or first_line(error)).lower()
    kind = "a path cannot be used" if error.errno in _MISPLACED else "the operating system refused"
    return WorkspaceError(f"{kind}: {what}", where=where)


def database_error(error: BaseException, where: str = "") -> WorkspaceError:
    """What a database refused.

    Args:
        error: of SQLAlchemy or of a driver.
        where: the address of the database, without its password.
    """
    what = first_line(error)
    text = what.lower()
    if "locked" in text or "busy" in text:
        return WorkspaceError("another process holds the database", where=where, reason_code="system_db_busy")
    if any(sign in text for sign in ("malformed", "not a database", "corrupt")):
        return WorkspaceError(
            "the database cannot be used: it is damaged; projects and their trails are other files",
            where=where,
            next_command="move it away, then name each project by its folder: narrowcast events -p FOLDER",
            reason_code="system_db_damaged",
        )
    if "is full" in text or "disk i/o" in text:
        return WorkspaceError(
            "the database cannot be written: the disk is full, or failed",
            where=where,
            reason_code="system_disk_full",
        )
    return WorkspaceError(
        f"the database cannot be used: {what}",
        where=where,
        next_command="check NARROWCAST_DATABASE_URL or --home",
        reason_code="system_db_error",
    )


def readable(text: str) -> str:
    r"""The text with what cannot be encoded written as escapes: `bad\udcff.csv`."""
    return text.encode("utf-8", "backslashreplace").decode()


def printable(text: str) -> str:
    r"""The text as a terminal may get it: `readable`, and what would steer it as escapes, such as `\x1b`."""
    return _STEERS.sub(lambda found: found[0].encode("unicode_escape").decode(), readable(text))


def undecodable(what: str, text: str) -> UsageError:
    """The refusal of a name that holds bytes which are no UTF-8."""
    return UsageError(
        f"{what} holds bytes that are not UTF-8",
        where=readable(text)[:_LONGEST],
        next_command="rename it, or correct the variable, then run the same command again",
        reason_code="system_name_undecodable",
    )


def place_of(error: BaseException) -> str:
    """Where the exception was raised, as `file:line`, without the machine's folders."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""


def first_line(error: BaseException) -> str:
    """The first line of the message, at most 300 characters; the name of the type where there is none."""
    lines = str(error).splitlines()
    return readable(lines[0])[:_LONGEST] if lines else type(error).__name__


def _text_error(error: Exception) -> NarrowcastError | None:
    if isinstance(error, UnicodeEncodeError) and any("\ud800" <= each <= "\udfff" for each in error.object):
        return undecodable("a name or a text", error.object)
    if isinstance(error, UnicodeError):
        return DataError(
            f"a text cannot be decoded: {first_line(error)}", reason_code="system_text_undecodable"
        )
    if isinstance(error, LookupError) and "encoding" in str(error):
        return UsageError(
            f"this encoding is not one of texts: {first_line(error)}", reason_code="system_text_undecodable"
        )
    if "serialization depth" in str(error) or "depth exceeded" in str(error):
        return DataError(
            "a value is nested too deeply", where=place_of(error), reason_code="system_value_too_deep"
        )
    if "null byte" in str(error) or "null character" in str(error):
        return UsageError("a path or a name holds a null byte", reason_code="system_path_invalid")
    return None


def _is_of(error: BaseException, packages: set[str]) -> bool:
    return any(each.__module__.partition(".")[0] in packages for each in type(error).__mro__)
