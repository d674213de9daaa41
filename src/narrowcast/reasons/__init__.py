"""The closed taxonomy of reason codes: the one place that says what a code means and whose it is.

A code belongs to one stage, has one severity and says what to run next. Errors and events give their code
alone; the rest is looked up here. A stage may emit its own codes and those of the system.
`tests/test_reasons.py` compares this table with the source in both directions, and each fix with the command
line. `narrowcast events --explain CODE` prints an entry. A code, once released, keeps its name.

Imports nothing but the standard library.
"""

from __future__ import annotations

from narrowcast.reasons.data import DATA
from narrowcast.reasons.factory import FACTORY
from narrowcast.reasons.reason import Reason, Severity, StageName
from narrowcast.reasons.release import RELEASE
from narrowcast.reasons.system import SYSTEM
from narrowcast.reasons.training import TRAINING

__all__ = ["REASONS", "Reason", "Severity", "StageName"]

REASONS: dict[str, Reason] = {**DATA, **FACTORY, **TRAINING, **RELEASE, **SYSTEM}
