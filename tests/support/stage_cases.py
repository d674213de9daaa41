"""For the contract suite: every stage with what it needs, what it is asked, and what makes it stale."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from narrowcast.core.stage import StageDefinition
from narrowcast.core.task import TaskSpec
from narrowcast.experiments.rerun import STAGE as RERUN
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages.balance import STAGE as BALANCE
from narrowcast.stages.baseline import STAGE as BASELINE
from narrowcast.stages.clean import STAGE as CLEAN
from narrowcast.stages.compare import STAGE as COMPARE
from narrowcast.stages.evaluate import STAGE as EVALUATE
from narrowcast.stages.export import STAGE as EXPORT
from narrowcast.stages.export.prove_again import STAGE as PARITY
from narrowcast.stages.gate import STAGE as GATE
from narrowcast.stages.gate.audit import AUDIT
from narrowcast.stages.generate import STAGE as GENERATE
from narrowcast.stages.import_ import STAGE as IMPORT
from narrowcast.stages.judge import STAGE as JUDGE
from narrowcast.stages.preflight import STAGE as PREFLIGHT
from narrowcast.stages.prepare import STAGE as PREPARE
from narrowcast.stages.train import STAGE as TRAIN
from narrowcast.stages.trial import STAGE as TRIAL
from narrowcast.stages.verify import STAGE as VERIFY
from narrowcast.store.imports import read_records
from narrowcast.store.runs import current_run
from narrowcast.testing.teacher_server import TeacherServer, varied_text
from tests.support.factory import ONE_CELL, declare_labels, write_plan

Definition = StageDefinition[Any, Any, Any]
LABELS = ["billing", "shipping"]
ROWS = "rows.jsonl"
"""The source, in the folder beside the project."""


@dataclass(frozen=True)
class Case:
    """A stage in the contract suite.

    Attributes:
        stage: its definition.
        options: asked for; a function gives a value that depends on the project.
        after: stages that run before it.
        change: changes the content that it reads.
        fresh: after its run it need not run again.
        polls: a request to stop reaches it while it runs.
        volatile: patterns of the names of files that differ from run to run, such as reports with times.
    """

    stage: Definition
    options: Mapping[str, Any]
    after: Sequence[str] = ()
    change: Callable[[Project], None] = field(default=lambda _: None)
    fresh: bool = True
    polls: bool = True
    volatile: tuple[str, ...] = ()


def source_of(project: Project) -> Path:
    """The rows that the import reads."""
    return project.paths.root.parent / ROWS


def _locator(project: Project) -> str:
    return f"jsonl:{source_of(project)}"


def _import(project: Project) -> str:
    return read_records(project.paths)[0].id


def _run(project: Project) -> str:
    record = current_run(project.paths)
    assert record is not None
    return record.run_id


def declare(project: Project, base: Path | None) -> None:
    """The task, the plan of a generation, and the source."""
    declare_labels(project, LABELS)
    write_plan(project, ONE_CELL)
    _write_rows(project, 48)
    if base is not None:
        config = project.config
        project.save_config(config.model_copy(update={"train": {"base": str(base)}}))


def options_of(project: Project, case: Case) -> Any:
    """The options, settled as the runner's callers settle them."""
    values = {key: value(project) if callable(value) else value for key, value in case.options.items()}
    return stage_options(project, case.stage, values)


def answer(server: TeacherServer, body: dict[str, Any], number: int) -> Any:
    """The same answer to the same prompt, in whichever process and order it is asked."""
    prompt = body["messages"][-1]["content"]
    seed = int(hashlib.sha256(prompt.encode()).hexdigest()[:4], 16)
    wanted = re.search(r"Write (\d+) rows", prompt)
    if wanted:
        texts = [varied_text(seed + each, "billing") for each in range(int(wanted.group(1)))]
        return server.said(body, json.dumps({"rows": [{"text": text, "label": "billing"} for text in texts]}))
    names = ("realism", "difficulty", "diversity", "learnability", "correctness", "format", "safety")
    scores = {**dict.fromkeys(names, 4), "format": 5}
    value = {"decision": "accept", "scores": scores, "reason": "clear", "fixed_row": None}
    return server.said(body, json.dumps(value))


def _write_rows(project: Project, count: int) -> None:
    lines = [
        {"text": varied_text(10_000 + 13 * number, "right"), "label": LABELS[number % 2]}
        for number in range(count)
    ]
    source_of(project).write_text("".join(json.dumps(line) + "\n" for line in lines))


def _more_rows(project: Project) -> None:
    _write_rows(project, 60)


def _import_more(project: Project) -> None:
    _more_rows(project)
    project.runner().run(IMPORT, options_of(project, CASES["import"]))


def _prepare_more(project: Project) -> None:
    _import_more(project)
    project.runner().run(PREPARE, options_of(project, CASES["prepare"]))


def _train_another(project: Project) -> None:
    options = stage_options(project, TRAIN, {**_TRAIN, "seed": 1})
    project.runner().run(TRAIN, options, force=True)


def _export_another(project: Project) -> None:
    _train_another(project)
    project.runner().run(EXPORT, stage_options(project, EXPORT, _EXPORT))


def _another_plan(project: Project) -> None:
    write_plan(project, ONE_CELL.replace("easy", "hard"))


def _another_label(project: Project) -> None:
    task = TaskSpec(profile="classification", labels=[*LABELS, "returns"])
    project.save_config(project.config.model_copy(update={"task": task}))


def _another_seed(project: Project) -> None:
    """A manifest that was changed by hand: the run that it tells of is another one."""
    path = project.paths.adapters / _run(project) / "run.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "seed": 1, "recipe": {**manifest["recipe"], "seed": 1}}))


_SMALL = {"samples": 100, "split": "dev"}
_EXPORT = {"formats": ["f16"], "max_tokens": 4}
_TRAIN = {
    "epochs": 1,
    "batch_size": 8,
    "precision": "fp32",
    "forgetting_check": False,
    "method": "full",
    "probe_steps": 0,
    "preflight": "off",
}
_TIMED = (
    "registry/runs.jsonl",
    "training/runs/*/trace.csv",
    "outputs/adapters/*/run.json",
    "outputs/gguf/*/bundle.json",
)
"""Each says how long something took."""
_REPORTS = ("outputs/eval_reports/*",)
_CALLS = ("data/generated/calls.jsonl", "data/generated/*/generation.json")
"""What was paid and what was repeated: after an interruption a run pays for less."""

CASES = {
    "import": Case(IMPORT, {"locator": _locator, "auto": True}, change=_more_rows),
    "generate": Case(GENERATE, {"concurrency": 1}, ["import", "prepare"], _another_plan, volatile=_CALLS),
    "judge": Case(JUDGE, {"concurrency": 1}, ["generate"], _another_label, volatile=_CALLS),
    "gate": Case(GATE, {}, ["generate"], _another_label),
    "gate_audit": Case(AUDIT, {"imported": _import}, ["import"], _another_label),
    "clean": Case(CLEAN, {"locator": _locator, "pii": "off", "secrets": "off"}, change=_more_rows),
    "prepare": Case(PREPARE, {}, ["import"], _import_more),
    "balance": Case(BALANCE, {"cap": 8}, ["import", "prepare"], _prepare_more, polls=False),
    "baseline": Case(
        BASELINE,
        {**_SMALL, "models": ["majority"]},
        ["import", "prepare"],
        _prepare_more,
        volatile=_REPORTS,
    ),
}
"""Stages that need neither weights nor training."""

HEAVY_CASES = {
    "preflight": Case(PREFLIGHT, _TRAIN, ["import", "prepare"], fresh=False, polls=False),
    "train": Case(
        TRAIN,
        _TRAIN,
        ["import", "prepare", "baseline"],
        _prepare_more,
        volatile=(*_REPORTS, *_TIMED),
    ),
    "evaluate": Case(EVALUATE, {**_SMALL, "max_tokens": 4}, ["train"], _prepare_more, volatile=_REPORTS),
    "trial": Case(
        TRIAL, {**_SMALL, "models": ["majority"]}, ["import", "prepare"], _prepare_more, volatile=_REPORTS
    ),
    "compare": Case(
        COMPARE,
        {**_SMALL, "models": ["majority"], "against": ["tfidf"]},
        ["import", "prepare"],
        _prepare_more,
        volatile=_REPORTS,
    ),
    "export": Case(EXPORT, _EXPORT, ["evaluate"], _train_another, volatile=(*_REPORTS, *_TIMED)),
    "parity": Case(PARITY, {"parity_rows": 8, "max_tokens": 4}, ["export"], fresh=False, volatile=_REPORTS),
    "rerun": Case(RERUN, {"run": _run}, ["train"], _another_seed),
    "verify": Case(
        VERIFY,
        {**_SMALL, "max_tokens": 4},
        ["export"],
        _export_another,
        volatile=(*_REPORTS, *_TIMED),
    ),
}
"""Stages that load models."""
EVERY_CASE = CASES | HEAVY_CASES


def run_needs(project: Project, names: Sequence[str]) -> None:
    """Run stages, each after what it needs itself."""
    for name in names:
        case = EVERY_CASE[name]
        run_needs(project, case.after)
        project.runner().run(case.stage, options_of(project, case), force=name == "train")
