"""Does `narrowcast run` pick the candidate that is the best when all are trained to the end?

For each task and seed, a project of its own: the rows are divided with the seed, `narrowcast run` holds its
tournament and measures what it chose on test rows. Then each candidate that the time budget left out or gave
fewer epochs is trained without a budget, and all are measured anew on the dev rows. The choice holds if no
candidate has a better score there, and if the trail names it before any candidate meets a test row.

    python benchmarks/tournament.py --home HOME --data DATA
    python benchmarks/tournament.py --home HOME --tasks demo --seeds 0

The encoders and bases that take part are those pulled into HOME; what is finished there is not repeated.
Prints a line per candidate, or one object with `--json`; exits 0 where every choice holds.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TASKS = ("banking77", "demo")


@dataclass(frozen=True, slots=True)
class Contest:
    """One task whose rows are divided with one seed, as a project of a workspace."""

    task: str
    seed: int
    home: Path

    @property
    def name(self) -> str:
        """Of the project."""
        return f"{self.task}-{self.seed}"

    def prepare(self, data: Path | None) -> None:
        """Make the project, where it does not stand yet."""
        root = self.home / "projects" / self.name
        if (root / "data" / "prepared").is_dir():
            return
        if not root.is_dir():
            _run(self.home, "init", self.name)
        # The majority is enough of a baseline to be allowed to train; benchmarks/outcomes.py has the others.
        settings: dict[str, Any] = {"prepare": {"seed": self.seed}, "baseline": {"models": ["majority"]}}
        if self.task == "demo":
            settings |= _demo()
        else:
            settings |= self._banking77(data)
        file = root / "narrowcast.yaml"
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
        file.write_text(yaml.safe_dump({**config, **settings}, sort_keys=False), encoding="utf-8")

    def _banking77(self, data: Path | None) -> dict[str, Any]:
        if data is None:
            raise SystemExit("banking77 needs --data, the folder that holds banking77/train.csv")
        sources = []
        for split in ("train", "test"):
            with (data / "banking77" / f"{split}.csv").open(encoding="utf-8", newline="") as file:
                rows = [{"text": row["text"], "label": row["category"]} for row in csv.DictReader(file)]
            path = self.home / f"banking77-{split}.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            source = {
                "locator": f"jsonl:{path}",
                "mapper": "label_to_classification",
                "map": {"text": "text", "label": "label"},
            }
            sources.append({**source, "into": "test"} if split == "test" else source)
        return {"sources": sources}

    def run(self, *words: str) -> Any:
        """The JSON answer of a command on this project."""
        return _run(self.home, *words, "--project", self.name)


def _demo() -> dict[str, Any]:
    """The demo's rows and task, with nothing said of how to train."""
    from narrowcast.demo.project import configuration
    from narrowcast.models.embedded import EMBEDDED_NAME

    written = configuration("demo", EMBEDDED_NAME).model_dump(mode="json", exclude_unset=True)
    return {name: written[name] for name in ("task", "sources")}


def _run(home: Path, *words: str) -> Any:
    command = [sys.executable, "-m", "narrowcast.cli.main", "--home", str(home), *words, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, cwd=home)
    if done.returncode not in (0, 3):  # 3: the chosen model fails a gate, which is an answer as well
        raise SystemExit(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}")
    return json.loads(done.stdout)


def judged(contest: Contest, data: Path | None) -> dict[str, Any]:
    """The tournament of one project, and the scores of all candidates without a budget."""
    contest.prepare(data)
    held = contest.run("run", "--until", "evaluate")["tournament"]
    scores = {entry["name"]: _to_the_end(contest, entry, held) for entry in held["entries"]}
    chosen = next(each["name"] for each in held["entries"] if each["run_id"] == held["chosen"])
    best = max(each["score"] for each in scores.values())
    return {
        "task": contest.task,
        "seed": contest.seed,
        "metric": held["metric"],
        "n": held["n"],
        "chosen": chosen,
        "scores": scores,
        "is_best": scores[chosen]["score"] >= best,
        "before_test": _named_before_test(contest, held),
        "sentence": held["sentence"],
    }


def _to_the_end(contest: Contest, entry: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    run, note = entry["run_id"], ""
    if not run:
        note = f"left out: {entry['left_out']}"
        run = contest.run("train", *_options(entry), "--set", "budget_minutes=1000000")["run_id"]
    else:
        reason = contest.run("runs", "show", run)["manifest"]["recipe"]["reasons"].get("epochs", "")
        if "would take about" in reason:
            note = f"fewer epochs: {reason}"
            epochs = reason.split()[0].replace(",", "")
            run = contest.run("train", *_options(entry), "--epochs", epochs)["run_id"]
    result = contest.run("eval", f"run:{run}", "--split", "dev", "--rows", str(held["n"]))
    return {"run_id": run, "score": result["metrics"][held["metric"]]["value"], "note": note}


def _options(entry: dict[str, Any]) -> list[str]:
    return [
        word for name, value in entry["options"].items() for word in ("--set", f"{name}={json.dumps(value)}")
    ]


def _named_before_test(contest: Contest, held: dict[str, Any]) -> bool:
    """Whether the trail names the choice before any candidate was measured on test rows."""
    runs = {each["run_id"] for each in held["entries"] if each["run_id"]}
    order = []
    for event in contest.run("events", "--limit", "1000000"):
        if event["reason_code"] == "training_tournament":
            order.append("named")
        elif event["reason_code"] == "eval_run" and event["payload"].get("split") == "test":
            order += ["test"] if event["parent"] in runs else []
    return order[:1] == ["named"] and "test" in order


def main() -> None:
    """Hold all contests and print what came of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True, help="workspace that is kept")
    parser.add_argument("--data", type=Path, help="folder with banking77/train.csv and test.csv")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = []
    for task in asked.tasks.split(","):
        for seed in asked.seeds.split(","):
            result = judged(Contest(task, int(seed), asked.home.absolute()), asked.data)
            found.append(result)
            if not asked.json:
                _print(result)
    hold = all(each["is_best"] and each["before_test"] for each in found)
    if asked.json:
        print(json.dumps({"contests": found, "ok": hold}, indent=1))
    else:
        print(
            f"{sum(each['is_best'] and each['before_test'] for each in found)} of {len(found)} choices hold"
        )
    sys.exit(0 if hold else 1)


def _print(result: dict[str, Any]) -> None:
    print(f"{result['task']}, seed {result['seed']}: {result['sentence']}")
    for name, each in sorted(result["scores"].items(), key=lambda item: -item[1]["score"]):
        note = f" ({each['note']})" if each["note"] else ""
        print(f"  {each['score']:.4f} {result['metric']} on {result['n']:,} dev rows: {name}{note}")
    print(
        f"  chosen: {result['chosen']}; the best: {'yes' if result['is_best'] else 'no'}; "
        f"named before test: {'yes' if result['before_test'] else 'no'}",
        flush=True,
    )


if __name__ == "__main__":
    main()
