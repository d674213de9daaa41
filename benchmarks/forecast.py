"""The forecast of training beside what happened: five short runs of different methods, sizes and layouts.

Each run is `narrowcast train` in a process of its own on rows of the demo: preflight tries ten updates, the
run follows, and `run.json` keeps both. Bars: the error is under 30 % for time and 20 % for memory in each
run. Prints a table, or one object with `--json`; exits 0 where all bars hold.

    python benchmarks/forecast.py [--runs full-15m,lora-15m] [--updates 120]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from narrowcast.core.settings import Settings
from narrowcast.demo.project import configuration
from narrowcast.models.embedded import embedded_base
from narrowcast.ops.prepare import prepare
from narrowcast.ops.run import import_sources
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_json

TIME_BAR, MEMORY_BAR = 0.30, 0.20
ROWS = 500
# run → (layers, width) of a random model, None for the embedded base; training options
RUNS: dict[str, tuple[tuple[int, int] | None, dict[str, Any]]] = {
    "full-15m": (None, {"method": "full"}),
    "lora-15m": (None, {"method": "lora", "lora_rank": 16}),
    "full-3m": ((2, 256), {"method": "full", "batch_size": 16}),
    "dora-15m-padded": (None, {"method": "dora", "layout": "padded"}),
    "full-30m": ((8, 512), {"method": "full", "micro_batch_size": 4}),
}


def main() -> None:
    """Run, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", default=",".join(RUNS), help="comma-separated; default all")
    parser.add_argument("--updates", type=int, default=120, help="at least 100, ten times the probe's")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = _project(Path(folder))
        results = []
        for name in asked.runs.split(","):
            results.append({"run": name, **_measure(project, Path(folder), name, max(100, asked.updates))})
            if not asked.json:
                _print(results[-1], header=len(results) == 1)
        project.close()
    within = all(
        abs(each["seconds_error"]) < TIME_BAR and abs(each["memory_error"]) < MEMORY_BAR for each in results
    )
    if asked.json:
        print(json.dumps({"runs": results, "time_bar": TIME_BAR, "memory_bar": MEMORY_BAR, "ok": within}))
    else:
        verdict = "hold" if within else "do not hold"
        print(f"bars: time {TIME_BAR:.0%}, memory {MEMORY_BAR:.0%}: {verdict}")
    sys.exit(0 if within else 1)


def _project(folder: Path) -> Project:
    os.environ["NARROWCAST_HOME"] = str(folder / "home")
    project = Project.create(Settings.from_environment(), "forecast")
    config = configuration("forecast", "embedded")
    config.train = {}
    config.sources[0].limit = ROWS
    project.save_config(config)
    import_sources(project)
    prepare(project)
    return project


def _measure(project: Project, folder: Path, name: str, updates: int) -> dict[str, Any]:
    shape, options = RUNS[name]
    base = str(_random_model(folder / name, *shape)) if shape else "embedded"
    batch = options.get("batch_size", 8)
    rows = sum(1 for _ in (next(project.paths.prepared.glob("*/train.jsonl"))).open())
    epochs = math.ceil(updates / math.ceil(rows / batch))
    given = {"base": base, "epochs": epochs, "batch_size": batch, **options}
    settings = [part for key, value in given.items() for part in ("--set", f"{key}={value}")]
    command = ["train", "--project", project.slug, "--force", "--json", *settings]
    done = subprocess.run(
        [sys.executable, "-m", "narrowcast.cli.main", *command], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{name} failed:\n{done.stdout}\n{done.stderr}")
    result = json.loads(done.stdout)
    manifest = read_json(project.paths.root / result["path"] / "run.json")
    return {**manifest["forecast"], "updates": manifest["steps"], "layout": manifest["recipe"]["layout"]}


def _random_model(folder: Path, layers: int, width: int) -> Path:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    config = AutoConfig.from_pretrained(embedded_base())
    config.num_hidden_layers, config.hidden_size, config.intermediate_size = layers, width, width * 5 // 2
    config.layer_types, config.max_window_layers = ["full_attention"] * layers, layers
    AutoModelForCausalLM.from_config(config).float().save_pretrained(folder)
    AutoTokenizer.from_pretrained(embedded_base()).save_pretrained(folder)
    return folder


def _print(result: dict[str, Any], *, header: bool) -> None:
    if header:
        print(
            f"{'run':<17}{'layout':>8}{'updates':>9}{'seconds':>9}{'forecast':>10}{'error':>8}"
            f"{'MB':>8}{'forecast':>10}{'error':>8}"
        )
    print(
        f"{result['run']:<17}{result['layout']:>8}{result['updates']:>9}{result['seconds']:>9.1f}"
        f"{result['seconds_forecast']:>10.1f}{result['seconds_error']:>+8.0%}"
        f"{result['peak_bytes'] / 1e6:>8.0f}{result['peak_bytes_forecast'] / 1e6:>10.0f}"
        f"{result['memory_error']:>+8.0%}",
        flush=True,
    )


if __name__ == "__main__":
    main()
