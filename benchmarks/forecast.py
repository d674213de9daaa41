"""The forecast of training beside what happened: five short runs of different methods, sizes and layouts.

Each run is `narrowcast train` in a process of its own on rows of the demo: preflight tries ten optimizer
steps, the run follows, and `run.json` keeps both. The ratios are those of the forecast to what happened in
the same run. Bars: time within 30 % and memory within 20 % of it. Prints a table, or one object with
`--json`; exits 0 where all bars hold.

    python benchmarks/forecast.py [--runs full-15m,lora-15m] [--steps 120]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from narrowcast.pipeline.project import Project

TIME_BAR, MEMORY_BAR = 0.30, 0.20
ROWS = 500
FEWEST_STEPS = 100  # ten times the probe's; a shorter run is not forecast
# run → (layers, width) of a random model, None for the embedded base; training options
RUNS: dict[str, tuple[tuple[int, int] | None, dict[str, Any]]] = {
    "full-15m": (None, {"method": "full"}),
    "lora-15m": (None, {"method": "lora", "lora_rank": 16}),
    "full-3m": ((2, 256), {"method": "full", "batch_size": 16}),
    "dora-15m-padded": (None, {"method": "dora", "layout": "padded"}),
    "full-30m": ((8, 512), {"method": "full", "micro_batch_size": 4}),
}


def main() -> int:
    """Run, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", default=",".join(RUNS), help="comma-separated; default all")
    parser.add_argument("--steps", type=int, default=120, help=f"optimizer steps, at least {FEWEST_STEPS}")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        project = _project(Path(folder))
        for name in asked.runs.split(","):
            rows.append(_row(name, _measure(project, Path(folder), name, max(FEWEST_STEPS, asked.steps))))
            if not asked.json:
                _print(rows[-1], header=len(rows) == 1)
        project.close()
    holds = all(row["holds"] for row in rows)
    if asked.json:
        versions = {"python": platform.python_version(), "torch": version("torch")}
        print(
            json.dumps({"machine": platform.platform(), "versions": versions, "rows": rows, "holds": holds})
        )
    else:
        verdict = "hold" if holds else "do not hold"
        print(f"bars: time within {TIME_BAR:.0%}, memory within {MEMORY_BAR:.0%}: {verdict}")
    return 0 if holds else 1


def _project(folder: Path) -> Project:
    from narrowcast.core.settings import Settings
    from narrowcast.demo.project import configuration
    from narrowcast.ops.imports import import_sources
    from narrowcast.ops.prepare import prepare
    from narrowcast.pipeline.project import Project

    os.environ["NARROWCAST_HOME"] = str(folder / "home")
    project = Project.create(Settings.from_environment(), "forecast")
    config = configuration("forecast", "embedded")
    config.train = {}
    config.sources[0].limit = ROWS
    project.save_config(config)
    import_sources(project)
    prepare(project)
    return project


def _measure(project: Project, folder: Path, name: str, steps: int) -> dict[str, Any]:
    """The manifest of a run that does at least this number of optimizer steps."""
    shape, options = RUNS[name]
    base = str(_random_model(folder / name, *shape)) if shape else "embedded"
    batch = options.get("batch_size", 8)
    rows = sum(1 for _ in (next(project.paths.prepared.glob("*/train.jsonl"))).open())
    epochs = math.ceil(steps / math.ceil(rows / batch))
    given = {"base": base, "epochs": epochs, "batch_size": batch, **options}
    settings = [part for key, value in given.items() for part in ("--set", f"{key}={value}")]
    command = ["train", "--project", project.slug, "--force", "--json", *settings]
    done = subprocess.run(
        [sys.executable, "-m", "narrowcast.cli.main", *command], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{name} failed:\n{done.stdout}\n{done.stderr}")
    result = json.loads(done.stdout)
    manifest: dict[str, Any] = json.loads((project.paths.root / result["path"] / "run.json").read_text())
    return manifest


def _row(name: str, manifest: dict[str, Any]) -> dict[str, Any]:
    made = manifest["forecast"]
    time_ratio = made["seconds_forecast"] / made["seconds"]
    memory_ratio = made["peak_bytes_forecast"] / made["peak_bytes"]
    return {
        "run": name,
        "layout": manifest["recipe"]["layout"],
        "steps": manifest["steps"],
        "seconds": made["seconds"],
        "seconds_forecast": made["seconds_forecast"],
        "time_ratio": round(time_ratio, 2),
        "time_bar": [1 - TIME_BAR, 1 + TIME_BAR],
        "peak_bytes": made["peak_bytes"],
        "peak_bytes_forecast": made["peak_bytes_forecast"],
        "memory_ratio": round(memory_ratio, 2),
        "memory_bar": [1 - MEMORY_BAR, 1 + MEMORY_BAR],
        "holds": abs(time_ratio - 1) < TIME_BAR and abs(memory_ratio - 1) < MEMORY_BAR,
    }


def _random_model(folder: Path, layers: int, width: int) -> Path:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    from narrowcast.models.embedded import embedded_base

    config = AutoConfig.from_pretrained(embedded_base())
    config.num_hidden_layers, config.hidden_size, config.intermediate_size = layers, width, width * 5 // 2
    config.layer_types, config.max_window_layers = ["full_attention"] * layers, layers
    AutoModelForCausalLM.from_config(config).float().save_pretrained(folder)
    AutoTokenizer.from_pretrained(embedded_base()).save_pretrained(folder)
    return folder


def _print(row: dict[str, Any], *, header: bool) -> None:
    if header:
        print(
            f"{'run':<17}{'layout':>8}{'steps':>7}{'seconds':>9}{'forecast':>10}{'ratio':>7}"
            f"{'MB':>8}{'forecast':>10}{'ratio':>7}"
        )
    mark = "" if row["holds"] else "  missed"
    print(
        f"{row['run']:<17}{row['layout']:>8}{row['steps']:>7}{row['seconds']:>9.1f}"
        f"{row['seconds_forecast']:>10.1f}{row['time_ratio']:>7.2f}"
        f"{row['peak_bytes'] / 1e6:>8.0f}{row['peak_bytes_forecast'] / 1e6:>10.0f}"
        f"{row['memory_ratio']:>7.2f}{mark}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
