"""Data sets as `prepare` leaves them, of rows that a tiny model learns in a few steps."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from narrowcast.core.example import Example
from narrowcast.core.ledger import StageLedger
from narrowcast.core.manifest import DatasetManifest, LeakageReport, SplitPolicy
from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.task import TaskSpec
from narrowcast.store.datasets import dataset_version, save_version

TOPICS = {"card": ["card", "plastic"], "rate": ["exchange", "rate"], "fee": ["fee", "charged"]}
"""Label → the words that decide it."""

_FILLER = ["please", "my", "account", "the", "what", "is"]


def sentences(count: int, seed: int = 0, topics: Mapping[str, Sequence[str]] = TOPICS) -> list[Example]:
    """Texts whose label one word decides."""
    draw = random.Random(seed)
    rows = []
    for index in range(count):
        label = draw.choice(list(topics))
        filler = " ".join(draw.choices(_FILLER, k=draw.randint(2, 12)))
        rows.append(Example({"text": f"{filler} {draw.choice(topics[label])}"}, label, "made", index))
    return rows


def classification(labels: Sequence[str] = tuple(TOPICS)) -> TaskSpec:
    """The task of `sentences`."""
    return TaskSpec(profile="classification", labels=list(labels))


def save_dataset(
    root: Path, splits: Mapping[Split, list[Example]], task: TaskSpec | None = None, **fields: Any
) -> ProjectPaths:
    """Make these rows the current data set of a project folder.

    Args:
        root: of the project.
        splits: its rows.
        task: that of `sentences` by default.
        fields: others of the manifest, such as imports and provenance.
    """
    project, rows = ProjectPaths(root), sum(map(len, splits.values()))
    values: dict[str, Any] = {
        "version": dataset_version(splits),
        "task": task or classification(),
        "splits": {},
        "split_policy": SplitPolicy(ratios={}, seed=0, groups=rows),
        "leakage": LeakageReport(
            exact_inputs_shared=0, near_duplicates_shared=0, groups_shared=0, checked_pairs=0
        ),
        "ledger": StageLedger(stage="prepare", rows_in=rows, rows_out=rows),
        "imports": [],
        "provenance": {},
    }
    save_version(project, DatasetManifest(**{**values, **fields}), splits)
    return project


def split_rows(rows: Sequence[Example], *, dev: int, test: int = 0) -> dict[Split, list[Example]]:
    """The last rows for test, those before them for dev, the others for training."""
    train = len(rows) - dev - test
    return {
        Split.TRAIN: list(rows[:train]),
        Split.DEV: list(rows[train : train + dev]),
        Split.TEST: list(rows[train + dev :]),
    }
