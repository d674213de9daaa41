"""How the answers of each model come: read where it gave them before, asked for otherwise.

A model that asks (`Ask`: code of a file is run, rows are sent away) answers only where the user has said yes
in this command; see `evaluation.asking`. Otherwise it is compared with by its stored answers.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from narrowcast.core.example import Example
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.prediction import PromptRequest
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.errors import ModelError
from narrowcast.evaluation.asking import baseline_command, may_ask
from narrowcast.evaluation.inputs import MeasureInputs
from narrowcast.evaluation.options import MeasureOptions
from narrowcast.evaluation.predictions import Answers, answers_path, ask, read_answers, write_answers
from narrowcast.evaluation.result import Unmeasured
from narrowcast.evaluation.time_box import TimeBox, TooLongError
from narrowcast.models.predictors.base import Ask, Predictor, PredictorContext
from narrowcast.models.predictors.load import predictor_factory


@dataclass(frozen=True, slots=True)
class Questions:
    """The rows of a measurement, and all that models need to answer them."""

    examples: Sequence[Example]
    requests: Sequence[PromptRequest]
    context: PredictorContext
    inputs: MeasureInputs
    options: MeasureOptions
    ctx: StageContext

    def answers(self, reference: ModelRef, fingerprint: str, box: TimeBox) -> Answers | Unmeasured:
        """The answers of one model, or why there are none.

        Args:
            reference: the model.
            fingerprint: of its content.
            box: the time that is left.

        Raises:
            ModelError: if it cannot be loaded or fails.
            CancelledError: on request; nothing of the model is kept.
        """
        factory, ctx = predictor_factory(reference), self.ctx
        path = answers_path(ctx.project, reference, fingerprint, self.requests)
        again = (ctx.force or not self.options.reuse) and may_ask(
            reference, self.options, recorded=reference in self.inputs.recorded
        )
        if path.exists() and not again:
            return read_answers(ctx.project, path)
        ctx.cancel.check()  # asked for while the former model answered its last rows
        ctx.progress.start(f"{reference}: loading")
        try:
            box.check_open()
            began = time.perf_counter()
            with factory.load(self._within(box), reference.argument) as predictor:
                seconds = time.perf_counter() - began
                try:
                    predictions = ask(predictor, reference, self.requests, ctx, box)
                finally:
                    if factory.asks:
                        self._tell(reference, factory.asks, predictor)
                note = str(getattr(predictor, "note", ""))
                answers = Answers(predictions, note, predictor.size_bytes, seconds, path, reused=False)
        except TooLongError as error:
            command = baseline_command(reference, self.options)
            return Unmeasured(model=reference, reason=str(error), command=command)
        except ModelError as error:
            # Nobody has named the model, and the others can answer.
            if box.seconds is None or error.reason_code != "model_prompt_too_long":
                raise
            return Unmeasured(model=reference, reason=error.what, command="narrowcast models list")
        write_answers(answers, reference, self.examples, ctx.seal)
        return answers

    def _within(self, box: TimeBox) -> PredictorContext:
        """The context, in which fitting ends where it would outlast the box."""
        work = self.context.work
        return replace(self.context, work=Work(box.watched(work.progress), work.cancel))

    def _tell(self, reference: ModelRef, asks: Ask, predictor: Predictor) -> None:
        """The event of what was done with the user's yes, whether or not it succeeded."""
        evidence = {"model": reference, "split": self.options.split, **getattr(predictor, "evidence", {})}
        self.ctx.emit(asks.event, f"{reference} {asks.what}", evidence)
