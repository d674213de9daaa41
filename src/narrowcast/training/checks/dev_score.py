"""The task's primary metric on some dev rows, measured while a run continues.

The model is asked as evaluation asks it: the handler's prompt, label-trie scoring for a closed label set,
greedy answers otherwise. Nothing is drawn at random meanwhile, so the run itself is not changed.
"""

from __future__ import annotations

import random
from typing import Any

from narrowcast.core.names import Split
from narrowcast.core.stage import StageContext
from narrowcast.models.predictors.transformers import TransformersPredictor
from narrowcast.store.datasets import read_split
from narrowcast.tasks import handler_for
from narrowcast.tasks.prompt import request_for
from narrowcast.training.setup import TrainingSetup

_ROOM = 16  # tokens an answer may be longer than the longest right one


class DevScore:
    """Scores a model on the same dev rows again and again.

    Args:
        setup: of the run; dev rows that do not fit into the context are not asked.
        rows: at most this many, drawn alike for every seed, so that runs can be compared.
        ctx: of the run.

    Attributes:
        metric: name of the primary metric, known once a model was scored.
        rows: how many are asked.
    """

    def __init__(self, setup: TrainingSetup, rows: int, ctx: StageContext) -> None:
        kept = {row.example_id: row.answer_length for row in setup.dev.rows}
        fitting = [each for each in read_split(ctx.project, setup.manifest, Split.DEV) if each.id in kept]
        draw = random.Random(0)  # noqa: S311 - a reproducible draw, not a secret
        chosen = sorted(draw.sample(range(len(fitting)), min(rows, len(fitting))))
        self._examples = [fitting[place] for place in chosen]
        self._handler = handler_for(setup.manifest.task)
        longest = max(kept[each.id] for each in self._examples) + _ROOM
        self._requests = [
            request_for(self._handler, each.inputs, target=each.target, max_tokens=longest)
            for each in self._examples
        ]
        self._tokenizer, self._precision = setup.tokenizer, setup.recipe.precision
        self.metric, self.rows = "", len(self._examples)

    def __call__(self, model: Any) -> float:
        """The metric; the model is in training mode before and after."""
        from narrowcast.training.packing.register import NAME, use

        model.eval()
        packed = model.config._attn_implementation == NAME
        if packed:  # packed attention wants a layout; questions stand side by side
            model.set_attn_implementation("sdpa")
        predictor = TransformersPredictor(
            "dev", model, self._tokenizer, size_bytes=None, precision=self._precision
        )
        try:
            scores = self._handler.score(self._examples, predictor.predict(self._requests))
        finally:
            predictor.close()
            if packed:
                use(model)
            model.train()
        self.metric = scores.primary
        return scores.metrics[scores.primary]
