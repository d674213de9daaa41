"""What a run made the model forget: bits per byte of general text, before and after.

Forty short passages and questions with fixed answers (`general.jsonl`, written for this) are read by the
base and by the trained model; nobody trains on them. Bits per byte do not depend on the tokenizer: 8 is
guessing bytes, the embedded base reads these passages at 1.49 and answers at 1.16.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from narrowcast.core.message import Message
from narrowcast.core.stage import StageContext
from narrowcast.models.chat import render_training
from narrowcast.training.data.rows import TokenRow
from narrowcast.training.objectives.build import layout_of
from narrowcast.training.objectives.sft import Completions
from narrowcast.training.setup import TrainingSetup
from narrowcast.training.trainer import CompletionTrainer

RISE = 0.5
"""Share by which bits per byte may rise without a warning; docs/train.md says why."""
_BATCH_SIZE = 4  # rows; all their positions have logits, which under a large vocabulary take much memory


class GeneralText:
    """The probe set as rows of a run's tokenizer.

    Args:
        setup: of the run; its layout is used, so that both readings go the way of the training rows.
    """

    def __init__(self, setup: TrainingSetup) -> None:
        self._objective = Completions(layout_of(setup))
        self._kinds: dict[str, tuple[list[TokenRow], int]] = {}
        for kind in ("text", "answers"):
            rows = [row for each in _entries(kind) if (row := _row(setup.tokenizer, each)) is not None]
            fitting = [row for row in rows if len(row[0].ids) <= setup.base.context_length]
            self._kinds[kind] = ([row for row, _ in fitting], sum(size for _, size in fitting))

    def bits(self, trainer: CompletionTrainer) -> dict[str, float]:
        """Bits per byte of the passages (`text`), of the answers (`answers`) and of both (`all`)."""
        found, nats, size = {}, 0.0, 0
        for kind, (rows, length) in self._kinds.items():
            if not length:
                continue
            of_kind, _ = trainer.loss_of(rows, self._objective, batch_size=_BATCH_SIZE)
            found[kind] = of_kind / math.log(2) / length
            nats, size = nats + of_kind, size + length
        return found | {"all": nats / math.log(2) / size} if size else {}


def compare_bits(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Both readings side by side, and `rise`: the share by which `all` rose."""
    if not before:
        return {}
    figures = {f"{name}_before": round(value, 4) for name, value in before.items()}
    figures |= {f"{name}_after": round(value, 4) for name, value in after.items()}
    return figures | {"rise": round(after["all"] / before["all"] - 1, 4)}


def warn_of_forgetting(found: Mapping[str, float], ctx: StageContext) -> bool:
    """Note and emit where general text became more expensive by more than `RISE`."""
    if not found or found["rise"] <= RISE:
        return False
    message = (
        f"general text rose from {found['all_before']:.2f} to {found['all_after']:.2f} bits per byte "
        f"({found['rise']:+.0%}): outside its task the model is worse than its base"
    )
    ctx.progress.note(f"{message}; if that matters, try --recipe sft-lora or a lower learning rate")
    ctx.emit("training_forgetting", message, dict(found))
    return True


def _entries(kind: str) -> list[dict[str, str]]:
    text = files("narrowcast.training.checks").joinpath("general.jsonl").read_text(encoding="utf-8")
    entries = [json.loads(line) for line in text.splitlines()]
    return [each for each in entries if ("text" in each) is (kind == "text")]


def _row(tokenizer: Any, entry: Mapping[str, str]) -> tuple[TokenRow, int] | None:
    """The row and the bytes its loss is spread over; None where a text is a single token."""
    if "text" in entry:
        ids = tokenizer(entry["text"], add_special_tokens=False)["input_ids"]
        # Nothing predicts the first token, so its bytes do not count.
        size = len(entry["text"].encode()) - len(tokenizer.decode(ids[:1]).encode())
        return (TokenRow.answering(entry["text"], ids, 1), size) if len(ids) > 1 else None
    turns = [Message("user", entry["question"]), Message("assistant", entry["answer"])]
    ids, labels = render_training(tokenizer, turns)
    prompt = sum(label < 0 for label in labels)
    return TokenRow.answering(entry["question"], ids, prompt), len(entry["answer"].encode())
