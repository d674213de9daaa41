"""Offsets that count UTF-16 units, and labels that look alike."""

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.example import Example
from narrowcast.errors import DataError
from narrowcast.pipeline.project import Project
from narrowcast.store.config_file import load_config
from narrowcast.store.files import read_jsonl
from tests.support import imports as data
from tests.support.cli import CliJson

PREFIXES = ("", "😀 ", "😀 😀 ")
NAMES = ("Alma", "Bert", "Carla")


def row(n: int, units: str, *, stated: bool = False) -> dict[str, Any]:
    prefix, name = PREFIXES[n % 3], NAMES[n % 3]
    text = f"{prefix}please call {name} about order {n}"
    start = text.index(name)
    end = start + len(name)
    if units == "utf16":
        start, end = (len(text[:place].encode("utf-16-le")) // 2 for place in (start, end))
    span = {"start": start, "end": end, "label": "person"}
    return {"text": text, "spans": [{**span, "text": name} if stated else span]}


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in rows), encoding="utf-8")
    return path


def imported(project: Project, path: Path, **options: Any) -> tuple[Any, list[Example]]:
    record = data.import_rows(project, f"jsonl:{path}", **options).record
    rows = read_jsonl(project.paths.accepted / f"{record.id}.jsonl")
    return record, [Example.from_dict(each) for each in rows]


@pytest.mark.parametrize("stated", [False, True])
@pytest.mark.parametrize("units", ["characters", "utf16"])
def test_spans_are_the_words_whatever_offsets_count(
    project: Project, tmp_path: Path, units: str, stated: bool
) -> None:
    path = written(tmp_path / "rows.jsonl", [row(n, units, stated=stated) for n in range(30)])
    record, rows = imported(project, path, auto=True)
    assert record.rejected == {}
    for n, each in enumerate(rows):
        [span] = each.target["spans"]  # type: ignore[index]
        assert span["text"] == NAMES[n % 3]
        assert each.inputs["text"][span["start"] : span["end"]] == span["text"]


def test_the_conversion_is_said(project: Project, tmp_path: Path, cli_json: CliJson) -> None:
    path = written(tmp_path / "rows.jsonl", [row(n, "utf16") for n in range(30)])
    preview = cli_json(
        "data", "import", "-p", project.slug, "--locator", f"jsonl:{path}", "--auto", "--dry-run"
    )
    assert preview["notes"] == ["offsets of 20 rows with emoji and the like count UTF-16 units; converted"]
    plain = written(tmp_path / "plain.jsonl", [row(n, "characters") for n in range(30)])
    preview = cli_json(
        "data", "import", "-p", project.slug, "--locator", f"jsonl:{plain}", "--auto", "--dry-run"
    )
    assert preview["notes"] == []


VARIANTS = {
    "case": ("Billing", "billing", "differ by case, U+0042 and U+0062"),
    "composition": ("caf\u00e9", "cafe\u0301", "U+0301"),
    "zero width": ("delivery", "deliv\u200bery", "U+200B"),
    "no-break space": ("top up", "top\u00a0up", "U+00A0"),
}


@pytest.mark.parametrize("kind", VARIANTS)
def test_labels_that_look_alike_are_refused_joined_or_kept(
    project: Project, tmp_path: Path, kind: str
) -> None:
    one, other, point = VARIANTS[kind]
    labels = (one, other, "something else")
    texts = [{"text": f"message about thing {n} and {7 * n}", "label": labels[n % 3]} for n in range(60)]
    path = written(tmp_path / "rows.jsonl", texts)
    with pytest.raises(DataError, match="2 labels look alike") as caught:
        imported(project, path, auto=True)
    assert point in str(caught.value)
    assert data.imports(project) == []
    fields = {"text": "text", "label": "label"}
    _, rows = imported(project, path, mapper="label_to_classification", field_map={**fields, "alike": "join"})
    assert len({each.target for each in rows}) == 2  # type: ignore[arg-type]
    task = load_config(project.paths.config).task
    assert task is not None
    assert len(task.labels) == 2
    data.remove_import(project, data.imports(project)[0].id)
    _, rows = imported(project, path, mapper="label_to_classification", field_map={**fields, "alike": "keep"})
    assert {each.target for each in rows} == set(labels)


def test_a_second_import_brings_no_variant_of_a_known_label(project: Project, tmp_path: Path) -> None:
    def rows(label: str) -> list[dict[str, Any]]:
        return [
            {"text": f"message about {label} {n} and {7 * n}", "label": (label, "other")[n % 2]}
            for n in range(60)
        ]

    imported(project, written(tmp_path / "one.jsonl", rows("Billing")), auto=True)
    with pytest.raises(DataError, match="look alike"):
        imported(project, written(tmp_path / "two.jsonl", rows("billing")), auto=True)
