"""The exported files, measured: is what ships as good as what was trained?"""

from __future__ import annotations

from narrowcast.core.formats import FLOAT_FORMATS
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.stage import StageContext
from narrowcast.errors import StageError
from narrowcast.evaluation.inputs import MeasureInputs, current_reference, measure_inputs
from narrowcast.evaluation.options import VerifyOptions
from narrowcast.evaluation.stage import measuring_stage
from narrowcast.store.bundles import bundled_formats
from narrowcast.store.datasets import load_manifest


def read_inputs(options: VerifyOptions, ctx: StageContext) -> MeasureInputs:
    """The bundle's files, compared with the model that they were made from.

    Raises:
        StageError: if nothing was trained, or its bundle holds no file.
        DataError: if no data set was prepared.
        ModelError: if a model is not there.
    """
    run = current_reference(ctx.project)
    models = options.models or _bundled(ctx.project, run)
    against = [run] if options.against is None else options.against
    return measure_inputs(ctx, load_manifest(ctx.project), options, models, against, options.gates)


def _bundled(project: ProjectPaths, run: ModelRef) -> list[ModelRef]:
    """The quantised files; float ones only where there is nothing else, as parity proves them equal."""
    folder = project.gguf / run.argument
    names = bundled_formats(folder)
    names = [name for name in names if name not in FLOAT_FORMATS] or names
    if not names:
        raise StageError(
            "the bundle holds no file that answers",
            where=str(folder),
            next_command="narrowcast export",
            reason_code="export_artifact_missing",
        )
    return [ModelRef.of_file(name) for name in names]


STAGE = measuring_stage("verify", VerifyOptions, read_inputs)
