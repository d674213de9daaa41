"""What each of the processes of `test_two_processes` runs: the same training twice, in both layouts.

torchrun --nproc-per-node 2 two_processes.py PROJECT BASE
"""

from __future__ import annotations

import sys

from narrowcast.core.settings import Settings
from narrowcast.experiments.requests import TrainRequest
from narrowcast.ops.train import train
from narrowcast.pipeline.project import Project

OPTIONS = {"epochs": 1, "batch_size": 8, "micro_batch_size": 3, "precision": "fp32", "preflight": "fail-open"}
LAYOUTS = ("padded", "tree")


def run(slug: str, base: str) -> list[dict[str, object]]:
    project = Project.open(Settings.from_environment(), slug)
    options = {**OPTIONS, "base": base, "checkpoint_every": 5, "forgetting_check": False}
    results = [
        train(project, TrainRequest(options={**options, "layout": layout}, force=True)) for layout in LAYOUTS
    ]
    return [result.model_dump(mode="json") for result in results]


if __name__ == "__main__":
    run(*sys.argv[1:])
