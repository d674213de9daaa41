"""Spending caps hold over all resumptions of a generation."""

from __future__ import annotations

import pytest

from narrowcast.errors import UsageError
from narrowcast.pipeline.project import Project
from tests.support.factory import PLAN, Teachers, declare_labels, generate, write_plan

pytestmark = pytest.mark.nightly


def test_the_cap_holds_and_a_higher_one_continues(project: Project, teachers: Teachers) -> None:
    server = teachers.start()
    declare_labels(project, ["billing", "shipping"])
    write_plan(project, PLAN)
    first = generate(project, batch=1, cap_tokens=8_000, max_tokens=200).record
    assert first.stopped == "cap"
    assert not first.complete
    assert 0 < server.tokens == first.spending.tokens <= 8_000
    made = len(server.bodies)

    second = generate(project, batch=1, cap_tokens=100_000, max_tokens=200).record
    assert second.id == first.id
    assert second.complete
    assert server.counts().most_common(1)[0][1] == 24 / 12  # two samples of each cell's one prompt
    assert second.spending.stored_calls == made
    assert server.tokens == second.spending.tokens


def test_a_cap_in_money_needs_prices_and_holds(project: Project, teachers: Teachers) -> None:
    server = teachers.start()
    declare_labels(project, ["billing", "shipping"])
    write_plan(project, PLAN)
    with pytest.raises(UsageError, match="cap_cost needs"):
        generate(project, cap_cost=0.01)
    prices = {"price_prompt": 1.0, "price_completion": 4.0, "max_tokens": 200}
    record = generate(project, batch=1, cap_cost=0.012, **prices).record
    assert record.stopped == "cap"
    assert record.spending.cost is not None
    assert 0 < record.spending.cost <= 0.012
    assert server.bodies
