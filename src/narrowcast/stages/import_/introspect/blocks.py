"""Columns of which only the first cell of each block is filled, as merged cells leave them."""

from __future__ import annotations

from narrowcast.connectors.fill import with_filled
from narrowcast.stages.import_.introspect.profile import Column, Profile
from narrowcast.stages.import_.introspect.signs import LEAST_ROWS, text_columns
from narrowcast.stages.import_.mapping.base import getter

_LONGEST_NAME = 60
_SMALLEST_BLOCK = 3  # rows on average
_MOSTLY = 0.6  # of the names to the filled cells: each block has one of its own


def blocks(profile: Profile) -> list[str]:
    """The names of such columns, beside a text that every block has many of."""
    if profile.rows < LEAST_ROWS or not text_columns(profile):
        return []
    return [column.name for column in profile.top_level() if _is_block(profile, column)]


def block_warning(name: str, filled: int, rows: int) -> str:
    """What is wrong, and what is to be done."""
    return (
        f"only the first cell of each block of {name!r} seems to be filled ({filled:,} of {rows:,} rows): "
        f"{with_filled('', [name])} after the path gives the others its value"
    )


def _is_block(profile: Profile, column: Column) -> bool:
    few = 2 <= column.filled <= column.rows / _SMALLEST_BLOCK
    if not few or column.distinct is None or column.looks_numeric or column.share("string") < 1:
        return False
    named = column.longest <= _LONGEST_NAME and column.distinct >= max(2, _MOSTLY * column.filled)
    first = profile.sample[0]  # merged cells begin in it; remarks may begin anywhere
    return named and getter(column.name)(first) not in (None, "")
