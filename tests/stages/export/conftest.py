"""A project with a trained tiny model, made once by the real stages; each test works on a copy."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from narrowcast.core.example import Example
from narrowcast.core.ledger import StageLedger
from narrowcast.core.manifest import DatasetManifest, ImportRecord, LeakageReport, SplitPolicy
from narrowcast.core.names import Provenance, ScoringMode, Split
from narrowcast.core.settings import Settings
from narrowcast.core.task import TaskSpec
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages.train import STAGE as TRAIN
from narrowcast.store.datasets import dataset_version, save_version
from narrowcast.testing.tiny import build_tiny_model

WORDS = {
    "card_arrival": ["card", "plastic"],
    "exchange_rate": ["exchange", "rate"],
    "fee": ["fee", "charged"],
}


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def sentences(count: int, group: int = 1) -> list[Example]:
    """Labelled sentences; with `group`, as many in a row have the same group key."""
    draw = random.Random(0)
    rows = []
    for index in range(count):
        label = draw.choice(list(WORDS))
        filler = " ".join(
            draw.choices(["please", "my", "account", "the", "what", "is"], k=draw.randint(2, 9))
        )
        text = f"{filler} {draw.choice(WORDS[label])}"
        key = None if group == 1 else f"case {index // group}"
        rows.append(Example({"text": text}, label, "made", index, group=key))
    return rows


def train_project(
    home: Path,
    spec: TaskSpec,
    rows: list[Example],
    *,
    dev: int,
    template: str = "",
    base: Path | None = None,
    **options: object,
) -> None:
    """A workspace with the project `task`, its data prepared and a model trained."""
    base = base or build_tiny_model(home / "base")
    if template:
        (base / "chat_template.jinja").write_text(template)
    project = Project.create(Settings.from_environment({}, home=home / "work"), "task")
    splits = {Split.TRAIN: rows[:-dev], Split.DEV: rows[-dev:], Split.TEST: []}
    manifest = DatasetManifest(
        version=dataset_version(splits),
        task=spec,
        splits={},
        split_policy=SplitPolicy(ratios={}, seed=0, groups=len(rows)),
        leakage=LeakageReport(
            exact_inputs_shared=0, near_duplicates_shared=0, groups_shared=0, checked_pairs=0
        ),
        ledger=StageLedger(stage="prepare", rows_in=len(rows), rows_out=len(rows)),
        imports=[
            ImportRecord(
                id="made", locator="jsonl:rows.jsonl", mapper="label_to_classification", rows=len(rows),
                accepted=len(rows), raw_sha256="0" * 64, accepted_sha256="0" * 64, licence="CC0-1.0",
            )
        ],
        provenance={Provenance.SYNTHETIC: len(rows)},
    )  # fmt: skip
    save_version(project.paths, manifest, splits)
    trained = stage_options(project, TRAIN, {"base": str(base), "batch_size": 8, **options})
    project.runner().run(TRAIN, trained, force=True)
    project.close()


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier with an adapter."""
    home = tmp_path_factory.mktemp("trained")
    spec = TaskSpec(profile="classification", labels=list(WORDS))
    train_project(home, spec, sentences(120), dev=40, epochs=6, learning_rate=3e-3, method="lora")
    return home


@pytest.fixture(scope="session", params=["skilled", "weak"])
def either_home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier that knows its task, and one that learned nothing; 100 dev rows each."""
    home = tmp_path_factory.mktemp(request.param)
    spec = TaskSpec(profile="classification", labels=list(WORDS))
    rate, epochs = (3e-3, 6) if request.param == "skilled" else (1e-7, 1)
    train_project(home, spec, sentences(260), dev=100, epochs=epochs, learning_rate=rate, method="lora")
    return home


@pytest.fixture(scope="session")
def extraction_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An extractor, all weights trained."""
    home = tmp_path_factory.mktemp("extraction")
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "people": {"type": ["integer", "null"]}},
    }
    spec = TaskSpec(
        profile="structured_extraction", output_schema=schema, scoring_mode=ScoringMode.FIELD_MATCH
    )
    draw = random.Random(1)
    rows = []
    for index in range(60):
        name, people = draw.choice(["Alex", "Ümit", "Zoë"]), draw.choice([2, 4, None])
        text = f"table for {people or 'us'}, {name}"
        rows.append(Example({"text": text}, {"name": name, "people": people}, "made", index))
    train_project(home, spec, rows, dev=12, epochs=3, learning_rate=3e-3, method="full")
    return home


@pytest.fixture
def grouped(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Iterator[Project]:
    """A classifier that learned little; its 40 dev rows are 8 groups."""
    home = tmp_path_factory.mktemp("grouped")
    spec = TaskSpec(profile="classification", labels=list(WORDS))
    train_project(home, spec, sentences(80, group=5), dev=40, epochs=1, learning_rate=1e-7, method="lora")
    yield from opened_copy(home, tmp_path)


@pytest.fixture
def trained(trained_home: Path, tmp_path: Path) -> Iterator[Project]:
    """A copy of the trained project, in a workspace of its own."""
    yield from opened_copy(trained_home, tmp_path)


@pytest.fixture
def either(either_home: Path, tmp_path: Path) -> Iterator[Project]:
    """A copy of the skilled project, and of the weak one."""
    yield from opened_copy(either_home, tmp_path)


@pytest.fixture
def extractor(extraction_home: Path, tmp_path: Path) -> Iterator[Project]:
    """A copy of the extraction project."""
    yield from opened_copy(extraction_home, tmp_path)


def opened_copy(home: Path, tmp_path: Path, name: str = "task") -> Iterator[Project]:
    """A copy of a project of a home, in a workspace of its own."""
    root = shutil.copytree(home / "work" / "projects" / name, tmp_path / name)
    opened = Project.open(Settings.from_environment({}, home=tmp_path / "work"), str(root))
    yield opened
    opened.close()
