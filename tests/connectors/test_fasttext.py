"""fastText's files, read by `file:`."""

from pathlib import Path

import pytest

from narrowcast.connectors import connect
from narrowcast.core.locator import Locator
from narrowcast.pipeline.project import Project
from tests.support import imports as data

SINGLE = [
    f"__label__{('billing', 'delivery')[n % 2]} I, the customer, ask about thing {n}" for n in range(40)
]
SEVERAL = [
    f"__label__billing{' __label__urgent' if n % 2 else ''} please look at thing {n}" for n in range(40)
]


@pytest.mark.parametrize("name", ["train.txt", "train.csv", "train"])
def test_lines_that_are_no_texts_with_a_label(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("\n".join([*SINGLE, "", "no label here"]) + "\n")
    rows = list(connect(Locator("file", str(path))).load())
    assert rows[0].data == {"text": "I, the customer, ask about thing 0", "label": "billing"}
    assert [(row.index, row.error) for row in rows if row.error] == [(40, "the line has no label")]


def test_lines_of_one_label_are_a_classification(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_text("\n".join(SINGLE))
    outcome = data.import_rows(project, f"file:{path}", auto=True)
    assert isinstance(outcome, data.ImportOutcome)
    assert (outcome.record.mapper, outcome.record.accepted) == ("label_to_classification", 40)


def test_lines_of_several_labels_are_sets(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_text("\n".join(SEVERAL))
    outcome = data.import_rows(project, f"file:{path}", auto=True)
    assert isinstance(outcome, data.ImportOutcome)
    assert (outcome.record.mapper, outcome.record.accepted) == ("labels_to_multi_label", 40)
