"""The gate `no_links`: a generated input holds no address."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from narrowcast.factory.gates.base import GateContext, GateRow

_ADDRESS = re.compile(r"https?://\S+|www\.\S+")


def no_links(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """The number of each rejected row, with the reason; a row that is not named passes."""
    addresses = {row.index: _ADDRESS.search(row.text) for row in rows}
    return {index: f"holds {match[0][:60]}" for index, match in addresses.items() if match}
