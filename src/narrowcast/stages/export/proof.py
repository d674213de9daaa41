"""The proof: every exported file against the trained model, and the report."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.parity import ParityReport, summarise
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.errors import StageError
from narrowcast.stages.export.measured import measure
from narrowcast.stages.export.merge import Trained
from narrowcast.stages.export.options import Options, held_out
from narrowcast.stages.export.parity import compare_file
from narrowcast.store.access import record_access
from narrowcast.store.datasets import read_split
from narrowcast.store.files import write_text
from narrowcast.tasks import handler_for


def prove(
    trained: Trained,
    dataset: DatasetManifest,
    files: Mapping[str, Path],
    options: Options,
    ctx: StageContext,
) -> ParityReport:
    """Compare files with the trained model on held-out rows; the report is kept for reading either way.

    Args:
        trained: the measured model.
        dataset: the version it was trained on.
        files: format to GGUF file, at least one.
        options: rows, split, tolerance.
        ctx: of the stage, or one made by hand.

    Raises:
        StageError: if the split has no rows.
        ModelError: if a file cannot be loaded.
    """
    from narrowcast.models.predictors.transformers import TransformersPredictor

    examples = read_split(ctx.project, dataset, held_out(options))[: options.parity_rows]
    if not examples:
        raise StageError(
            f"the {options.parity_split} split is empty, so parity cannot be checked",
            next_command="narrowcast prepare",
            reason_code="eval_dataset_missing",
        )
    record_access(ctx.project, dataset, held_out(options), ctx.run_id, [ModelRef.of_run(trained.run_id)])
    handler, work = handler_for(dataset.task), Work(ctx.progress, ctx.cancel)
    with tempfile.TemporaryDirectory(prefix="narrowcast-parity-") as folder:
        with TransformersPredictor(
            ModelRef.of_run(trained.run_id), trained.model, trained.tokenizer, size_bytes=None
        ) as predictor:
            measured = measure(
                trained,
                predictor.predict,
                handler,
                examples,
                Path(folder),
                max_tokens=options.max_tokens,
                work=work,
            )
        formats = [
            compare_file(measured, path, name, tolerance=options.tolerance, work=work)
            for name, path in files.items()
        ]
    report = summarise(trained.run_id, options.parity_split, options.tolerance, formats)
    write_text(report_path(ctx.project, trained.run_id), report.model_dump_json(indent=2) + "\n")
    return report


def report_path(project: ProjectPaths, run_id: str) -> Path:
    """Where the last report on a run is kept, passed or failed."""
    return project.reports / f"parity-{run_id}.json"
