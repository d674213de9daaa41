"""Draw the README's picture: what `narrowcast demo` printed, as an SVG.

    narrowcast demo --json > demo.json
    python tools/render_demo.py demo.json docs/images/demo.svg

The words come from the same functions that print them on a terminal; nothing is measured or retold here.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from narrowcast.cli import output

WIDTH = 100


def main(source: str, target: str) -> None:
    """Replay the finished demo into a recording console."""
    recording = Console(record=True, width=WIDTH, highlight=False, force_terminal=True, file=sys.stderr)
    output.console = recording  # before the modules below take it
    from narrowcast.cli.demo import conclude, introduce, show_step
    from narrowcast.demo.loop import DemoResult

    result = DemoResult.model_validate_json(Path(source).read_text(encoding="utf-8"))
    recording.print("[bold green]$[/] narrowcast demo")
    introduce("~/.narrowcast/projects/" + result.project, "embedded")
    for step in result.steps:
        show_step(step)
    conclude(result)
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    recording.save_svg(target, title="narrowcast")


if __name__ == "__main__":
    main(*sys.argv[1:])
