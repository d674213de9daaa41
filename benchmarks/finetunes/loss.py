"""What a trained model's answers cost, by plain transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_ROWS = 64


def answer_loss(base: Path, saved: Path, rows: list[dict[str, str]]) -> float:
    """Nats per answer token of the first rows, in float32; `saved` is a model or an adapter of the base."""
    import torch
    from transformers import AutoTokenizer

    from narrowcast.core.message import Message
    from narrowcast.models.chat import IGNORED, render_training

    model = _model(base, saved)
    tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
    total, tokens = 0.0, 0
    with torch.inference_mode():
        for row in rows[:_ROWS]:
            roles = {"system": row["system"], "user": row["user"], "assistant": row["answer"]}
            turns = [Message(role, text) for role, text in roles.items() if text]  # type: ignore[arg-type]
            ids, labels = render_training(tokenizer, turns)
            logits = model(input_ids=torch.tensor([ids])).logits[0, :-1].float()
            wanted = torch.tensor(labels[1:])
            total += torch.nn.functional.cross_entropy(
                logits, wanted, ignore_index=IGNORED, reduction="sum"
            ).item()
            tokens += int((wanted != IGNORED).sum())
    return total / tokens


def _model(base: Path, saved: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    adapter = (saved / "adapter_config.json").exists()
    model = AutoModelForCausalLM.from_pretrained(
        base if adapter else saved, local_files_only=True, dtype=torch.float32
    )
    if adapter:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, saved)
    return model.eval()
