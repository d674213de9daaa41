"""LLaMA-Factory's trainer, in an environment of its own: this file imports nothing of narrowcast.

Run by ``train.py``: ``PYTHON with_llamafactory.py FOLDER METHOD PRECISION WARM BATCH RATE RANK``; prints one
JSON object. It is tuned as TRL is: all rows of a step at once, no recomputed activations. It takes the
rows in order. Its template lets it learn the line break behind an answer too, so its loss on answers alone
ends a little higher.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def main() -> None:
    """Train once."""
    import torch
    from llamafactory.train.tuner import run_exp
    from transformers import TrainerCallback

    folder, method, precision = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    warm, batch, rate, rank = int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6]), int(sys.argv[7])
    saved = folder / f"llamafactory-{os.getpid()}"
    data = saved / "data"
    data.mkdir(parents=True)
    rows = json.loads((folder / "ordered.json").read_text())
    table = [
        {"system": row["system"], "instruction": row["user"], "input": "", "output": row["answer"]}
        for row in rows
    ]
    (data / "rows.json").write_text(json.dumps(table))
    columns = {"prompt": "instruction", "query": "input", "response": "output", "system": "system"}
    (data / "dataset_info.json").write_text(
        json.dumps({"rows": {"file_name": "rows.json", "formatting": "alpaca", "columns": columns}})
    )
    times: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            CLEAR.write_text("5")  # proc(5): the peak of the resident set counts from here

        def on_step_end(self, *_: Any, **__: Any) -> None:
            times.append(time.monotonic())

    run_exp(
        {
            "stage": "sft",
            "do_train": True,
            "model_name_or_path": str(folder / "model"),
            "finetuning_type": method,
            "lora_rank": rank,
            "lora_target": "all",
            "dataset": "rows",
            "dataset_dir": str(data),
            "template": "chatml",
            "cutoff_len": 2048,
            "disable_shuffling": True,
            "disable_gradient_checkpointing": True,
            "per_device_train_batch_size": batch,
            "gradient_accumulation_steps": 1,
            "learning_rate": rate,
            "lr_scheduler_type": "constant",
            "num_train_epochs": 1,
            "bf16": precision == "bf16",
            "use_cpu": not torch.cuda.is_available(),
            "save_strategy": "no",
            "report_to": "none",
            "output_dir": str(saved),
            "overwrite_cache": True,
        },
        [Clock()],
    )
    lines = STATUS.read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    seconds = times[-1] - times[warm - 1]
    found = {"speed": (len(times) - warm) * batch / seconds, "peak_mib": peak / 1024, "saved": str(saved)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
