"""Accepted rows → a data-set version: checked, connected, divided without leaks, content-addressed."""

from __future__ import annotations

from narrowcast.core.concerns import PREPARATION
from narrowcast.core.stage import StageContext, StageDefinition
from narrowcast.errors import DataError
from narrowcast.reasons import StageName
from narrowcast.stages.prepare.meanings import used_embedder
from narrowcast.stages.prepare.options import Inputs, Options, PrepareResult
from narrowcast.stages.prepare.run import preview, run
from narrowcast.store.balance import read_left_out
from narrowcast.store.config_file import load_config
from narrowcast.store.first_command import before_rows
from narrowcast.store.imports import read_records
from narrowcast.store.reviews import read_reviews, verdicts

__all__ = ["STAGE", "Inputs", "Options", "PrepareResult"]


def read_inputs(options: Options, ctx: StageContext) -> Inputs:
    """The declared task and the committed imports.

    Raises:
        DataError: if nothing was imported or no task is declared.
        UsageError: for an unknown embedder, or one without a measured threshold.
        ModelError: if the embedder is not on this machine.
    """
    project = ctx.project
    config = load_config(project.config)
    imports = read_records(project)
    if not imports:
        raise DataError(
            "nothing was imported into this project",
            where=str(project.root),
            next_command=before_rows(project),
            reason_code="prepare_failed",
        )
    if config.task is None:
        raise DataError(
            "the project declares no task",
            where=str(project.config),
            next_command="add `task:` to narrowcast.yaml, or import with --auto, which proposes one",
            reason_code="prepare_failed",
        )
    balanced = read_left_out(project)
    return Inputs(
        task=config.task,
        imports=imports,
        left_out=balanced.rows if balanced else [],
        reviews=verdicts(read_reviews(project)),
        embedder=used_embedder(options, ctx),
    )


STAGE = StageDefinition(
    name="prepare",
    version=3,  # held-out rows are stored with their groups
    event_stage=StageName.PREPARE,
    options=Options,
    result=PrepareResult,
    read_inputs=read_inputs,
    run=run,
    success_code="prepare_run",
    failure_code="prepare_failed",
    preview=preview,
    holds=PREPARATION,
)
