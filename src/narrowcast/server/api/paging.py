"""Lists in pages: each begins after the last entry of the one before, so that new entries shift nothing."""

from __future__ import annotations

from typing import Any

from fastapi import Request as HttpRequest
from pydantic import BaseModel, ConfigDict, Field

from narrowcast.errors import UsageError

_USUAL, _MOST = 50, 1000


class Page(BaseModel):
    """Entries of a list, and where the next ones begin."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    data: list[Any]
    next: str | None = Field(None)
    """Give it as `after` to get what follows; null on the last page."""


def page_of(entries: list[dict[str, Any]], key: str, http: HttpRequest) -> Page:
    """The entries that the query's `limit` and `after` ask for.

    Raises:
        UsageError: a limit that is none, or an entry that is not in the list.
    """
    limit, after = _limit(http.query_params.get("limit")), http.query_params.get("after")
    begin = 0
    if after is not None:
        begin = next((at + 1 for at, each in enumerate(entries) if str(each[key]) == after), 0)
        if not begin:
            raise UsageError(f"no entry has the {key} {after!r}", where="after")
    chosen = entries[begin : begin + limit]
    more = begin + limit < len(entries)
    return Page(data=chosen, next=str(chosen[-1][key]) if more else None)


def _limit(text: str | None) -> int:
    if text is None:
        return _USUAL
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MOST:
        raise UsageError(f"a page has 1 to {_MOST:,} entries", where=f"limit={text}")
    return int(text)
