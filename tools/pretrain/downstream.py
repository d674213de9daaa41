"""Fine-tunes from the base and from random weights, through the command line, on three public tasks.

Each task's official test split is the test split here, and its training rows that are in the test split
are left out by `narrowcast prepare`. All fine-tunes of one table have the same rows, order and updates;
the two starts differ in their weights alone.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

METHODS = ("lora", "full")
METRICS = {"banking77": "macro_f1", "clinc150": "accuracy", "restaurant8k": "span_f1"}
COMPARED_ROWS = 1000
"""Test rows, a fixed sample, on which two starts are compared; bars are measured on the whole split."""
PARITY_ROWS = 300
"""Dev rows; of a hundred, one other answer leaves open whether macro-F1 over 77 labels fell by 0.03."""


@dataclass(frozen=True, slots=True)
class Task:
    """A project with one public data set, imported and split."""

    name: str
    metric: str
    home: Path

    def run(self, *arguments: str) -> dict[str, Any]:
        """One command with ``--json``.

        Raises:
            RuntimeError: where it failed; a gate that says no is no failure.
        """
        command = [sys.executable, "-m", "narrowcast.cli.main", "--home", str(self.home), *arguments]
        done = subprocess.run([*command, "--json"], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode not in (0, 3):
            raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}")
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def stage(self, command: str, *arguments: str) -> dict[str, Any]:
        """A command on this task's project."""
        return self.run(command, *arguments, "-p", self.name)

    def train(self, base: Path, method: str, **options: str | float) -> dict[str, Any]:
        """Fine-tune; the result of the train stage."""
        given = {"base": str(base), "method": method, **options}
        settings = [part for name, value in given.items() for part in ("--set", f"{name}={value}")]
        return self.stage("train", "--force", *settings)

    def compare(self, first: str, second: str, limit: int | None = None) -> dict[str, Any]:
        """Both models on the same test rows, all or a sample; the difference is first minus second."""
        rows = ["--limit", str(limit)] if limit else []
        return self.stage("compare", first, second, "--max-tokens", "96", *rows)


def task(name: str, data: Path, work: Path, dev: float | None = None) -> Task:
    """One of the three tasks, in a workspace of its own below ``work`` that is made anew.

    ``dev`` is the share of the training rows that choices are made on, by default what `prepare` takes.
    """
    home = work / name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    train, test = SOURCES[name](data / name, home)
    made = Task(name, METRICS[name], home)
    made.run("init", name)
    for path, extra in ((train, ()), (test, ("--into", "test"))):
        made.run("data", "import", "-p", name, "--locator", f"file:{path}", "--auto", *extra)
    made.stage("prepare", *([] if dev is None else ["--dev", str(dev)]))
    made.stage("baseline", "--models", "majority,tfidf", "--limit", str(COMPARED_ROWS))
    return made


def _banking(folder: Path, _home: Path) -> tuple[Path, Path]:
    return folder / "train.csv", folder / "test.csv"


def _restaurant(folder: Path, _home: Path) -> tuple[Path, Path]:
    return folder / "train_0.json", folder / "test.json"


def _clinc(folder: Path, home: Path) -> tuple[Path, Path]:
    """CLINC150's in-scope rows, training and validation together, as two files of text and label."""
    content = json.loads((folder / "data_full.json").read_text())
    written = []
    for name, parts in (("train", ("train", "val")), ("test", ("test",))):
        target = home / f"clinc-{name}.jsonl"
        rows = [{"text": text, "label": label} for part in parts for text, label in content[part]]
        target.write_text("".join(json.dumps(row) + "\n" for row in rows))
        written.append(target)
    return written[0], written[1]


SOURCES = {"banking77": _banking, "clinc150": _clinc, "restaurant8k": _restaurant}
"""By task: files of training rows and of the official test rows."""


def random_weights(base: Path, target: Path) -> Path:
    """A copy of the base whose weights were drawn anew by the architecture's own initialisation."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    target.mkdir(parents=True, exist_ok=True)
    for path in base.iterdir():
        if path.is_file() and path.suffix != ".safetensors":
            shutil.copy2(path, target / path.name)
    torch.manual_seed(0)
    config = AutoConfig.from_pretrained(base, local_files_only=True)
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(target)
    return target


def against_random(task: Task, base: Path, chance: Path, epochs: int) -> list[dict[str, Any]]:
    """Fine-tunes from the base and from random weights with the same updates, by method."""
    rows = []
    for method in METHODS:
        tuned, fresh = (task.train(start, method, epochs=epochs) for start in (base, chance))
        found = task.compare(f"run:{tuned['run_id']}", f"run:{fresh['run_id']}", COMPARED_ROWS)
        rows.append(
            {
                "task": task.name,
                "method": method,
                "metric": found["primary"],
                "rows": found["n"],
                "epochs": epochs,
                "seconds": [round(tuned["seconds"]), round(fresh["seconds"])],
                "base": found["metrics"][found["primary"]],
                "random": found["against"]["metrics"][found["primary"]],
                "difference": found["difference"],
                "p_value": found["p_value"],
            }
        )
    return rows


def best_effort(task: Task, base: Path, epochs: int) -> dict[str, Any]:
    """One fine-tune with all weights, against TF-IDF, on the whole of the official test rows."""
    tuned = task.train(base, "full", epochs=epochs)
    found = task.compare(f"run:{tuned['run_id']}", "tfidf")
    return {
        "task": task.name,
        "metric": task.metric,
        "rows": found["n"],
        "epochs": epochs,
        "minutes": round(tuned["seconds"] / 60, 2),
        "tuned": found["metrics"][task.metric],
        "tfidf": found["against"]["metrics"][task.metric],
        "run": tuned["run_id"],
    }


def parity(task: Task) -> dict[str, Any]:
    """Export the newest run as f16, q8_0 and q4_k_m; what the proof of each file said."""
    exported = task.stage("export", "--formats", "f16,q8_0,q4_k_m", "--parity-rows", str(PARITY_ROWS))
    proof: dict[str, Any] = exported["parity"]
    return proof


def tickets(base: Path, work: Path, train_rows: int) -> dict[str, Any]:
    """Tune on so many rows of the demo; the share of answers to rows of other situations that parse."""
    import gzip

    from narrowcast import Project, Settings
    from narrowcast.demo.project import DATA, configuration

    home = work / "tickets"
    shutil.rmtree(home, ignore_errors=True)
    task = Task("tickets", "field_f1", home)
    rows = [json.loads(line) for line in gzip.decompress(DATA.read_bytes()).splitlines()]
    scenarios = sorted({row["scenario"] for row in rows})
    shown: list[dict[str, Any]] = []
    while len(shown) < train_rows:
        scenario = scenarios.pop()
        shown += [row for row in rows if row["scenario"] == scenario]
    parts = {"train": shown[:train_rows], "test": [row for row in rows if row["scenario"] in scenarios]}
    project = Project.create(Settings.from_environment({}, home=home), task.name)
    config = configuration(task.name, str(base))
    config.sources, config.prepare = [], {}
    project.save_config(config)
    project.close()
    for name, part in parts.items():
        path = home / f"tickets-{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in part))
        mapping = ["--mapper", "kv_to_structured", "--map", "text=message", "--map", "target=ticket"]
        into = ["--into", "test"] if name == "test" else []
        task.stage("data", "import", "--locator", f"jsonl:{path}", *mapping, *into)
    task.stage("prepare")
    tuned = task.train(base, "full", epochs=8, batch_size=8)
    found = task.stage("eval", f"run:{tuned['run_id']}", "--limit", "300", "--max-tokens", "96")
    return {"train_rows": train_rows, "rows": found["n"], "parse_rate": found["metrics"]["parse_rate"]}
