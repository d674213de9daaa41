"""`prepare` in a process of its own, stopped in each of its phases."""

from __future__ import annotations

import random
from functools import cache

import pytest

from narrowcast.core.example import Example
from narrowcast.pipeline.project import Project
from narrowcast.testing.edits import EDITS
from tests.similarity.planted import questions
from tests.support.stopping import stopped_in

from .conftest import Commit

ROWS = 20_000
MOST_SECONDS = 5.0


@cache
def rows() -> tuple[Example, ...]:
    """One in five is an edited copy."""
    originals, chance = questions(ROWS * 4 // 5), random.Random(1)
    edits = list(EDITS.values())
    edited = [chance.choice(edits)(text, chance, originals) for text in originals[: ROWS // 5]]
    return tuple(
        Example({"text": text}, "xy"[n % 2], "first", n) for n, text in enumerate(originals + edited)
    )


@pytest.mark.parametrize(
    "phase",
    ["reading and checking", "finding near-duplicates", "finding edited copies", "comparing held-out"],
)
def test_a_signal_ends_it_soon_in_each_phase(project: Project, commit: Commit, phase: str) -> None:
    commit(rows())
    before = sorted(project.paths.root.rglob("*"))
    stopped = stopped_in(phase, ["--home", str(project.settings.home), "prepare", "--project", project.slug])
    assert stopped.seconds < MOST_SECONDS
    assert stopped.code == 1
    assert "stopped on request" in stopped.said
    assert project.trail.events()[-1].reason_code == "system_cancelled"
    left = set(project.paths.root.rglob("*")) - set(before)
    assert not [path for path in left if path.is_file() and project.paths.prepared in path.parents]
    assert not [path for path in left if path.name.endswith((".part", ".old"))]
