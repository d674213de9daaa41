"""A deleted row stays deleted where its source is imported with other derived columns."""

import json
from pathlib import Path

import pytest

from narrowcast.core.example import Example
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from tests.support import imports as data
from tests.support.history import forget

_SHAPES: dict[str, tuple[list[str], str]] = {
    "as it is": ([], ""),
    "a label derived": (["kind = label + '_kind'"], ""),
    "two columns derived": (["kind = label + '_class'", "more = text"], ""),
    "a label overwritten": (["label = label + '_kind'"], ""),
    "a condition": ([], "label != 'none'"),
}
_KEPT = [name for name in _SHAPES if name != "a label overwritten"]


@pytest.mark.parametrize("first", _KEPT)
@pytest.mark.parametrize("second", _SHAPES)
def test_a_deleted_row_is_not_imported_again(
    project: Project, tmp_path: Path, first: str, second: str
) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"text": f"kettle {n} of order {n * 37}", "label": "ab"[n % 2]} for n in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def texts(shape: str) -> tuple[str, set[str]]:
        derive, where = _SHAPES[shape]
        column = "kind" if any(each.startswith("kind") for each in derive) else "label"
        outcome = data.import_rows(
            project,
            f"jsonl:{path}",
            mapper="label_to_classification",
            field_map={"text": "text", "label": column},
            derive=derive,
            where=where or None,
        )
        assert isinstance(outcome, data.ImportOutcome)
        kept = read_jsonl(project.paths.accepted / f"{outcome.record.id}.jsonl")
        return outcome.record.id, {Example.from_dict(each).inputs["text"] for each in kept}

    name, found = texts(first)
    assert rows[7]["text"] in found
    forget(project, ids=[f"{name}:7"], delete=True)
    data.remove_import(project, name)
    _, found = texts(second)
    assert len(found) == 39
    assert rows[7]["text"] not in found
