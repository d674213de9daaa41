"""LoRA in bf16, QLoRA, packed rows, forecasts and speed on a GPU, in at most six minutes.

Each part runs in a process of its own, prints its figures as soon as it has them, and is stopped when the
time is used up. The model has the shape of a 0.6 B base and random weights, so nothing is downloaded.

- `lora`, `qlora`: a run of the train stage as it chooses by itself; the loss falls, and the forecast of time
  and memory is within its bar of what happened.
- `packed`: the gradient of one step laid out as a tree equals that of padded rows.
- `speed`: narrowcast beside TRL, by `benchmarks/train.py`.

Exits 0 where all parts ran and hold, 1 where one does not, 2 where there is no GPU and nothing was run.
`--rehearse` runs the same parts, except `qlora`, on the CPU with a tiny model, to try the script itself.

    python benchmarks/gpu_check.py [--parts lora,qlora,packed,speed] [--json] [--rehearse]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from finetunes.inputs import BATCH, gathered, made_rows, write_model

LIMIT = 360.0  # seconds, of all parts together
PARTS = ("lora", "qlora", "packed", "speed")
FORECAST_BAR = 0.25  # share by which time and memory may differ from their forecast
GRADIENT_BAR = 0.02  # relative, in bf16
SHAPE = {  # of Qwen 3 0.6 B, but for the vocabulary
    "num_hidden_layers": 28,
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
}
TINY = {"num_hidden_layers": 2}
STEPS = 100  # the fewest for which a run is forecast


def main() -> None:
    """Run the parts in turn, or one as a worker."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--rehearse", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", metavar="PART", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        print(json.dumps(_work(asked.worker, rehearse=asked.rehearse)))
        return
    machine = _machine()
    if machine["gpu"] is None and not asked.rehearse:
        print(json.dumps({"run": False, "machine": machine}) if asked.json else "not run: there is no GPU")
        sys.exit(2)
    if not asked.json:
        print(", ".join(f"{name} {value}" for name, value in machine.items()), flush=True)
    deadline = time.monotonic() + LIMIT
    found = {}
    for part in asked.parts.split(","):
        if part == "qlora" and asked.rehearse:
            continue
        found[part] = _part(part, deadline - time.monotonic(), rehearse=asked.rehearse)
        if not asked.json:
            print(f"{part}: {json.dumps(found[part])}", flush=True)
    ok = all(each["ok"] for each in found.values())
    if asked.json:
        print(json.dumps({"run": True, "machine": machine, "parts": found, "ok": ok}))
    sys.exit(0 if ok else 1)


def _machine() -> dict[str, Any]:
    import torch

    there = torch.cuda.is_available()
    return {
        "gpu": torch.cuda.get_device_name(0) if there else None,
        "memory_gb": round(torch.cuda.get_device_properties(0).total_memory / 1e9, 1) if there else None,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
    }


def _part(part: str, seconds: float, *, rehearse: bool) -> dict[str, Any]:
    """One part in a process of its own; what went wrong is its result."""
    command = [sys.executable, __file__, "--worker", part, *(["--rehearse"] if rehearse else [])]
    began = time.monotonic()
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=False, timeout=max(1.0, seconds)
        )
    except subprocess.TimeoutExpired:
        return {"ok": False, "error": f"stopped after {time.monotonic() - began:.0f} s"}
    if done.returncode:
        return {"ok": False, "error": f"exit {done.returncode}"}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "part_seconds": round(time.monotonic() - began, 1)}


def _work(part: str, *, rehearse: bool) -> dict[str, Any]:
    if part == "speed":
        return _speed(rehearse=rehearse)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_model(folder / "model", **(TINY if rehearse else SHAPE))
        if part == "packed":
            return _packed(folder)
        return _trained(folder, part)


def _trained(folder: Path, method: str) -> dict[str, Any]:
    """A run with its forecast."""
    from narrowcast.models.loading import read_run_manifest
    from narrowcast.stages.train.contract import read_inputs
    from narrowcast.stages.train.run import train
    from narrowcast.training.outputs.trace import read_trace

    rows = made_rows("shared-256", STEPS * BATCH, None)
    _, options, context = gathered(
        folder / "home", folder / "model", rows, method, preflight="fail-open", probe_steps=10
    )
    result = train(read_inputs(options, context), options, context)
    losses = [line.loss for line in read_trace(context.project.root / result.trace) if line.loss is not None]
    forecast = read_run_manifest(context.project, result.run_id).forecast
    close = all(abs(forecast[name]) <= FORECAST_BAR for name in ("seconds_error", "memory_error"))
    return {
        "ok": close and losses[-1] < losses[0],
        "first_loss": round(losses[0], 4),
        "last_loss": round(losses[-1], 4),
        "tokens_per_second": result.tokens_per_second,
        "peak_gb": round(forecast["peak_bytes"] / 1e9, 2),
        "time_error": forecast["seconds_error"],
        "memory_error": forecast["memory_error"],
    }


def _packed(folder: Path) -> dict[str, Any]:
    """Gradients of one step in both layouts."""
    import torch

    gradients = {}
    for layout in ("padded", "tree"):
        rows = made_rows("shared-256", BATCH, None)
        setup, options, context = gathered(
            folder / layout, folder / "model", rows, "full", layout=layout, micro_batch_size=BATCH
        )
        gradients[layout] = _gradient(setup, options, context, folder / f"{layout}-scratch")
    left, right = gradients["padded"], gradients["tree"]
    differs = float(torch.linalg.vector_norm(left - right) / torch.linalg.vector_norm(left))
    return {"ok": differs <= GRADIENT_BAR, "relative_difference": differs, "values": left.numel()}


def _gradient(setup: Any, options: Any, context: Any, scratch: Path) -> Any:
    """Of the first step, all weights in one vector, by the trainer that trains."""
    import torch
    from transformers import TrainerCallback

    from narrowcast.core.seal import seal_nothing
    from narrowcast.training.objectives.build import probe_objective
    from narrowcast.training.session import training_arguments
    from narrowcast.training.trainer import CompletionTrainer, TrainingRows
    from narrowcast.training.weights import trainable_model

    kept = []

    class Keep(TrainerCallback):  # type: ignore[misc]
        def on_pre_optimizer_step(self, *_: Any, model: Any, **__: Any) -> None:
            kept.append(
                torch.cat([each.grad.float().flatten().cpu() for _, each in sorted(model.named_parameters())])
            )

    arguments = training_arguments(setup, options, scratch)
    arguments.max_steps, arguments.max_grad_norm = 1, 0.0
    torch.manual_seed(0)
    model = trainable_model(setup, options)
    rows = TrainingRows(
        rows=setup.train.rows, dev_rows=[], batch_size=BATCH, pad=setup.tokenizer.pad_token_id or 0
    )
    trainer = CompletionTrainer(
        model,
        arguments,
        rows,
        bf16=setup.recipe.precision == "bf16",
        objective=probe_objective(setup, options, model, context),
        callbacks=[Keep()],
        seal=seal_nothing,
    )
    trainer.train()
    return kept[0]


def _speed(*, rehearse: bool) -> dict[str, Any]:
    """`benchmarks/train.py` as it is; its bars are those of processors, and count for nothing here."""
    script = Path(__file__).with_name("train.py")
    steps = ["--steps", "4" if rehearse else "24", "--repeats", "1", "--json"]
    cases = ["--cases", "none" if rehearse else "shared-256,none", "--method", "lora"]
    done = subprocess.run(
        [sys.executable, script, *cases, *steps], stdout=subprocess.PIPE, text=True, check=False
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return {
        "ok": True,
        "cases": {
            each["case"]: {
                "over_default": round(each["over_default"], 2),
                "over_tuned": round(each["over_tuned"], 2),
            }
            for each in found["cases"]
        },
    }


if __name__ == "__main__":
    main()
