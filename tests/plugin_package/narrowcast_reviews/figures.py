"""The tracker `figures`: a JSON line for each figure, in a file of the run's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from narrowcast.core.settings import Settings
from narrowcast.training.tracking.base import Begun, Outcome, Point, TrackedRun


class FiguresTracker:
    """Keeps `figures.jsonl`; a run that continues continues the file."""

    def __init__(self) -> None:
        self._file = Path()

    def check(self, settings: Settings) -> None:
        """Nothing can be missing: no library, no key, no server."""

    def begin(self, run: TrackedRun) -> Begun:
        """Open the file of the run; say which steps it has, so that they are not sent again."""
        self._file = run.folder / "figures.jsonl"
        known: dict[str, int] = {}
        if run.tracked_as is None:
            self._write([{"run": run.run_id, **run.parameters}], "w")
        else:
            for line in self._file.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                if "step" in row:
                    known[row["figure"]] = max(row["step"], known.get(row["figure"], 0))
        return Begun(tracked_as=run.run_id, where=str(self._file), known=known)

    def log(self, points: Sequence[Point]) -> None:
        """Append; after an exception the same points come again."""
        self._write(
            [
                {"step": point.step, "figure": name, "value": value}
                for point in points
                for name, value in point.figures.items()
            ]
        )

    def end(self, outcome: Outcome, figures: Mapping[str, float], tags: Mapping[str, str]) -> None:
        """The last line holds what came out."""
        self._write([{"outcome": outcome, "figures": dict(figures), "tags": dict(tags)}])

    def _write(self, rows: Sequence[Mapping[str, Any]], mode: str = "a") -> None:
        with self._file.open(mode, encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
