"""Rows from templates."""

from __future__ import annotations

import json

import pytest

from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from tests.support.factory import declare_labels, generate, write_prompt_file

pytestmark = pytest.mark.nightly

TEMPLATES = """
rows: 30
slots:
  amount: {faker: pricetag}
  name: {faker: first_name}
  city: {values: [Rome, Oslo, Lima, Bern]}
templates:
  - {category: billing, row: {text: "{name} here: I was charged {amount} twice", label: billing}}
  - {category: shipping, row: {text: "the parcel of {name} to {city} never came", label: shipping}}
"""


def test_templates_need_no_teacher_and_repeat_by_their_seed(project: Project) -> None:
    declare_labels(project, ["billing", "shipping"])
    write_prompt_file(project, "templates.yaml", TEMPLATES)
    first, again, other = (generate(project, source="templates", seed=seed).record for seed in (1, 1, 2))
    assert first.rows == 30
    assert first.rows_sha256 == again.rows_sha256 != other.rows_sha256
    rows = list(read_jsonl(project.paths.root / "data/generated" / first.id / "rows.jsonl"))
    assert len({json.dumps(row["data"]) for row in rows}) == 30
    assert not any("{" in row["data"]["text"] for row in rows)
