"""The contract of a gate of generated rows."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from narrowcast.core.generation import GeneratedRow
from narrowcast.core.task import TaskSpec
from narrowcast.factory.gates import GATES
from narrowcast.factory.gates.base import GateContext, GateRow
from narrowcast.factory.gates.settings import gate_for
from narrowcast.factory.options import GateOptions

# Rows before it were rejected by other gates, so that numbers have gaps and do not start at 0.
_FIRST, _STEP = 100, 3


class GateContract:
    """Fill in the name, a task, rows that pass and rows that do not, in the form of the task's rows."""

    name: ClassVar[str]
    """The registered name."""

    def spec(self) -> TaskSpec:
        """The task of the rows."""
        raise NotImplementedError

    def passing(self) -> list[dict[str, Any]]:
        """Two or more rows that pass together."""
        raise NotImplementedError

    def rejected(self) -> list[dict[str, Any]]:
        """Rows of which each is rejected among those that pass."""
        raise NotImplementedError

    def options(self) -> GateOptions:
        """The options, with `settings` of the gate under its name."""
        return GateOptions.model_validate({})

    def context(self, folder: Path) -> GateContext:
        """What the gate may know; the folder is the project's."""
        return GateContext(self.spec(), self.options(), folder)

    def test_it_is_registered(self) -> None:
        """The registry finds it and accepts it."""
        GATES.get(self.name)

    def test_good_rows_pass(self, tmp_path: Path) -> None:
        """None of them is named."""
        reasons = self._apply(self.passing(), tmp_path)
        assert not reasons, f"rejected: {reasons}"

    def test_each_bad_row_is_rejected_with_a_reason(self, tmp_path: Path) -> None:
        """By the row's own number, in one line, and without the others."""
        for bad in self.rejected():
            rows = [*self.passing(), bad]
            reasons = self._apply(rows, tmp_path)
            number = _FIRST + _STEP * (len(rows) - 1)
            assert set(reasons) == {number}, f"{bad} is row {number}; rejected: {dict(reasons)}"
            reason = reasons[number]
            assert isinstance(reason, str), f"the reason {reason!r} is not a text"
            assert reason.strip(), "the reason is empty"
            assert len(reason.splitlines()) == 1, f"the reason has several lines: {reason!r}"

    def test_no_rows_are_no_problem(self, tmp_path: Path) -> None:
        """Other gates may have rejected every row."""
        assert not self._apply([], tmp_path), "there was no row to reject"

    def test_it_decides_the_same_again_and_changes_no_row(self, tmp_path: Path) -> None:
        """Later gates see the rows as they were generated."""
        data = [*self.passing(), *self.rejected()]
        before = copy.deepcopy(data)
        first = dict(self._apply(data, tmp_path))
        assert data == before, "the gate changed a row"
        assert dict(self._apply(data, tmp_path)) == first, "a second time, the gate decides otherwise"

    def _apply(self, data: Sequence[dict[str, Any]], folder: Path) -> Mapping[int, str]:
        context = self.context(folder)
        rows = [
            GateRow(GeneratedRow(_FIRST + _STEP * place, row), context.shape, context.handler)
            for place, row in enumerate(data)
        ]
        return gate_for(self.name, context.options)(rows, context)
