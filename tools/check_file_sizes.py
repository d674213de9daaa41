"""Fail where a Python file below the given folder exceeds 400 lines, or their median exceeds 150."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

from outcome import parser, show

MOST = 400
MEDIAN = 150


def main() -> int:
    """Print the largest files; 1 where a limit is broken."""
    options = parser(__doc__)
    options.add_argument("folder")
    given = options.parse_args()
    folder = given.folder
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in Path(folder).rglob("*.py")}
    over = [f"{path}: {lines} lines, at most {MOST}" for path, lines in sizes.items() if lines > MOST]
    middle = median(sizes.values())
    if middle > MEDIAN:
        over.append(f"{folder}: the median file has {middle:.0f} lines, at most {MEDIAN}")
    largest = max(sizes.values())
    summary = f"{len(sizes)} files, median {middle:.0f} lines, largest {largest}"
    figures = {"files": len(sizes), "median": middle, "largest": largest}
    return show(over, summary, as_json=given.json, **figures)


if __name__ == "__main__":
    sys.exit(main())
