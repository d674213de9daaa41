"""TRL's trainer, at its defaults and tuned. It meets the rows in narrowcast's order, step by step."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from finetunes.inputs import BATCH, RANK, RATE


def train(
    folder: Path, rows: list[dict[str, str]], method: str, precision: str, warm: int, *, tuned: bool
) -> dict[str, Any]:
    """`SFTTrainer` on one epoch; rows of similar length share a step, as group_by_length would do it.

    At its defaults it recomputes activations and takes 8 rows at once; tuned it does neither.
    """
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from narrowcast.models.memory import peak_bytes, reset_peak

    times: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            times.append(time.monotonic())

    chosen = (
        {"activation_checkpointing": False, "per_device_train_batch_size": BATCH}
        if tuned
        else {"gradient_accumulation_steps": BATCH // 8}  # its default of 8 rows at once
    )
    saved = folder / f"trl-{os.getpid()}"
    arguments = SFTConfig(
        output_dir=str(saved),
        num_train_epochs=1,
        learning_rate=RATE,
        lr_scheduler_type="constant",
        bf16=precision == "bf16",
        max_length=2048,
        train_sampling_strategy="sequential",
        report_to="none",
        save_strategy="no",
        use_cpu=not torch.cuda.is_available(),
        disable_tqdm=True,
        **chosen,
    )
    tokenizer = AutoTokenizer.from_pretrained(folder / "model", local_files_only=True)
    table = [_rendered(row, tokenizer) for row in rows]
    model = AutoModelForCausalLM.from_pretrained(folder / "model", local_files_only=True, dtype=torch.float32)
    adapter = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM")
    trainer = SFTTrainer(
        model,
        args=arguments,
        train_dataset=Dataset.from_list(table),
        processing_class=tokenizer,
        callbacks=[Clock()],
        peft_config=adapter if method == "lora" else None,
    )
    reset_peak()
    trainer.train()
    peak = peak_bytes()
    trainer.save_model(str(saved))
    return {
        "speed": (len(times) - warm) * BATCH / (times[-1] - times[warm - 1]),
        "peak_mib": peak / 2**20,
        "saved": str(saved),
    }


def _rendered(row: dict[str, str], tokenizer: Any) -> dict[str, str]:
    """Prompt and completion as text, to which the trainer adds the end of the turn.

    From conversations it would learn the line break behind that too, which narrowcast does not.
    """
    turns = [{"role": role, "content": row[role]} for role in ("system", "user") if row[role]]
    prompt = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    return {"prompt": prompt, "completion": row["answer"]}
