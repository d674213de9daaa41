"""The gate `no_links`: a generated input holds no address, but for the sites that are allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pydantic import Field

from narrowcast.factory.gates.base import ConfigurableGate, GateContext, GateRow, GateSettings

_ADDRESS = re.compile(r"(?:https?://|www\.)([\w.-]+)\S*")


class LinkSettings(GateSettings):
    """Checked before the first row is; a name that is not here is an error."""

    allowed: list[str] = Field(default_factory=list)
    """Sites that may be named, for example [shop.example]."""


def no_links(rows: Sequence[GateRow], context: GateContext, settings: LinkSettings) -> Mapping[int, str]:
    """The number of each rejected row, with the reason; a row that is not named passes."""
    rejected = {}
    for row in rows:
        for address in _ADDRESS.finditer(row.text):
            if address[1] not in settings.allowed:
                rejected[row.index] = f"holds {address[0][:60]}"
                break
    return rejected


NO_LINKS = ConfigurableGate(no_links, LinkSettings)
