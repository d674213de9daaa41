"""The proof: every exported file against the trained model on held-out rows, and the report.

A file must be the model before it is run: each table, token and setting is compared first. Only then does
it answer the held-out prompts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.parity import FileFacts, FormatParity, Mismatch, ParityReport, summarise
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.stage import StageContext
from narrowcast.errors import StageError
from narrowcast.evaluation.groups import row_groups
from narrowcast.stages.export.exporter import Exporter, HeldOut, Proof
from narrowcast.stages.export.options import Options, held_out
from narrowcast.store.access import record_access
from narrowcast.store.datasets import read_split
from narrowcast.store.leftovers import scratch_folder
from narrowcast.store.seals import write_sealed

T = TypeVar("T")


def prove(
    exporter: Exporter[T],
    trained: T,
    run_id: str,
    dataset: DatasetManifest,
    files: Mapping[str, Path],
    options: Options,
    ctx: StageContext,
) -> ParityReport:
    """Compare files with the trained model on held-out rows; the report is kept for reading either way.

    Args:
        exporter: of the model's family.
        trained: the measured model.
        run_id: of it.
        dataset: the version it was trained on.
        files: format to file, at least one.
        options: rows, split, tolerance, the float type that quantisation began from.
        ctx: of the stage, or one made by hand.

    Raises:
        StageError: if the split has no rows.
        ModelError: if a file cannot be run.
    """
    rows = _drawn(dataset, options, ctx)
    if not rows.examples:
        raise StageError(
            f"the {options.parity_split} split is empty, so parity cannot be checked",
            next_command="narrowcast prepare",
            reason_code="eval_dataset_missing",
        )
    record_access(ctx.project, dataset, held_out(options), ctx.run_id, [ModelRef.of_run(run_id)])
    with scratch_folder("parity") as folder:
        formats, runtime = exporter.compare(trained, Proof(run_id, rows, files, options, folder), ctx)
    report = summarise(run_id, options.parity_split, options.tolerance, formats, runtime)
    write_sealed(report_path(ctx.project, run_id), report.model_dump_json(indent=2) + "\n", ctx.seal)
    return report


def _drawn(dataset: DatasetManifest, options: Options, ctx: StageContext) -> HeldOut:
    """Rows to compare, of as many groups as there are."""
    rows = read_split(ctx.project, dataset, held_out(options))
    groups = row_groups(rows, rows, dataset, ctx.cancel)
    drawn: Counter[int] = Counter()
    turns = []
    for number, group in enumerate(groups):
        turns.append((drawn[group], number))
        drawn[group] += 1
    chosen = sorted(number for _, number in sorted(turns)[: options.parity_rows])
    return HeldOut(
        dataset, [rows[number] for number in chosen], {rows[number].id: groups[number] for number in chosen}
    )


def report_path(project: ProjectPaths, run_id: str) -> Path:
    """Where the last report on a run is kept, passed or failed."""
    return project.reports / f"parity-{run_id}.json"


def refused(name: str, path: Path, mismatch: Mismatch) -> FormatParity:
    """The entry of a file that is not the model: it was not run."""
    facts = FileFacts(
        format=name,
        rows=0,
        positions=0,
        templates_equal=mismatch.cause != "template",
        prompt_ids_equal=mismatch.cause not in ("template", "tokenizer"),
        eos_equal=mismatch.cause != "eos",
        size_bytes=path.stat().st_size,
    )
    return FormatParity(
        **facts.model_dump(), identical=False, detail=mismatch.detail, cause=mismatch.cause, verdict="fail"
    )
