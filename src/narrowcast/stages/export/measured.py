"""The measured model's side of parity: what it makes of the held-out prompts.

Logits at the answer positions are kept in a temporary folder, one file a row, so that memory does not grow
with the rows or the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowcast.core.example import Example
from narrowcast.core.prediction import Prediction, PromptRequest
from narrowcast.core.work import Work
from narrowcast.models.chat import (
    end_of_turn,
    prompt_text,
    render_completion,
    render_prompt,
    stop_tokens,
)
from narrowcast.models.template import TemplateRefusedError
from narrowcast.stages.export.merge import Trained
from narrowcast.tasks.base import TaskHandler
from narrowcast.tasks.prompt import request_for

_BATCH = 32
MAX_POSITIONS = 64
"""Answer positions compared in one row."""


@dataclass(frozen=True, slots=True)
class MeasuredRow:
    """One held-out example with the measured model's view of it."""

    example: Example
    request: PromptRequest
    prompt_text: str
    prompt_ids: list[int]
    answer_text: str
    answer_ids: list[int]
    """The reference answer with its end-of-turn token."""
    logits: Path
    """`.npy`, `(positions, vocabulary)` float32: what the model predicts at each answer position."""

    @property
    def forced_ids(self) -> list[int]:
        """Prompt and reference answer but for the last token: what is fed to compare distributions."""
        return [*self.prompt_ids, *self.answer_ids[: self.positions - 1]]

    @property
    def positions(self) -> int:
        """Compared positions."""
        return min(len(self.answer_ids), MAX_POSITIONS)


@dataclass(frozen=True, slots=True)
class MeasuredModel:
    """Everything an exported file is compared with."""

    handler: TaskHandler
    rows: list[MeasuredRow]
    groups: list[int]
    """By row, the number of its group, from 0 without gaps."""
    predictions: list[Prediction]
    eos: int | None
    end_of_turn: int
    stop: frozenset[int]


def measure(
    trained: Trained,
    predict: Callable[[Sequence[PromptRequest]], list[Prediction]],
    handler: TaskHandler,
    examples: Sequence[Example],
    folder: Path,
    *,
    groups: Mapping[str, int],
    max_tokens: int,
    work: Work,
) -> MeasuredModel:
    """Render, tokenise and run every example through the trained model.

    Distributions are computed in float32, whatever arithmetic the answers are measured in, so that what
    differs is the file.

    Args:
        trained: the model in memory, adapter merged.
        predict: answers through the same model, by the code that evaluation runs.
        handler: of the project's task.
        examples: held-out rows.
        folder: where logits may be kept.
        groups: of rows that are alike, by the id of the row.
        max_tokens: of a generated answer.
        work: advanced, and asked whether to stop, once per row.

    Raises:
        TemplateRefusedError: if the chat template refuses every row; a single one is left out, and said.
    """
    rows, model, tokenizer = [], trained.model, trained.tokenizer
    work.progress.start("parity: trained model", len(examples))
    refused: list[TemplateRefusedError] = []
    for index, example in enumerate(examples):
        work.cancel.check()
        try:
            rows.append(_row(model, tokenizer, handler, example, folder / f"{index}.npy", max_tokens))
        except TemplateRefusedError as error:  # training left such rows out as well
            refused.append(error)
        work.progress.advance()
    if refused:
        work.progress.note(f"{len(refused):,} of {len(examples):,} rows are not compared: {refused[0].what}")
    if not rows:
        raise refused[0]
    numbers: dict[int, int] = {}
    return MeasuredModel(
        handler=handler,
        rows=rows,
        groups=[numbers.setdefault(groups[row.example.id], len(numbers)) for row in rows],
        predictions=_predictions(predict, [row.request for row in rows], work),
        eos=tokenizer.eos_token_id,
        end_of_turn=end_of_turn(tokenizer),
        stop=stop_tokens(tokenizer, model),
    )


def _predictions(
    predict: Callable[[Sequence[PromptRequest]], list[Prediction]],
    requests: Sequence[PromptRequest],
    work: Work,
) -> list[Prediction]:
    work.progress.start("parity: answers of the trained model", len(requests))
    predictions: list[Prediction] = []
    for start in range(0, len(requests), _BATCH):
        work.cancel.check()
        predictions += predict(requests[start : start + _BATCH])
        work.progress.advance(len(requests[start : start + _BATCH]))
    return predictions


def _row(
    model: Any, tokenizer: Any, handler: TaskHandler, example: Example, file: Path, max_tokens: int
) -> MeasuredRow:
    request = request_for(handler, example.inputs, target=example.target, max_tokens=max_tokens)
    answer = handler.to_messages(example.inputs, example.target)[-1].content
    row = MeasuredRow(
        example=example,
        request=request,
        prompt_text=prompt_text(tokenizer, request.messages),
        prompt_ids=render_prompt(tokenizer, request.messages),
        answer_text=answer,
        answer_ids=render_completion(tokenizer, answer),
        logits=file,
    )
    _save_logits(model, row)
    return row


def _save_logits(model: Any, row: MeasuredRow) -> None:
    import numpy as np
    import torch

    with torch.inference_mode():
        output = model(torch.tensor([row.forced_ids], device=model.device), logits_to_keep=row.positions)
    np.save(row.logits, output.logits[0].float().cpu().numpy())
