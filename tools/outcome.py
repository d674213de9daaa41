"""What the scripts of this folder print: lines for people, or one JSON document with `--json`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with `--json`; the description is printed as it is."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--json", action="store_true", help="print one JSON document")
    return made


def show(problems: Sequence[str], summary: str = "", *, as_json: bool, **figures: Any) -> int:
    """Print what a check found; 1 where there is a problem, else 0.

    Args:
        problems: one line each.
        summary: a line behind them.
        as_json: print `{"problems": [...], ...figures}` instead of lines.
        figures: what was counted.
    """
    if as_json:
        print(json.dumps({**figures, "problems": list(problems)}, ensure_ascii=False))
    else:
        for line in [*problems, *([summary] if summary else [])]:
            print(line)
    return 1 if problems else 0
