"""Plans: quotas that add up, in one order, and files that are wrong in a way that is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.core.task import TaskSpec
from narrowcast.errors import DataError
from narrowcast.factory.plan import Category, GenerationPlan, default_plan, load_plan
from narrowcast.factory.templates import fill_templates, load_templates

TASK = TaskSpec(profile="classification", labels=["a", "b"])


@given(
    st.integers(1, 500),
    st.lists(st.one_of(st.none(), st.integers(0, 40)), min_size=1, max_size=6),
    st.one_of(st.none(), st.integers(1, 500)),
)
def test_quotas_add_up_whatever_is_fixed(rows: int, quotas: list[int | None], scaled: int | None) -> None:
    categories = [Category(name=f"c{number}", quota=quota) for number, quota in enumerate(quotas)]
    plan = GenerationPlan(rows=rows, categories=categories)
    natural = sum(cell.quota for cell in plan.cells())
    fixed = sum(quota or 0 for quota in quotas)
    assert natural == (max(rows, fixed) if None in quotas else fixed)
    cells = plan.cells(scaled)
    assert cells == plan.cells(scaled)
    assert len({cell.name for cell in cells}) == len(cells)
    if scaled is not None and natural:
        assert sum(cell.quota for cell in cells) == scaled


def test_small_quotas_still_meet_every_difficulty() -> None:
    cells = default_plan(TASK).cells(20)
    for label in TASK.labels:
        assert {cell.difficulty for cell in cells if cell.label == label} == {"easy", "medium", "hard"}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("rows: [", "not YAML"),
        ("categories: []", "categories"),
        ("{categories: [a], row: 5}", "row"),
        ("categories: [{name: x, label: c}]", "labels the task does not have: c"),
    ],
)
def test_a_wrong_plan_says_what_is_wrong(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=what) as wrong:
        load_plan(path, TASK)
    assert wrong.value.reason_code == "factory_plan_invalid"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("templates: [{category: c, row: {text: '{who} asks'}}]", "no slot is called who"),
        ("{slots: {x: {}}, templates: [{category: c, row: {text: hi}}]}", "either values or faker"),
        ("{slots: {x: {faker: __class__}}, templates: [{category: c, row: {text: '{x}'}}]}", "pattern"),
    ],
)
def test_wrong_templates_say_what_is_wrong(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "templates.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=what):
        load_templates(path)


def test_a_slot_has_one_value_in_a_row_and_keeps_its_type(tmp_path: Path) -> None:
    path = tmp_path / "templates.yaml"
    path.write_text(
        "slots: {n: {values: [1, 2, 3]}, who: {faker: no_such_method}}\n"
        "templates: [{category: c, row: {text: 'pay {n} euros', output: {amount: '{n}'}}}]\n"
    )
    with pytest.raises(DataError, match="no_such_method"):
        fill_templates(load_templates(path), 3, 0)
    path.write_text(path.read_text().replace(", who: {faker: no_such_method}", ""))
    rows, cells = fill_templates(load_templates(path), 9, 0)
    assert [row.data["output"]["amount"] for row in rows] == [
        int(row.data["text"].split()[1]) for row in rows
    ]
    assert (cells[0].quota, cells[0].rows) == (9, 3), "three values make three rows, and it says so"
