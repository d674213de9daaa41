"""Fine-tuning speed beside peers: same model, rows, optimizer steps and learning rate; examples per second.

Contenders: `narrowcast train` as it chooses by itself; TRL's `SFTTrainer` at its defaults; TRL tuned (no
recomputed activations, all rows of a step at once); LLaMA-Factory tuned likewise, where `--llamafactory`
names the Python of an environment that holds it. Cases: a system prompt of 256 tokens that all rows share;
none; and banking77 with its label list in the prompt (`--data`, shared data).

Every run is a process of its own; contenders take turns, and the figure is the median of `--repeats`. All of
them meet the same rows in each step, of similar length. Speed is measured from the end of the third step
to the end of the last, so start-up and the preparation of first shapes count for nobody. The loss after
training is that of plain transformers on the same rows. The floor is the time that the products of a step
alone would take at the rate that this machine sustains for large ones, measured in the same run before and
after training; the ratio at the rate of the fastest single product is printed beside it. All contenders
compute in the same arithmetic: bf16 where the machine multiplies it in hardware, else float32. The model has
26 M parameters and random weights, or is the one that `--base` names. Prints a table, or one object with
`--json`; exits 0 where all bars hold.

Speed differs between kinds of processors more than between models. The last figures of each kind are kept in
`benchmarks/train.json`, and those of the other kinds are printed beside this machine's.

    python benchmarks/train.py [--cases shared-256,none] [--method full] [--base smollm2-135m] [--steps 24]
        [--repeats 3] [--precision auto] [--llamafactory PYTHON] [--data DATA]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from finetunes.inputs import (
    BATCH,
    RANK,
    RATE,
    copy_model,
    gathered,
    made_rows,
    training_order,
    write_model,
)

WARM = 3  # optimizer steps before the clock starts
# case → at least this many times as fast as (TRL's defaults, TRL tuned)
BARS: dict[str, tuple[float | None, float | None]] = {
    "shared-256": (10.0, 4.0),
    "none": (None, 1.8),
    "banking77": (None, None),
}
LOSS_BAR = 0.01
MADE = "made-26m"
KEPT = Path(__file__).with_suffix(".json")


def floor_bar(base: str, kind: str) -> float:
    """A step may take as many times as long as its products alone would."""
    if base != MADE:
        return 3.0
    return 4.0 if "AMX" in kind else 5.0


def main() -> None:
    """Run all contenders on all cases in turns, or one as a worker."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", default="shared-256,none")
    parser.add_argument("--method", choices=["full", "lora"], default="full")
    parser.add_argument("--base", default=MADE, help="a pulled model instead of the made one: smollm2-135m")
    parser.add_argument("--steps", type=int, default=24, help="optimizer steps of each run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--precision", choices=["auto", "bf16", "fp32"], default="auto")
    parser.add_argument("--data", type=Path, help="folder with banking77/train.csv, for that case")
    parser.add_argument("--llamafactory", metavar="PYTHON", help="of an environment with LLaMA-Factory")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", nargs=2, metavar=("CONTENDER", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        contender, folder = asked.worker
        print(json.dumps(_work(contender, Path(folder), asked)))
        return
    reason = "asked for"
    if asked.precision == "auto":
        from narrowcast.models.arithmetic import best_precision

        asked.precision, reason = best_precision()
    asked.kind = machine_kind()
    print(f"{asked.kind}; arithmetic: {asked.precision} ({reason})", file=sys.stderr, flush=True)
    results = [_case(name, asked) for name in asked.cases.split(",")]
    hold = all(result["ok"] for result in results)
    if asked.json:
        print(json.dumps({"machine": asked.kind, "cases": results, "ok": hold}))
    else:
        print(f"bars: {'hold' if hold else 'do not hold'}")
    sys.exit(0 if hold else 1)


def _case(name: str, asked: argparse.Namespace) -> dict[str, Any]:
    contenders = ["narrowcast", "trl", "trl-tuned", *(["llamafactory"] if asked.llamafactory else [])]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rows = _write_inputs(folder, name, asked)
        runs: dict[str, list[dict[str, float]]] = {each: [] for each in contenders}
        for _ in range(asked.repeats):
            for contender in contenders:
                begin = time.monotonic()
                runs[contender].append(_run(contender, folder, rows, asked))
                print(
                    f"{name}: {contender} took {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True
                )
    found = {
        contender: {key: median(run[key] for run in each) for key in each[0]}
        for contender, each in runs.items()
    }
    ours, default, tuned = (found[each] for each in contenders[:3])
    ratios = (ours["speed"] / default["speed"], ours["speed"] / tuned["speed"])
    limit = floor_bar(asked.base, asked.kind)
    fast = all(bar is None or ratio >= bar for ratio, bar in zip(ratios, BARS[name], strict=True))
    close = all(abs(ours["loss"] / other["loss"] - 1) <= LOSS_BAR for other in (default, tuned))
    lean = ours["peak_mib"] <= tuned["peak_mib"]
    result = {
        "case": name,
        "machine": asked.kind,
        "base": asked.base,
        "method": asked.method,
        "precision": asked.precision,
        "steps": asked.steps,
        "repeats": asked.repeats,
        "contenders": found,
        "over_default": ratios[0],
        "over_tuned": ratios[1],
        "bars": BARS[name],
        "floor_bar": limit,
        "ok": fast and close and lean and ours["floor_ratio"] <= limit,
    }
    others = keep(result)
    if not asked.json:
        _print(result)
        for other in others:
            _print_other(other)
    return result


def machine_kind() -> str:
    """The widest products that the processor computes and oneDNN may use; the threads that torch takes."""
    import torch

    from narrowcast.models.arithmetic import best_precision

    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name(0))
    cpu = torch.cpu
    kinds = {"AMX bf16": cpu._is_amx_tile_supported(), "AVX-512 bf16": cpu._is_avx512_bf16_supported()}
    named = [kind for kind, there in kinds.items() if there and best_precision()[0] == "bf16"]
    return (
        f"{named[0] if named else torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads"
    )


def keep(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Store the figures in place of the last ones of such a machine; those of other machines are returned.

    Those of another precision or number of steps, such as of a rehearsal, are figures of something else.
    """
    subject = ("case", "base", "method", "precision", "steps")
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else []
    same = [each for each in kept if all(each[name] == result[name] for name in subject)]
    others = [each for each in same if each["machine"] != result["machine"]]
    rest = [each for each in kept if each not in same]
    stored = sorted([*rest, *others, result], key=lambda each: [each[name] for name in (*subject, "machine")])
    KEPT.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return others


def _print_other(result: dict[str, Any]) -> None:
    ours = result["contenders"]["narrowcast"]
    print(
        f"  last on {result['machine']}: {ours['speed']:.2f} examples/s, {result['over_default']:.2f} and "
        f"{result['over_tuned']:.2f} times TRL, {ours['floor_ratio']:.2f} times the floor",
        flush=True,
    )


def _write_inputs(folder: Path, name: str, asked: argparse.Namespace) -> list[dict[str, str]]:
    if asked.base == MADE:
        write_model(folder / "model")
    else:
        copy_model(asked.base, folder / "model")
    rows = made_rows(name, asked.steps * BATCH, asked.data)
    setup, options, _ = gathered(folder / "order", folder / "model", rows, asked.method, asked.precision)
    assert len(setup.train.rows) == len(rows)
    ordered = [rows[number] for number in training_order(setup, options)]
    (folder / "rows.json").write_text(json.dumps(rows))
    (folder / "ordered.json").write_text(json.dumps(ordered))
    return rows


def _run(
    contender: str, folder: Path, rows: list[dict[str, str]], asked: argparse.Namespace
) -> dict[str, float]:
    if contender == "llamafactory":
        script = Path(__file__).parent / "finetunes" / "with_llamafactory.py"
        numbers = [str(each) for each in (WARM, BATCH, RATE, RANK)]
        command = [asked.llamafactory, str(script), str(folder), asked.method, asked.precision, *numbers]
    else:
        settings = ["--method", asked.method, "--precision", asked.precision]
        command = [sys.executable, __file__, "--worker", contender, str(folder), *settings]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    from finetunes.loss import answer_loss

    saved = Path(found.pop("saved"))
    return {**found, "loss": answer_loss(folder / "model", saved, rows)}


def _work(contender: str, folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    from finetunes import ours, peers

    if contender == "narrowcast":
        rows = json.loads((folder / "rows.json").read_text())
        return ours.train(folder, rows, asked.method, asked.precision, WARM)
    rows = json.loads((folder / "ordered.json").read_text())
    tuned = contender == "trl-tuned"
    return peers.train(folder, rows, asked.method, asked.precision, WARM, tuned=tuned)


def _print(result: dict[str, Any]) -> None:
    print(f"{result['case']}, {result['base']}, {result['method']}, {result['precision']}")
    for name, row in result["contenders"].items():
        print(
            f"  {name:12} {row['speed']:8.2f} examples/s  {row['peak_mib']:7.0f} MiB  loss {row['loss']:.4f}"
        )
    bars = [f" (bar {bar:g})" if bar else "" for bar in result["bars"]]
    ours = result["contenders"]["narrowcast"]
    print(f"  {result['over_default']:.2f} times TRL's defaults{bars[0]}, ", end="")
    print(f"{result['over_tuned']:.2f} times TRL tuned{bars[1]}, ", end="")
    print(
        f"{ours['floor_ratio']:.2f} times the floor (bar {result['floor_bar']:g}), "
        f"{ours['fastest_floor_ratio']:.2f} at the rate of the fastest product",
        flush=True,
    )


if __name__ == "__main__":
    main()
