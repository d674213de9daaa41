"""How many cells an OpenDocument sheet stands for: it may write one cell or row, and how often it comes."""

from __future__ import annotations

import re

MAX_CELLS = 50_000_000
_TAG = re.compile(rb"<(/?)(?:[\w.-]+:)?(table-row|table-cell|covered-table-cell|table(?=[\s>])|p)\b([^>]*)>")
_REPEATED = re.compile(rb'number-(?:rows|columns)-repeated="(\d+)"')


def cells_of(content: bytes) -> int:
    """Cells of the largest sheet, up to the last row and the last column that hold something.

    Args:
        content: `content.xml` of the workbook.
    """
    most = height = width = widest = 0
    for tag in _TAG.finditer(content):
        closing, name, attributes = tag.groups()
        repeated = _REPEATED.search(attributes)
        count = int(repeated[1]) if repeated else 1
        if name == b"table":
            height = width = widest = 0
        elif name == b"table-row" and not closing:
            height, width = height + count, 0
        elif name in (b"table-cell", b"covered-table-cell") and not closing:
            width += count
        if name == b"p" or b"value-type=" in attributes:
            widest = max(widest, width)
            most = max(most, height * widest)
    return most
