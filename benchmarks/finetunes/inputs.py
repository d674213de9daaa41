"""What all trainers are given: a model with random weights, rows, and the order in which they are met."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

BATCH, RATE, RANK = 16, 2e-4, 16
LAYERS = 8  # 26 M parameters at the embedded base's width
WORDS = "please check the card payment account transfer fee rate today again why when how my order"


def write_model(folder: Path, **shape: int) -> None:
    """The embedded base's tokenizer and width, more layers, random weights; `shape` overrides its sizes."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from narrowcast.models.embedded import embedded_base

    base = Path(embedded_base())
    config = AutoConfig.from_pretrained(base, local_files_only=True)
    for name, value in {"num_hidden_layers": LAYERS, **shape}.items():
        setattr(config, name, value)
    config.layer_types = None
    config.max_window_layers = config.num_hidden_layers
    torch.manual_seed(0)
    folder.mkdir()
    for path in base.iterdir():
        if path.is_file() and path.suffix in {".json", ".jinja"} and path.name != "config.json":
            (folder / path.name).write_bytes(path.read_bytes())
    model = AutoModelForCausalLM.from_config(type(config)(**config.to_dict()), dtype=torch.float32)
    model.save_pretrained(folder)


def copy_model(name: str, folder: Path) -> None:
    """A base of this workspace or a folder, so that all trainers read the same files."""
    from narrowcast.core.settings import Settings
    from narrowcast.models.loading import resolve_base

    base = resolve_base(name, Settings.from_environment())
    folder.mkdir()
    for path in Path(base.path_or_id).iterdir():
        if path.is_file():
            (folder / path.name).symlink_to(path.resolve())


def made_rows(case: str, count: int, data: Path | None) -> list[dict[str, str]]:
    """System turn, user turn and answer of each row."""
    draw = random.Random(0)
    if case == "banking77":
        if data is None:
            raise SystemExit("banking77 needs --data, the folder that holds banking77/train.csv")
        with (data / "banking77" / "train.csv").open(newline="") as lines:
            found = list(csv.DictReader(lines))
        labels = sorted({row["category"] for row in found})
        system = f"Classify the message. Answer with one label.\nLabels: {', '.join(labels)}"
        picked = draw.sample(found, count)
        return [{"system": system, "user": row["text"], "answer": row["category"]} for row in picked]
    from narrowcast.models.embedded import embedded_base
    from narrowcast.models.loading import tokenizer_from

    tokenizer = tokenizer_from(embedded_base())
    words = WORDS.split()
    system = ""
    while case == "shared-256" and len(tokenizer(system)["input_ids"]) < 256:
        system += f"{draw.choice(words)} "
    return [
        {
            "system": system.strip(),
            "user": " ".join(draw.choices(words, k=draw.randint(8, 60))),
            "answer": f"{draw.choice(words)}_{draw.choice(words)}",
        }
        for _ in range(count)
    ]


def made_project(root: Path, rows: list[dict[str, str]]) -> Any:
    """A project whose data set is these rows, all for training."""
    from narrowcast.core.example import Example
    from narrowcast.core.ledger import StageLedger
    from narrowcast.core.manifest import DatasetManifest, LeakageReport, SplitPolicy
    from narrowcast.core.names import Split
    from narrowcast.core.paths import ProjectPaths
    from narrowcast.core.task import TaskSpec
    from narrowcast.store.datasets import dataset_version, save_version

    project = ProjectPaths(root)
    examples = [
        Example(
            {"messages": [{"role": role, "content": row[role]} for role in ("system", "user") if row[role]]},
            row["answer"],
            "made",
            index,
        )
        for index, row in enumerate(rows)
    ]
    splits = {Split.TRAIN: examples}
    save_version(
        project,
        DatasetManifest(
            version=dataset_version(splits),
            task=TaskSpec(profile="chat"),
            splits={},
            split_policy=SplitPolicy(ratios={}, seed=0, groups=len(rows)),
            leakage=LeakageReport(
                exact_inputs_shared=0, near_duplicates_shared=0, groups_shared=0, checked_pairs=0
            ),
            ledger=StageLedger(stage="prepare", rows_in=len(rows), rows_out=len(rows)),
            imports=[],
            provenance={},
        ),
        splits,
    )
    return project


def gathered(
    root: Path,
    model: Path,
    rows: list[dict[str, str]],
    method: str,
    precision: str = "auto",
    **more: object,
) -> Any:
    """The rows as narrowcast's train stage sees them (`TrainingSetup`), with its options and context."""
    from narrowcast.core.settings import Settings
    from narrowcast.core.stage import StageContext
    from narrowcast.stages.train import Options
    from narrowcast.training.setup import build_setup

    options = Options.model_validate(
        {"base": str(model), "method": method, "precision": precision, **TRAINING, **more}
    )
    settings = Settings.from_environment({}, home=root)
    context = StageContext(made_project(root, rows), settings, run_id="exp-0000000000", force=True)
    return build_setup(options, context), options, context


TRAINING: dict[str, object] = {
    "epochs": 1,
    "batch_size": BATCH,
    "learning_rate": RATE,
    "scheduler": "constant_with_warmup",
    "warmup_ratio": 0.0,
    "weight_decay": 0.0,
    "lora_rank": RANK,
    "lora_dropout": 0.0,
    "word_dropout": 0.0,
    "preflight": "off",
}
"""narrowcast's options that say what all trainers do; whatever else it decides is its own choice."""


def training_order(setup: Any, options: Any) -> list[int]:
    """Numbers of the rows in the order of the first epoch, `BATCH` of them in each optimizer step."""
    from narrowcast.training.data.batches import LengthGroupedBatches

    sizes = [row.size for row in setup.train.rows]
    order = LengthGroupedBatches(sizes, BATCH, setup.recipe.micro_batch_size, options.seed)
    return [number for batch in order for number in batch]
