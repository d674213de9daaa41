"""The tracker of the example package, and MLflow's, pass the suite for authors."""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from narrowcast.testing.contracts.tracker import TrackerContract
from narrowcast.training.tracking.base import Begun, TrackedRun


class TestFigures(TrackerContract):
    name = "figures"

    def read(self, run: TrackedRun, begun: Begun) -> Mapping[str, Mapping[int, float]]:
        kept: dict[str, dict[int, float]] = defaultdict(dict)
        for line in Path(begun.where).read_text().splitlines():
            row = json.loads(line)
            if "step" in row:
                assert row["step"] not in kept[row["figure"]], "a figure was written twice"
                kept[row["figure"]][row["step"]] = row["value"]
        return kept


@pytest.mark.nightly
class TestMlflow(TrackerContract):
    name = "mlflow"

    def read(self, run: TrackedRun, begun: Begun) -> Mapping[str, Mapping[int, float]]:
        from mlflow import MlflowClient

        history = MlflowClient(tracking_uri=begun.where).get_metric_history(begun.tracked_as, "loss")
        return {"loss": {each.step: each.value for each in history}}
