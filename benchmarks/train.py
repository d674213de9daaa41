"""Fine-tuning speed beside TRL: the same model, rows, updates and learning rate; examples per second.

Contenders: `narrowcast train` as it chooses by itself; TRL's `SFTTrainer` at its defaults; TRL tuned (no
recomputed activations, all rows of an update at once, grouped by length). Cases: a system prompt of 256
tokens that all rows share; none; and banking77 with its label list in the prompt (`--data`, shared data).

Every run is a process of its own; contenders take turns, and the figure is the median of `--repeats`. Speed
is measured from the end of the third update to the end of the last, so start-up and the preparation of
first shapes count for nobody. The loss after training is that of plain transformers on the same rows.
Prints a table, or one object with `--json`; exits 0 where all bars hold.

    python benchmarks/train.py [--cases shared-256,none] [--updates 24] [--repeats 3] [--data DATA]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

BATCH, RATE, WARM = 16, 2e-4, 3
LAYERS = 8  # 26 M parameters at the embedded base's width
CONTENDERS = ("narrowcast", "trl", "trl-tuned")
# case → at least this many times as fast as (TRL's defaults, TRL tuned)
BARS: dict[str, tuple[float | None, float | None]] = {
    "shared-256": (10.0, 4.0),
    "none": (None, 1.8),
    "banking77": (None, None),
}
LOSS_BAR = 0.01
WORDS = "please check the card payment account transfer fee rate today again why when how my order"


def main() -> None:
    """Run all contenders on all cases in turns, or one as a worker."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", default="shared-256,none")
    parser.add_argument("--method", choices=["full", "lora"], default="full")
    parser.add_argument("--updates", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--data", type=Path, help="folder with banking77/train.csv, for that case")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", nargs=2, metavar=("CONTENDER", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        contender, folder = asked.worker
        print(json.dumps(_work(contender, Path(folder), asked.method, asked.updates)))
        return
    results = [_case(name, asked) for name in asked.cases.split(",")]
    hold = all(result["ok"] for result in results)
    if asked.json:
        print(json.dumps({"cases": results, "ok": hold}))
    else:
        print(f"bars: {'hold' if hold else 'do not hold'}")
    sys.exit(0 if hold else 1)


def _case(name: str, asked: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _write_model(folder / "model")
        rows = _rows(name, asked.updates * BATCH, asked.data)
        (folder / "rows.json").write_text(json.dumps(rows))
        runs: dict[str, list[dict[str, float]]] = {each: [] for each in CONTENDERS}
        for _ in range(asked.repeats):
            for contender in CONTENDERS:
                command = [sys.executable, __file__, "--worker", contender, place]
                command += ["--method", asked.method, "--updates", str(asked.updates)]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                runs[contender].append(json.loads(done.stdout.splitlines()[-1]))
    found = {
        contender: {key: median(run[key] for run in each) for key in each[0]}
        for contender, each in runs.items()
    }
    ours, default, tuned = (found[contender] for contender in CONTENDERS)
    ratios = (ours["speed"] / default["speed"], ours["speed"] / tuned["speed"])
    fast = all(bar is None or ratio >= bar for ratio, bar in zip(ratios, BARS[name], strict=True))
    close = all(abs(ours["loss"] / other["loss"] - 1) <= LOSS_BAR for other in (default, tuned))
    lean = ours["peak_mib"] <= tuned["peak_mib"]
    result = {
        "case": name,
        "contenders": found,
        "over_default": ratios[0],
        "over_tuned": ratios[1],
        "bars": BARS[name],
        "ok": fast and close and lean,
    }
    if not asked.json:
        _print(result)
    return result


def _print(result: dict[str, Any]) -> None:
    print(f"{result['case']}")
    for name, row in result["contenders"].items():
        print(
            f"  {name:12} {row['speed']:8.2f} examples/s  {row['peak_mib']:7.0f} MiB  loss {row['loss']:.4f}"
        )
    bars = [f" (bar {bar:g})" if bar else "" for bar in result["bars"]]
    print(f"  {result['over_default']:.2f} times TRL's defaults{bars[0]}, ", end="")
    print(f"{result['over_tuned']:.2f} times TRL tuned{bars[1]}", flush=True)


def _write_model(folder: Path) -> None:
    """The embedded base's tokenizer and width, more layers, random weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from narrowcast.models.embedded import embedded_base

    base = Path(embedded_base())
    config = AutoConfig.from_pretrained(base, local_files_only=True)
    config.num_hidden_layers = LAYERS
    config.layer_types = None
    config.max_window_layers = LAYERS
    torch.manual_seed(0)
    folder.mkdir()
    for path in base.iterdir():
        if path.is_file() and path.suffix in {".json", ".jinja"} and path.name != "config.json":
            (folder / path.name).write_bytes(path.read_bytes())
    model = AutoModelForCausalLM.from_config(type(config)(**config.to_dict()), dtype=torch.float32)
    model.save_pretrained(folder)


def _rows(case: str, count: int, data: Path | None) -> list[dict[str, str]]:
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


def _work(contender: str, folder: Path, method: str, updates: int) -> dict[str, float]:
    rows = json.loads((folder / "rows.json").read_text())
    train = _ours if contender == "narrowcast" else _trl
    return train(folder, rows, method, updates, contender == "trl-tuned")


def _ours(folder: Path, rows: list[dict[str, str]], method: str, updates: int, _: bool) -> dict[str, float]:
    """The train stage on one epoch; times from its own trace."""
    from narrowcast.core.settings import Settings
    from narrowcast.models.memory import peak_bytes, reset_peak
    from narrowcast.stages.base import StageContext
    from narrowcast.stages.train import Options
    from narrowcast.stages.train.contract import read_inputs
    from narrowcast.stages.train.trace import read_trace
    from narrowcast.stages.train.training import train

    project = _project(folder / f"home-{os.getpid()}", rows)
    options = Options.model_validate(
        {
            "base": str(folder / "model"),
            "method": method,
            "epochs": 1,
            "batch_size": BATCH,
            "learning_rate": RATE,
            "scheduler": "constant_with_warmup",
            "warmup_ratio": 0.0,
            "weight_decay": 0.0,
            "lora_rank": 16,
            "preflight": "off",
        }
    )
    settings = Settings.from_environment({}, home=folder)
    context = StageContext(project, settings, run_id="exp-0000000000", force=True)
    reset_peak()
    result = train(read_inputs(project, options), options, context)
    peak = peak_bytes()
    lines = [line for line in read_trace(project.root / result.trace) if line.loss is not None]
    assert len(lines) == updates, f"{len(lines)} updates"
    seconds = lines[-1].seconds - lines[WARM - 1].seconds
    return {
        "speed": (updates - WARM) * BATCH / seconds,
        "peak_mib": peak / 2**20,
        "loss": _loss(_trained(folder / "model", project.root / result.path, method), folder, rows),
    }


def _project(root: Path, rows: list[dict[str, str]]) -> Any:
    """A project whose data set is these rows, all for training."""
    from narrowcast.core.example import Example
    from narrowcast.core.ledger import StageLedger
    from narrowcast.core.manifest import DatasetManifest, LeakageReport, SplitPolicy
    from narrowcast.core.names import Split, TaskProfile
    from narrowcast.core.task import TaskSpec
    from narrowcast.store.dataset import dataset_version, save_version
    from narrowcast.store.workspace import ProjectPaths

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
            task=TaskSpec(profile=TaskProfile.CHAT),
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


def _trl(
    folder: Path, rows: list[dict[str, str]], method: str, updates: int, tuned: bool
) -> dict[str, float]:
    """`SFTTrainer` on one epoch: at its defaults, or without recomputation and grouped by length."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from narrowcast.models.memory import peak_bytes, reset_peak

    times: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            times.append(time.monotonic())

    chosen = (
        {
            "activation_checkpointing": False,
            "per_device_train_batch_size": BATCH,
            "train_sampling_strategy": "group_by_length",
        }
        if tuned
        else {"gradient_accumulation_steps": BATCH // 8}  # its default of 8 rows at once
    )
    arguments = SFTConfig(
        output_dir=str(folder / f"trl-{os.getpid()}"),
        max_steps=updates,
        learning_rate=RATE,
        lr_scheduler_type="constant",
        bf16=True,
        max_length=2048,
        report_to="none",
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
        **chosen,
    )
    table = [
        {
            "prompt": [{"role": role, "content": row[role]} for role in ("system", "user") if row[role]],
            "completion": [{"role": "assistant", "content": row["answer"]}],
        }
        for row in rows
    ]
    adapter = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    trainer = SFTTrainer(
        _plain(folder / "model"),
        args=arguments,
        train_dataset=Dataset.from_list(table),
        processing_class=_tokenizer(folder),
        callbacks=[Clock()],
        peft_config=adapter if method == "lora" else None,
    )
    reset_peak()
    trainer.train()
    peak = peak_bytes()
    return {
        "speed": (updates - WARM) * BATCH / (times[-1] - times[WARM - 1]),
        "peak_mib": peak / 2**20,
        "loss": _loss(trainer.model.eval(), folder, rows),
    }


def _loss(model: Any, folder: Path, rows: list[dict[str, str]]) -> float:
    """Nats per answer token of the first 64 rows, by plain transformers in float32."""
    import torch

    from narrowcast.core.message import Message
    from narrowcast.models.chat import IGNORED, render_training

    tokenizer = _tokenizer(folder)
    total, tokens = 0.0, 0
    with torch.inference_mode():
        for row in rows[:64]:
            roles = {"system": row["system"], "user": row["user"], "assistant": row["answer"]}
            turns = [Message(role, text) for role, text in roles.items() if text]  # type: ignore[arg-type]
            ids, labels = render_training(tokenizer, turns)
            logits = model(input_ids=torch.tensor([ids])).logits[0, :-1].float()
            wanted = torch.tensor(labels[1:])
            total += torch.nn.functional.cross_entropy(
                logits, wanted, ignore_index=IGNORED, reduction="sum"
            ).item()
            tokens += int((wanted != IGNORED).sum())
    return total / tokens


def _plain(folder: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=torch.float32)


def _trained(base: Path, saved: Path, method: str) -> Any:
    if method == "full":
        return _plain(saved).eval()
    from peft import PeftModel

    return PeftModel.from_pretrained(_plain(base), saved).eval()


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder / "model", local_files_only=True)


if __name__ == "__main__":
    main()
