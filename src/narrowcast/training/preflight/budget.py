"""As many epochs as fit into the time that training may take; said before it begins."""

from __future__ import annotations

import math
from dataclasses import replace

from narrowcast.training.options import DEFAULT_BUDGET_MINUTES, Options
from narrowcast.training.preflight.forecast import Forecast
from narrowcast.training.setup import TrainingSetup


def budget_seconds(options: Options) -> float:
    """What the options allow; without a budget, epochs that were asked for take as long as they take."""
    if options.budget_minutes is not None:
        return 60 * options.budget_minutes
    return 60 * DEFAULT_BUDGET_MINUTES if options.epochs is None else math.inf


def fit_to_budget(
    setup: TrainingSetup, forecast: Forecast, options: Options
) -> tuple[TrainingSetup, Forecast]:
    """The same run with fewer epochs where its forecast is above the budget, and the forecast of that.

    At least one epoch is left, also where that takes longer.
    """
    seconds, epochs = budget_seconds(options), setup.recipe.epochs
    fitting = epochs
    while fitting > 1 and forecast.with_epochs(fitting, of=epochs).seconds > seconds:
        fitting -= 1
    if fitting == epochs:
        return setup, forecast
    allowed = f"{seconds / 60:,.4g} minutes are allowed"
    reason = f"{epochs:,} would take about {forecast.seconds / 60:,.1f} minutes, and {allowed}"
    return with_epochs(setup, fitting, reason), forecast.with_epochs(fitting, of=epochs)


def with_epochs(setup: TrainingSetup, epochs: int, reason: str) -> TrainingSetup:
    """The same run with another number of epochs."""
    reasons = {**setup.recipe.reasons, "epochs": reason}
    recipe = setup.recipe.model_copy(update={"epochs": epochs, "reasons": reasons})
    return replace(setup, recipe=recipe, shortened=f"epochs reduced to {epochs}: {reason}")
