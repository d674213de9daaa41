"""Draw the picture of the README: what `narrowcast run` printed, as an SVG.

Run: ``FORCE_COLOR=1 COLUMNS=100 narrowcast run -p demo > demo.txt`` after a demo, then
``python tools/render_demo.py demo.txt docs/images/demo.svg``.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from outcome import parser

WIDTH = 100


def main() -> None:
    """Replay the printed text, colours included; the workspace's folder is shortened."""
    options = parser(__doc__)
    options.add_argument("source", type=Path)
    options.add_argument("target", type=Path)
    given = options.parse_args()
    printed = given.source.read_text(encoding="utf-8")
    printed = re.sub(r"\S+(?=/projects/)", "~/.narrowcast", printed)
    recording = Console(record=True, width=WIDTH, highlight=False, file=sys.stderr)
    recording.print("[bold green]$[/] narrowcast run -p demo")
    recording.print(Text.from_ansi(printed.rstrip()))
    given.target.parent.mkdir(parents=True, exist_ok=True)
    recording.save_svg(str(given.target), title="narrowcast")
    if given.json:
        print(json.dumps({"written": str(given.target), "bytes": given.target.stat().st_size}))


if __name__ == "__main__":
    main()
