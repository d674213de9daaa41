"""`narrowcast data balance`: a cap or a target of train rows a label; what is left out is kept and counted.

The choice stands in `registry/balance.json` alone. No row is moved: `prepare` reads the file, leaves these
rows out of train after the split and keeps them among its rejects, so held-out rows stay as they are.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from narrowcast.core.example import Example
from narrowcast.core.names import Split
from narrowcast.errors import DataError, UsageError
from narrowcast.factory.balance import LabelBalance, choose_left_out
from narrowcast.factory.options import BalanceOptions
from narrowcast.ops.data.generations import factory_options
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.store.balance import LeftOut, balance_path, read_left_out
from narrowcast.store.datasets import load_manifest, read_split
from narrowcast.store.files import read_jsonl, write_text
from narrowcast.tasks import has_labels


class BalanceOutcome(BaseModel):
    """The table a label, and what happens next."""

    dry_run: bool
    undone: bool = False
    labels: list[LabelBalance] = Field(default_factory=list)
    rows: int = 0
    kept: int = 0
    left_out: int = 0


def balance(
    project: Project, overrides: dict[str, Any] | None = None, *, dry_run: bool = False
) -> BalanceOutcome:
    """Choose the train rows that `prepare` is to leave out.

    Rows that an earlier balancing left out are looked at again: balancing twice is balancing once.

    Raises:
        UsageError: where the task has no labels, or neither cap nor target is given.
        DataError: where no data set was prepared.
    """
    options = factory_options(project, "balance", BalanceOptions, overrides)
    with project.lock("data balance"):
        manifest = load_manifest(project.paths)
        if not has_labels(manifest.task):
            raise UsageError(
                f"the task {manifest.task.profile} has no labels to balance",
                where="task.profile in narrowcast.yaml",
                next_command="set quotas by category instead: specs/generation_prompts/plan.yaml",
                reason_code="factory_request_invalid",
            )
        train = [*read_split(project.paths, manifest, Split.TRAIN), *_left_out_before(project)]
        table, ids = choose_left_out(train, options)
        if not dry_run:
            chosen = LeftOut(options=options.model_dump(exclude_none=True), rows=ids)
            write_text(balance_path(project.paths), chosen.model_dump_json(indent=1) + "\n")
    outcome = BalanceOutcome(
        dry_run=dry_run, labels=table, rows=len(train), kept=len(train) - len(ids), left_out=len(ids)
    )
    if not dry_run:
        project.trail.emit(
            StageName.FACTORY,
            "factory_balance_run",
            f"{outcome.left_out:,} of {outcome.rows:,} train rows are left out",
            payload=outcome.model_dump(mode="json"),
        )
    return outcome


def undo_balance(project: Project) -> BalanceOutcome:
    """Let every row back in.

    Raises:
        DataError: where nothing is balanced.
    """
    with project.lock("data balance"):
        left_out = read_left_out(project.paths)
        if left_out is None:
            raise DataError(
                "nothing is balanced in this project",
                where=project.slug,
                next_command="narrowcast data balance --cap N",
                reason_code="factory_rows_missing",
            )
        balance_path(project.paths).unlink()
    project.trail.emit(
        StageName.FACTORY, "factory_balance_undone", f"{len(left_out.rows):,} rows may come back"
    )
    return BalanceOutcome(dry_run=False, undone=True, left_out=0, rows=len(left_out.rows))


def _left_out_before(project: Project) -> list[Example]:

    path = project.paths.rejected / "prepare.jsonl"
    lines = read_jsonl(path) if path.exists() else iter(())
    return [Example.from_dict(line["data"]) for line in lines if line["reason"] == "balanced_out"]
