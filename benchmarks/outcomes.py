"""Is a small specialist worth shipping? Every baseline and tuned model on public tasks, on the same rows.

Each task is a project of its own, imported and measured through the command line as a user would. Official
test splits are used whole; near-duplicates between train and test are left in, as in the published figures,
and counted by `narrowcast prepare`. What is chosen is chosen on a part of the train split. Linear models and
encoders see all train rows; a tuned decoder may see a fixed sample of them (`--rows`), and its row says so.

Figures are kept in `benchmarks/outcomes.json`, one cell per task and model, under a hash of the rows and of
the options, so that the table grows with each call: a cell is measured once, until its data or options
change. A trained model is also compared row by row with a yardstick, the best model of its task that needs no
weights from elsewhere. Times are wall time on the machine as it was; `load` is the number of processes that
wanted to run, one of them the measurement. Prints the table, or one object with `--json`; exits 0 where all
bars that have their cell hold.

    python benchmarks/outcomes.py --data DATA                      # the missing cells of all tasks
    python benchmarks/outcomes.py --data DATA --tasks banking77 --models svm,encoder:minilm
    python benchmarks/outcomes.py                                  # the table of what was measured
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from narrowcast.models.arithmetic import best_precision

CELLS = Path(__file__).with_suffix(".json")
_DEV = "0.02"  # of the train rows: for early looks at a tuned model, on which nothing is chosen by hand
_ON_LABELS = ("majority", "tfidf", "svm", "encoder:minilm", "encoder-svm:minilm", "nearest:minilm")
_ON_SPANS = ("majority", "tfidf", "crf")
_ON_TEXT = ("majority", "prompted:smollm2-135m", "shots:smollm2-135m")
_WITH_BASE = {"prompted": "base", "shots": "base-few-shot"}
_TUNED = ("tuned:embedded", "tuned:smollm2-135m")
# Runs that are exported and served like any other; what each is made of stands behind the colon.
_FITTED = ("linear:words+characters", "linear:encoder+words+characters", "finetuned:minilm")


@dataclass(frozen=True, slots=True)
class Task:
    """A public task.

    Attributes:
        write: writes `train.jsonl` and `test.jsonl` from the raw data into a folder.
        mapping: options of `data import`.
        metric: that decides.
        models: that suit it.
        published: figure and source, for the same test rows.
        bar: what the best specialist must reach.
        yardstick: baseline with which trained models are compared on the same rows.
        beats: whether a trained model must be better than that, its interval above zero.
    """

    write: Callable[[Path, Path], None]
    mapping: tuple[str, ...]
    metric: str
    models: tuple[str, ...]
    published: str = ""
    bar: float | None = None
    yardstick: str = "majority"
    beats: bool = False


def banking77(data: Path, target: Path) -> None:
    """77 intents of bank customers, 10,003 and 3,080 rows."""
    for split in ("train", "test"):
        with (data / "banking77" / f"{split}.csv").open(encoding="utf-8", newline="") as file:
            rows = [{"text": row["text"], "label": row["category"]} for row in csv.DictReader(file)]
        _write(target / f"{split}.jsonl", rows)


def clinc150(data: Path, target: Path) -> None:
    """150 intents in scope, 15,000 and 4,500 rows."""
    document = json.loads((data / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    for split in ("train", "test"):
        _write(target / f"{split}.jsonl", [{"text": text, "label": label} for text, label in document[split]])


def clinc150_scope(data: Path, target: Path) -> None:
    """The same with out-of-scope questions as a label of their own, 15,100 and 5,500 rows."""
    document = json.loads((data / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    for split in ("train", "test"):
        rows = [*document[split], *document[f"oos_{split}"]]
        _write(target / f"{split}.jsonl", [{"text": text, "label": label} for text, label in rows])


def wnut17(data: Path, target: Path) -> None:
    """Emerging entities in social media, 3,394 and 1,287 sentences."""
    for split, name in (("train", "wnut17train.conll"), ("test", "emerging.test.annotated")):
        (target / f"{split}.conll").write_bytes((data / "wnut17" / name).read_bytes())


def restaurant8k(data: Path, target: Path) -> None:
    """Five slots of restaurant bookings, 8,198 and 3,731 turns."""
    for split, name in (("train", "train_0.json"), ("test", "test.json")):
        document = json.loads((data / "restaurant8k" / name).read_text(encoding="utf-8"))
        rows = []
        for turn in document:
            text = turn["userInput"]["text"]
            spans = []
            for label in turn.get("labels", []):
                place = label["valueSpan"]
                start = place.get("startIndex", 0)
                spans.append({"start": start, "end": place["endIndex"], "label": label["slot"]})
            rows.append({"text": text, "spans": spans})
        _write(target / f"{split}.jsonl", rows)


def wikisplit(data: Path, target: Path) -> None:
    """One sentence rewritten as two, 5,000 and 5,000 rows; its million training pairs are not at hand."""
    for split, name in (("train", "tune.tsv"), ("test", "test.tsv")):
        (target / f"{split}.tsv").write_bytes((data / "wikisplit" / name).read_bytes())


def bfcl(data: Path, target: Path) -> None:
    """One call of one Python function, 400 rows; three in four functions are for training."""
    folder, name = data / "bfcl_v4", "BFCL_v4_simple_python.json"
    questions, answers = (_lines(path) for path in (folder / name, folder / "possible_answer" / name))
    wanted = {each["id"]: each["ground_truth"] for each in answers}
    rows: dict[str, list[dict[str, Any]]] = {"train": [], "test": []}
    for row in questions:
        held_out = _is_held_out(row["function"][0]["name"])
        rows["test" if held_out else "train"].append({**row, "ground_truth": wanted[row["id"]]})
    for split, each in rows.items():
        _write(target / f"{split}.jsonl", each)


def xquad(data: Path, target: Path) -> None:
    """Questions on paragraphs of Wikipedia, 1,190 rows; three in four articles are for training."""
    articles = json.loads((data / "xquad_en" / "xquad.en.json").read_text(encoding="utf-8"))["data"]
    for split in ("train", "test"):
        chosen = [
            each for each in articles if _is_held_out(each["paragraphs"][0]["context"]) == (split == "test")
        ]
        (target / f"{split}.json").write_text(json.dumps({"data": chosen}), encoding="utf-8")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def _is_held_out(group: str) -> bool:
    """A quarter of all groups, by a hash: the split of data that have no official one."""
    return hashlib.sha256(group.encode()).digest()[0] < 64


TASKS = {
    "banking77": Task(
        banking77,
        ("--mapper", "label_to_classification", "--map", "text=text,label=label"),
        "macro_f1",
        (*_ON_LABELS, *_FITTED, *_TUNED),
        "0.941, DeBERTa-v3-large, its model card",
        0.935,
        "svm",
    ),
    "clinc150": Task(
        clinc150,
        ("--mapper", "label_to_classification", "--map", "text=text,label=label"),
        "accuracy",
        (*_ON_LABELS, *_FITTED, *_TUNED),
        bar=0.96,
        yardstick="svm",
    ),
    "clinc150-scope": Task(
        clinc150_scope,
        ("--mapper", "label_to_classification", "--map", "text=text,label=label"),
        "accuracy",
        (*_ON_LABELS, *_FITTED, *_TUNED),
        yardstick="svm",
    ),
    "wnut17": Task(
        wnut17,
        ("--auto",),
        "span_f1",
        (*_ON_SPANS, "finetuned:minilm", *_TUNED),
        yardstick="crf",
        beats=True,
    ),
    "restaurant8k": Task(
        restaurant8k,
        ("--auto",),
        "span_f1",
        (*_ON_SPANS, "finetuned:minilm", *_TUNED),
        yardstick="crf",
        beats=True,
    ),
    "wikisplit": Task(wikisplit, ("--mapper", "text_pair"), "rouge_l", (*_ON_TEXT, *_TUNED)),
    "bfcl": Task(bfcl, ("--auto",), "call_accuracy", (*_ON_TEXT, *_TUNED)),
    "xquad": Task(xquad, ("--mapper", "rag_passthrough"), "token_f1", (*_ON_TEXT, *_TUNED)),
}


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


class Workspace:
    """One task's project in a workspace."""

    def __init__(self, name: str, task: Task, data: Path, home: Path) -> None:
        self.name, self.task, self.home = name, task, home
        self._files = home / "rows" / name
        self._files.mkdir(parents=True, exist_ok=True)
        task.write(data, self._files)
        digest = hashlib.sha256(f"{task.mapping} {_DEV}".encode())
        for file in sorted(self._files.iterdir()):
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        self.rows_sha256 = digest.hexdigest()

    def key(self, model: str, options: str) -> str:
        """Under which a cell is kept."""
        return hashlib.sha256(f"{self.rows_sha256} {model} {options}".encode()).hexdigest()[:16]

    def prepare(self) -> None:
        """Import and divide, where the project does not stand yet."""
        if (self.home / "projects" / self.name / "data" / "prepared").is_dir():
            return
        self.run("init", self.name)
        for file in sorted(self._files.iterdir(), reverse=True):  # train before test
            into = ["--into", "test"] if file.stem == "test" else []
            scheme = "jsonl" if file.suffix == ".jsonl" else "file"
            self.run("data", "import", "--locator", f"{scheme}:{file}", *self.task.mapping, *into)
        free = ["--near-duplicates", "free", "--copies", "free"]
        self.run("prepare", "--dev", _DEV, *free)

    def run(self, *words: str) -> dict[str, Any]:
        """The JSON answer of a command; of `eval`, a failed gate is an answer as well."""
        command = [sys.executable, "-m", "narrowcast.cli.main", "--home", str(self.home), *words, "--json"]
        if words[0] != "init":
            command += ["--project", self.name]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, cwd=self.home)
        if done.returncode not in (0, 3):
            raise SystemExit(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


def measured(work: Workspace, model: str, rows: int | None) -> dict[str, Any]:
    """One cell."""
    work.prepare()
    began, training, over = time.perf_counter(), None, None
    if how := _training(model):
        sample = ["--rows", str(rows)] if rows else []
        against = work.task.yardstick
        work.run("baseline", "--models", against)  # the others have cells of their own
        run = work.run("train", *how, *sample)
        training = round(run["seconds"] / 60, 1)
        result = work.run("eval", f"run:{run['run_id']}", "--against", against)
        for each in result["comparisons"]:  # none where the yardstick is the same model
            by = {name: round(each["difference"][name], 4) for name in ("value", "low", "high")}
            over = {"against": against, **by}
    else:
        result = work.run("baseline", *_baseline(model))["results"][0]
    value = result["metrics"][work.task.metric]
    return {
        "task": work.name,
        "model": model,
        "metric": work.task.metric,
        "value": round(value["value"], 4),
        "low": round(value["low"], 4),
        "high": round(value["high"], 4),
        "n": result["n"],
        "train_rows": rows,
        "training_minutes": training,
        "wall_minutes": round((time.perf_counter() - began) / 60, 1),
        "p50_ms": round(result["speed"]["latency_p50_ms"], 2),
        "size_mb": round(result["size_bytes"] / 1e6, 1) if result["size_bytes"] else None,
        "over": over,
        "load": round(os.getloadavg()[2], 1),
        "arithmetic": best_precision()[0],
        "measured": datetime.now(UTC).date().isoformat(),
    }


def _baseline(model: str) -> list[str]:
    """Options of `baseline` that measure this one alone."""
    kind, _, base = model.partition(":")
    if kind in _WITH_BASE:
        return ["--models", _WITH_BASE[kind], "--set", f"base={base}"]
    return ["--models", model]


def _training(model: str) -> list[str]:
    """Options of `train` for a model that is one; none for a baseline."""
    kind, _, what = model.partition(":")
    if kind == "linear":
        return ["--method", "linear", "--features", what.replace("+", ",")]
    if kind == "finetuned":
        return ["--method", "encoder", "--base", what]
    return ["--base", what] if kind == "tuned" else []


def main() -> None:
    """Measure the missing cells and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with the raw data; without it nothing is measured")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--models", help="only these; by default all that suit the task")
    parser.add_argument("--rows", type=int, help="train rows of tuned decoders; by default all")
    parser.add_argument("--home", type=Path, help="workspace that is kept, with encoders and bases pulled")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    cells: dict[str, dict[str, Any]] = json.loads(CELLS.read_text()) if CELLS.exists() else {}
    if asked.data:
        with tempfile.TemporaryDirectory() as scratch:
            home = (asked.home or Path(scratch)).absolute()
            for name in asked.tasks.split(","):
                _fill(cells, name, asked, home)
    held = _bars(cells)
    if asked.json:
        print(json.dumps({"cells": list(cells.values()), "bars": held}, indent=2))
    else:
        _print(cells, held)
    sys.exit(0 if all(held.values()) else 1)


def _fill(cells: dict[str, dict[str, Any]], name: str, asked: argparse.Namespace, home: Path) -> None:
    work = Workspace(name, TASKS[name], asked.data, home)
    chosen = asked.models.split(",") if asked.models else TASKS[name].models
    for model in chosen:
        rows = asked.rows if model.startswith("tuned:") else None
        key = work.key(model, f"rows {rows}")
        if key in cells or model not in TASKS[name].models:
            continue
        print(f"{name}: {model}", file=sys.stderr, flush=True)
        cells[key] = measured(work, model, rows)
        CELLS.write_text(json.dumps(cells, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _bars(cells: dict[str, dict[str, Any]]) -> dict[str, bool]:
    """Each bar of the tasks that have a cell for it, and whether the best model reaches it."""
    held = {}
    for name, task in TASKS.items():
        those = [each for each in cells.values() if each["task"] == name]
        if task.bar is not None and those:
            held[f"{name}: {task.metric} of at least {task.bar}"] = (
                max(each["value"] for each in those) >= task.bar
            )
        over = [each["over"]["low"] for each in those if each.get("over")]
        if task.beats and over:
            held[f"{name}: better than {task.yardstick}"] = max(over) > 0
    return held


def _print(cells: dict[str, dict[str, Any]], held: dict[str, bool]) -> None:
    print("| task | model | metric | 95 % interval | over the yardstick | training | p50 | size | machine |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    order = list(TASKS)
    for each in sorted(cells.values(), key=lambda cell: (order.index(cell["task"]), cell["value"])):
        sample = f", {each['train_rows']:,} train rows" if each["train_rows"] else ""
        minutes = f"{each['training_minutes']} min" if each["training_minutes"] else "–"
        size = f"{each['size_mb']} MB" if each["size_mb"] else "–"
        load = f", load {each['load']}" if each.get("load") else ""
        print(
            f"| {each['task']} | {each['model']}{sample} | {each['metric']} {each['value']:.3f} | "
            f"{each['low']:.3f} to {each['high']:.3f} | {_over(each)} | {minutes} | {each['p50_ms']} ms | "
            f"{size} | {each['arithmetic']}, {each['measured']}{load} |"
        )
    print()
    for name, task in TASKS.items():
        if task.published:
            print(f"{name}: published {task.published}")
    for bar, reached in held.items():
        print(f"{bar}: {'reached' if reached else 'not reached'} by the best model")


def _over(cell: dict[str, Any]) -> str:
    if not (over := cell.get("over")):
        return "–"
    return f"{over['against']} {over['value']:+.3f} ({over['low']:+.3f} to {over['high']:+.3f})"


if __name__ == "__main__":
    main()
