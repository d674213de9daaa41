"""How long an answer takes that is asked for alone: models that batch are measured in batches elsewhere."""

from __future__ import annotations

import time
from dataclasses import replace

from narrowcast.core.prediction import PromptRequest
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.evaluation.inputs import MeasureInputs, predictor_context
from narrowcast.evaluation.options import MeasureOptions
from narrowcast.evaluation.rows import held_out_rows, requests_of
from narrowcast.models.predictors.base import Predictor
from narrowcast.models.predictors.load import predictor_factory
from narrowcast.tasks.bootstrap import percentile


def median_alone(inputs: MeasureInputs, options: MeasureOptions, rows: int, ctx: StageContext) -> float:
    """Milliseconds of the median answer of the first model, to at most `rows` rows, one at a time.

    Raises:
        DataError: if the split has no rows.
        ModelError: if the model cannot be loaded or fails.
        CancelledError: on request.
    """
    reference = next(iter(inputs.models))
    examples, _ = held_out_rows(ctx.project, inputs.manifest, options, inputs.seed)
    requests = requests_of(examples[:rows], inputs.task, inputs.max_tokens)
    context = predictor_context(ctx.project, ctx.settings, inputs)
    context = replace(context, work=Work(ctx.progress, ctx.cancel))
    with predictor_factory(reference).load(context, reference.argument) as predictor:
        predictor.predict(requests[:1])  # what is loaded with the first answer counts for none
        seconds = []
        for each in requests:
            ctx.cancel.check()
            seconds.append(_seconds(predictor, each))
    return percentile(seconds, 0.5) * 1000


def _seconds(predictor: Predictor, request: PromptRequest) -> float:
    began = time.perf_counter()
    predictor.predict([request])
    return time.perf_counter() - began
