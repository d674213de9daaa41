"""A prepared data set and a tiny base, made with the real parts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from narrowcast.core.example import Example
from narrowcast.core.ledger import StageLedger
from narrowcast.core.manifest import DatasetManifest, LeakageReport, SplitPolicy
from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.settings import Settings
from narrowcast.core.stage import StageContext
from narrowcast.core.task import TaskSpec
from narrowcast.stages.train import Options
from narrowcast.stages.train.contract import read_inputs
from narrowcast.stages.train.run import train
from narrowcast.store.datasets import dataset_version, save_version
from narrowcast.testing.tiny import build_tiny_model

WORDS = {"card": ["card", "plastic"], "rate": ["exchange", "rate"], "fee": ["fee", "charged"]}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny products are slower on two threads, much slower where another process has one of the cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("base") / "tiny")


def sentences(count: int, seed: int = 0) -> list[Example]:
    """Three labels that a word of the text decides."""
    draw = random.Random(seed)
    rows = []
    for index in range(count):
        label = draw.choice(list(WORDS))
        filler = " ".join(
            draw.choices(["please", "my", "account", "the", "what", "is"], k=draw.randint(2, 12))
        )
        rows.append(Example({"text": f"{filler} {draw.choice(WORDS[label])}"}, label, "made", index))
    return rows


def prepare(
    root: Path,
    splits: dict[Split, list[Example]],
    labels: list[str],
    profile: str = "classification",
) -> ProjectPaths:
    """A project folder with this data set as its current version."""
    project = ProjectPaths(root)
    rows = sum(map(len, splits.values()))
    save_version(
        project,
        DatasetManifest(
            version=dataset_version(splits),
            task=TaskSpec(profile=profile, labels=labels),
            splits={},
            split_policy=SplitPolicy(ratios={}, seed=0, groups=rows),
            leakage=LeakageReport(
                exact_inputs_shared=0, near_duplicates_shared=0, groups_shared=0, checked_pairs=0
            ),
            ledger=StageLedger(stage="prepare", rows_in=rows, rows_out=rows),
            imports=[],
            provenance={},
        ),
        splits,
    )
    return project


class Workshop:
    """Trains on a small data set and keeps what was emitted."""

    def __init__(self, project: ProjectPaths, base: Path) -> None:
        self.project, self.base = project, base
        self.events: list[tuple[str, str, dict[str, object]]] = []

    def context(self, run_id: str = "exp-0000000000", **fields: object) -> StageContext:
        def emit(code: str, message: str, payload: dict[str, object] | None = None) -> None:
            self.events.append((code, message, payload or {}))

        values = {"force": True, "emit": emit, **fields}
        return StageContext(self.project, Settings.from_environment(), run_id=run_id, **values)  # type: ignore[arg-type]

    def options(self, **fields: object) -> Options:
        values = {
            "base": str(self.base),
            "epochs": 2,
            "batch_size": 8,
            "precision": "fp32",
            "forgetting_check": False,  # says nothing of random weights
            **fields,
        }
        return Options.model_validate(values)

    def train_inputs(self):  # type: ignore[no-untyped-def]
        return read_inputs(self.options(), self.context())

    def train(self, context: StageContext | None = None, **fields: object):  # type: ignore[no-untyped-def]
        options = self.options(**fields)
        return train(read_inputs(options, context or self.context()), options, context or self.context())


@pytest.fixture
def workshop(tmp_path: Path, tiny_base: Path) -> Workshop:
    rows = sentences(80)
    project = prepare(tmp_path / "p", {Split.TRAIN: rows[:64], Split.DEV: rows[64:]}, list(WORDS))
    return Workshop(project, tiny_base)


@pytest.fixture
def workshop_with(tmp_path: Path, tiny_base: Path) -> Callable[..., Workshop]:
    def make(splits: dict[Split, list[Example]]) -> Workshop:
        return Workshop(prepare(tmp_path / "other", splits, list(WORDS)), tiny_base)

    return make
