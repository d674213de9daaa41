"""Base models and trained runs through transformers: greedy answers, or exact scores over a label set."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Literal, Self

from narrowcast.core.model_ref import ModelRef
from narrowcast.core.prediction import Prediction, PromptRequest
from narrowcast.errors import ModelError
from narrowcast.models.chat import render_completion, render_prompt, stop_tokens
from narrowcast.models.predictors.base import PredictorContext, PredictorFactory
from narrowcast.models.predictors.base_content import base_content

_BATCH_TOKENS = 8192  # of a batch, prompts and label tries together; more would not stay in the cache
_BATCH_ROWS = 64


def from_base(context: PredictorContext, _argument: str = "") -> TransformersPredictor:
    """The untuned base model."""
    from narrowcast.models.loading import load_model, load_tokenizer, resolve_base

    base = resolve_base(context.base, context.settings)
    model, tokenizer = load_model(base), load_tokenizer(base)
    return TransformersPredictor("base", model, tokenizer, size_bytes=base.size_bytes)


def from_run(context: PredictorContext, run_id: str) -> TransformersPredictor:
    """A trained language model of the project, its adapter merged in.

    Raises:
        ModelError: if its weights are gone; the base is never a stand-in.
    """
    from narrowcast.models.loading import load_trained

    model, tokenizer = load_trained(context.project, run_id, context.settings)
    weights = sum(each.numel() * each.element_size() for each in model.parameters())
    return TransformersPredictor(ModelRef.of_run(run_id), model, tokenizer, size_bytes=weights)


BASE = PredictorFactory(load=from_base, content=base_content)


class TransformersPredictor:
    """See `narrowcast.models.predictors.base.Predictor`.

    Args:
        name: how reports call it.
        model: causal language model; the predictor owns it from here on.
        tokenizer: with a chat template.
        size_bytes: of the weights.
        precision: arithmetic of matrix products; auto takes bf16 where the machine has it in hardware.
    """

    def __init__(
        self,
        name: str,
        model: Any,
        tokenizer: Any,
        *,
        size_bytes: int | None,
        precision: Literal["auto", "bf16", "fp32"] = "auto",
    ) -> None:
        from narrowcast.models.arithmetic import best_precision
        from narrowcast.models.predictors.prefill import Reader

        self.name, self.size_bytes = name, size_bytes
        self.precision = best_precision()[0] if precision == "auto" else precision
        self._tokenizer = tokenizer
        self._stops = stop_tokens(tokenizer, model)
        self._context: int = model.config.get_text_config().max_position_embeddings
        if self.precision == "fp32":
            model = model.float()
        self._reader = Reader(model, tokenizer.pad_token_id or 0, bf16=self.precision == "bf16")
        self._scorers: dict[tuple[str, ...], tuple[Any, int, int]] = {}

    def predict(self, requests: Sequence[PromptRequest]) -> list[Prediction]:
        """One prediction a request, in order; rows of similar length are computed together.

        Raises:
            ModelError: if a prompt leaves no room in the context.
        """
        prompts = [render_prompt(self._tokenizer, request.messages) for request in requests]
        self._check_room(requests, prompts)
        found: list[Prediction | None] = [None] * len(requests)
        for batch in self._batches(requests, prompts):
            began = time.perf_counter()
            labels = requests[batch[0]].labels
            answers = (
                self._generate([requests[row] for row in batch], [prompts[row] for row in batch])
                if labels is None
                else self._choose(labels, [prompts[row] for row in batch])
            )
            seconds = (time.perf_counter() - began) / len(batch)
            for row, (text, tokens, logprobs, finish) in zip(batch, answers, strict=True):
                found[row] = Prediction(text, tokens, seconds, logprobs, finish)
        return [each for each in found if each is not None]

    def _batches(self, requests: Sequence[PromptRequest], prompts: Sequence[list[int]]) -> list[list[int]]:
        """Row numbers by label set and length, longest first, within the token budget."""
        order = sorted(
            range(len(requests)), key=lambda row: (hash(requests[row].labels), -len(prompts[row]), row)
        )
        batches: list[list[int]] = []
        for row in order:
            last = batches[-1] if batches else []
            longest = len(prompts[last[0]]) if last else 0
            answers = self._scorer(requests[row].labels)[2]
            fits = (
                last
                and requests[row].labels == requests[last[0]].labels
                and len(last) < _BATCH_ROWS
                and (longest + answers) * (len(last) + 1) <= _BATCH_TOKENS
                and (self._reader.ragged or len(prompts[row]) == longest)
            )
            if fits:
                last.append(row)
            else:
                batches.append([row])
        return batches

    def _generate(
        self, requests: Sequence[PromptRequest], prompts: Sequence[list[int]]
    ) -> list[tuple[str, int, None, str]]:
        from narrowcast.models.predictors.greedy import generate

        limits = [
            max(1, min(request.max_tokens, self._context - len(prompt)))
            for request, prompt in zip(requests, prompts, strict=True)
        ]
        return [
            (
                self._tokenizer.decode(ids, skip_special_tokens=True),
                len(ids),
                None,
                "stop" if ended else "length",
            )
            for ids, ended in generate(self._reader, prompts, limits, self._stops)
        ]

    def _choose(
        self, labels: tuple[str, ...], prompts: Sequence[list[int]]
    ) -> list[tuple[str, int, dict[str, float], str]]:
        scorer, tokens, _ = self._scorer(labels)
        normalised = scorer.score(prompts).double().log_softmax(-1)
        best = normalised.argmax(-1).tolist()
        return [
            (labels[choice], tokens, dict(zip(labels, row, strict=True)), "stop")
            for choice, row in zip(best, normalised.tolist(), strict=True)
        ]

    def _scorer(self, labels: tuple[str, ...] | None) -> tuple[Any, int, int]:
        """The scorer of a label set, the tokens of all labels, and the tokens a row adds to a batch."""
        if labels is None:
            return None, 0, 0
        if labels not in self._scorers:
            from narrowcast.models.predictors.label_scores import TrieScorer
            from narrowcast.models.predictors.label_trie import build_trie
            from narrowcast.models.predictors.plain_scores import PlainScorer

            answers = [render_completion(self._tokenizer, label) for label in labels]
            trie, tokens = build_trie(answers), sum(map(len, answers))
            if self._reader.ragged and self._reader.plain_head:
                self._scorers[labels] = (TrieScorer(self._reader, trie), tokens, trie.nodes)
            else:
                self._scorers[labels] = (PlainScorer(self._reader, answers), tokens, 0)
        return self._scorers[labels]

    def _check_room(self, requests: Sequence[PromptRequest], prompts: Sequence[list[int]]) -> None:
        for request, prompt in zip(requests, prompts, strict=True):
            if len(prompt) >= self._context:
                raise ModelError(
                    f"a prompt of {len(prompt)} tokens leaves no room in a context of {self._context}",
                    where=request.messages[-1].content[:80],
                    next_command="shorten the input, or choose a base with a longer context",
                    reason_code="model_prompt_too_long",
                )

    def close(self) -> None:
        """Free the model."""
        self._scorers.clear()
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
