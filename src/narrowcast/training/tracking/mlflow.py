"""MLflow: a local SQLite store, or the server that `MLFLOW_TRACKING_URI` names."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from narrowcast.core.settings import Settings
from narrowcast.plugins.optional import require
from narrowcast.training.tracking.address import is_remote, refuse_remote, shown
from narrowcast.training.tracking.base import Begun, Outcome, Point, TrackedRun

_STATUS: dict[Outcome, str] = {
    "finished": "FINISHED",
    "cancelled": "KILLED",
    "timeout": "KILLED",
    "failed": "FAILED",
}
_PER_REQUEST = 1000  # metrics, parameters or tags
_LONGEST = 500  # characters of a parameter


class MlflowTracker:
    """Writes metrics through `MlflowClient`, never through MLflow's global run."""

    def __init__(self) -> None:
        self._client: Any = None
        self._run = ""

    def check(self, settings: Settings) -> None:
        """The library is there, and in offline mode its address is this machine."""
        require("mlflow", purpose="--track mlflow")
        address = _address(settings.home)
        if settings.offline and is_remote(address):
            raise refuse_remote("mlflow", address, "unset MLFLOW_TRACKING_URI, which tracks in a local file")

    def begin(self, run: TrackedRun) -> Begun:
        """Create the run in the experiment named as the project, or open it again."""
        # Read by MLflow itself: no usage statistics, and an error within seconds instead of minutes.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        address = _address(run.home)
        run.home.mkdir(parents=True, exist_ok=True)
        self._client = _client(address)
        known: dict[str, int] = {}
        if run.tracked_as is None:
            entry = self._client.create_run(
                self._experiment(run), run_name=run.run_id, tags={"narrowcast.run": run.run_id}
            )
            self._run = entry.info.run_id
            self._describe(run.parameters)
        else:
            self._run = run.tracked_as
            self._client.update_run(self._run, status="RUNNING")
            for name in ("loss", "dev_loss"):
                steps = [each.step for each in self._client.get_metric_history(self._run, name)]
                known[name] = max(steps, default=0)
        return Begun(self._run, shown(address), known)

    def log(self, points: Sequence[Point]) -> None:
        """One request a thousand metrics; a metric that arrives twice is the same row."""
        from mlflow.entities import Metric

        metrics = [
            Metric(name, value, point.time_ms, point.step)
            for point in points
            for name, value in point.figures.items()
        ]
        for start in range(0, len(metrics), _PER_REQUEST):
            self._client.log_batch(self._run, metrics=metrics[start : start + _PER_REQUEST])

    def end(self, outcome: Outcome, figures: Mapping[str, float], tags: Mapping[str, str]) -> None:
        """Final figures as metrics, hashes as tags, then the status."""
        for name, value in figures.items():
            self._client.log_metric(self._run, name, value)
        for name, text in chain(tags.items(), [("narrowcast.outcome", outcome)]):
            self._client.set_tag(self._run, name, text)
        self._client.set_terminated(self._run, _STATUS[outcome])

    def _experiment(self, run: TrackedRun) -> str:
        experiment = self._client.get_experiment_by_name(run.project)
        if experiment is not None:
            return str(experiment.experiment_id)
        # Without a place of its own, a local store would put artifacts into the current folder.
        local = None if "MLFLOW_TRACKING_URI" in os.environ else (run.home / "mlflow-artifacts").as_uri()
        return str(self._client.create_experiment(run.project, artifact_location=local))

    def _describe(self, parameters: Mapping[str, str]) -> None:
        from mlflow.entities import Param

        params = [Param(name, value[:_LONGEST]) for name, value in parameters.items()]
        self._client.log_batch(self._run, params=params)


def _client(address: str) -> Any:
    """The client, without what MLflow says of its tables and SQLAlchemy of MLflow's code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from mlflow import MlflowClient

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        client = MlflowClient(tracking_uri=address)
        client.search_experiments(max_results=1)  # opens the store
    return client


def _address(home: Path) -> str:
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home / 'mlflow.db'}"
