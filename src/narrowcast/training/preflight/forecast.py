"""From a few timed steps to the time and memory of a whole run, and how wrong that was."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import BaseModel


class Forecast(BaseModel):
    """What a run is expected to take.

    Attributes:
        seconds: of training, dev losses included; loading and saving are not.
        peak_bytes: the most memory the process will hold.
        timed_steps: steps that were timed.
        seconds_per_step: mean over an epoch.
        seconds_per_shape: what the first batch of a new shape costs more.
        seconds_per_dev_loss: of one pass over the dev rows.
        steps: of the whole run.
        dev_losses: passes over the dev rows.
        epochs: of the whole run; 0 in files of earlier versions.
    """

    seconds: float
    peak_bytes: int
    timed_steps: int
    seconds_per_step: float
    seconds_per_shape: float
    seconds_per_dev_loss: float
    steps: int
    dev_losses: int
    epochs: int = 0

    def with_epochs(self, epochs: int, *, of: int) -> Forecast:
        """The forecast of the same run with another number of epochs than `of`."""
        steps = self.steps * epochs // of
        dev_losses = math.ceil(self.dev_losses * epochs / of)
        saved = self.seconds_per_step * (self.steps - steps)
        saved += self.seconds_per_dev_loss * (self.dev_losses - dev_losses)
        seconds = round(self.seconds - saved, 2)
        return self.model_copy(
            update={"seconds": seconds, "steps": steps, "dev_losses": dev_losses, "epochs": epochs}
        )


class Comparison(BaseModel):
    """A forecast and the actual values.

    Errors are shares of what happened, positive where too much was forecast.
    """

    seconds: float
    seconds_forecast: float
    seconds_error: float
    peak_bytes: int
    peak_bytes_forecast: int
    memory_error: float


def compare(forecast: Forecast, *, seconds: float, peak_bytes: int, steps: int) -> Comparison:
    """Of a run that did `steps` steps; where it stopped early, with that share of the forecast."""
    expected = forecast.seconds * steps / max(1, forecast.steps)
    return Comparison(
        seconds=round(seconds, 2),
        seconds_forecast=round(expected, 2),
        seconds_error=round(expected / max(seconds, 1e-9) - 1, 4),
        peak_bytes=peak_bytes,
        peak_bytes_forecast=forecast.peak_bytes,
        memory_error=round(forecast.peak_bytes / max(peak_bytes, 1) - 1, 4),
    )


def step_seconds(sizes: Sequence[int], timed: Sequence[tuple[int, float]]) -> float:
    """Mean seconds of steps of the given sizes, read off the timed ones.

    Args:
        sizes: tokens computed in each step of an epoch.
        timed: (tokens computed, seconds) of the steps that were tried; between two of them the cost is
            taken as a line, above the largest as proportional to the tokens.
    """
    import numpy as np

    points = sorted(timed)
    if points[-1][0] < (largest := max(sizes)):
        points.append((largest, points[-1][1] * largest / points[-1][0]))
    if len({size for size, _ in points}) == 1:
        size, mean = points[0][0], sum(seconds for _, seconds in points) / len(points)
        return float(np.mean(np.asarray(sizes) / size) * mean)
    at, cost = zip(*points, strict=True)
    return float(np.mean(np.interp(sizes, at, cost)))
