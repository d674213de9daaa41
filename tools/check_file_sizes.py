"""Fail where a Python file below the given folder exceeds 400 lines, or their median exceeds 150."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

MOST = 400
MEDIAN = 150


def main(folder: str) -> int:
    """Print the largest files; 1 where a limit is broken."""
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in Path(folder).rglob("*.py")}
    over = [f"{path}: {lines} lines, at most {MOST}" for path, lines in sizes.items() if lines > MOST]
    middle = median(sizes.values())
    if middle > MEDIAN:
        over.append(f"{folder}: the median file has {middle:.0f} lines, at most {MEDIAN}")
    print(f"{len(sizes)} files, median {middle:.0f} lines, largest {max(sizes.values())}")
    for line in over:
        print(line)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
