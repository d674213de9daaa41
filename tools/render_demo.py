"""Draw the picture of the README: what `narrowcast run` printed, as an SVG.

Run: ``FORCE_COLOR=1 COLUMNS=100 narrowcast run -p demo > demo.txt`` after a demo, then
``python tools/render_demo.py demo.txt docs/images/demo.svg``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 100


def main(source: str, target: str) -> None:
    """Replay the printed text, colours included; the workspace's folder is shortened."""
    printed = Path(source).read_text(encoding="utf-8")
    printed = re.sub(r"\S+(?=/projects/)", "~/.narrowcast", printed)
    recording = Console(record=True, width=WIDTH, highlight=False, file=sys.stderr)
    recording.print("[bold green]$[/] narrowcast run -p demo")
    recording.print(Text.from_ansi(printed.rstrip()))
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    recording.save_svg(target, title="narrowcast")


if __name__ == "__main__":
    main(*sys.argv[1:])
