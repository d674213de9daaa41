"""Models that need a yes (`Ask`): whether a command says it, what is said where none does."""

from __future__ import annotations

import shlex

from narrowcast.core.model_ref import ModelRef
from narrowcast.errors import UsageError
from narrowcast.evaluation.options import MeasureOptions
from narrowcast.evaluation.result import Unmeasured
from narrowcast.models.predictors.base import Ask
from narrowcast.models.predictors.load import predictor_factory


def may_ask(reference: ModelRef, options: MeasureOptions, *, recorded: bool) -> bool:
    """Whether a command with these options may ask a model.

    Args:
        reference: the model.
        options: of the command.
        recorded: the model comes from a record; the user did not name it.
    """
    asks = predictor_factory(reference).asks
    if asks is None:
        return True
    return bool(getattr(options, asks.option)) if asks.option else not recorded


def baseline_command(reference: ModelRef, options: MeasureOptions) -> str:
    """The command that measures a model as a baseline on the same rows, with the yes it needs."""
    asks = predictor_factory(reference).asks
    where = f"--split {options.split} " if options.split != "test" else ""
    where += f"--rows {options.limit} " if options.limit else ""
    return f"narrowcast baseline {where}--models {shlex.quote(reference)}{asks.flag if asks else ''}"


def silent(reference: ModelRef, options: MeasureOptions) -> Unmeasured:
    """A recorded model that has no answers to these rows, and that nobody let answer."""
    reason = f"it {_asks(reference).what}, and has no answers to these rows"
    return Unmeasured(model=reference, reason=reason, command=baseline_command(reference, options))


def needs_yes(reference: ModelRef, options: MeasureOptions, rows: int) -> UsageError:
    """The refusal of a model that was named without the yes it needs."""
    asks = _asks(reference)
    return UsageError(
        f"{reference} {asks.what}: {rows:,} rows of the {options.split} split",
        where=reference,
        next_command=f"the same command with{asks.flag}, if they may leave this machine",
        reason_code="model_needs_yes",
    )


def _asks(reference: ModelRef) -> Ask:
    asks = predictor_factory(reference).asks
    assert asks is not None
    return asks
