"""Spans in the forms that tools write: fragments, marks inside the text, objects by type, Label Studio."""

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.example import Example
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from tests.support import imports as data

SINGERS = ("Alma Lund", "Bert", "Carla Oslo")


def singer(n: int) -> str:
    return SINGERS[n % 3]


def text(n: int) -> str:
    return f"play {singer(n)} at volume {n}"


def place(n: int) -> list[int]:
    return [5, 5 + len(singer(n))]


def fragments(n: int, key: str = "entity", prefix: str = "") -> dict[str, Any]:
    return {
        "data": [{"text": "play "}, {"text": singer(n), key: f"{prefix}artist"}, {"text": f" at volume {n}"}]
    }


def by_type(n: int) -> dict[str, Any]:
    return {"text": singer(n), "span": place(n)}


FORMS: dict[str, Any] = {
    "fragments": fragments,
    "fragments of an assistant": lambda n: fragments(n, "meta", "@"),
    "fragments with slots": lambda n: fragments(n, "slot_name"),
    "colons": lambda n: {"marked": f"play [artist : {singer(n)}] at volume {n}"},
    "links": lambda n: {"marked": f"play [{singer(n)}](artist) at volume {n}"},
    "links with a value": lambda n: {"marked": f"play [{singer(n)}](artist:someone) at volume {n}"},
    "objects behind links": lambda n: {"marked": f'play [{singer(n)}]{{"entity": "artist"}} at volume {n}'},
    "tags": lambda n: {"marked": f"play <artist>{singer(n)}</artist> at volume {n}"},
    "by type": lambda n: {"text": text(n), "slots": {"artist": [by_type(n)], "x": None}},
    "by type, one each": lambda n: {"text": text(n), "slots": {"artist": by_type(n)}},
    "pairs of offsets": lambda n: {"text": text(n), "entities": [{"label": "artist", "span": place(n)}]},
    "label studio": lambda n: {
        "data": {"text": text(n)},
        "annotations": [
            {"was_cancelled": True, "result": []},
            {"result": [{"value": {**by_type(n), "start": 5, "end": place(n)[1], "labels": ["artist"]}}]},
        ],
    },
}  # fmt: skip


def imported(
    project: Project, path: Path, rows: list[dict[str, Any]], **options: Any
) -> tuple[Any, list[Example]]:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    record = data.import_rows(project, f"jsonl:{path}", **options).record
    return record, list(map(Example.from_dict, read_jsonl(project.paths.accepted / f"{record.id}.jsonl")))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_spans(project: Project, tmp_path: Path, form: str) -> None:
    record, rows = imported(project, tmp_path / "rows.jsonl", [FORMS[form](n) for n in range(30)], auto=True)
    assert record.rejected == {}
    for n, row in enumerate(rows):
        start, end = place(n)
        assert row.inputs == {"text": text(n)}
        assert row.target == {"spans": [{"type": "artist", "text": singer(n), "start": start, "end": end}]}


def test_texts_by_type_are_looked_up_whole_words_first(project: Project, tmp_path: Path) -> None:
    rows = [
        {"text": "the art of Art and Art", "spans": {"name": ["Art", "Art"]}},
        {"text": "a cart and art", "spans": {"thing": "art"}},
        {"text": "nothing here", "spans": {"thing": "art"}},
        {"text": "art alone", "spans": {"thing": ["art", "art"]}},
    ]
    fields = {"text": "text", "spans": "spans"}
    record, found = imported(
        project, tmp_path / "rows.jsonl", rows, mapper="kv_to_structured", field_map=fields
    )
    assert record.rejected == {"span_text_mismatch": 2}
    assert [(span["start"], span["end"]) for span in found[0].target["spans"]] == [(11, 14), (19, 22)]  # type: ignore[index]
    assert found[1].target["spans"][0]["start"] == 11  # type: ignore[index]


def test_a_text_without_marks_has_no_spans_and_two_styles_are_refused(
    project: Project, tmp_path: Path
) -> None:
    rows = [{"t": "plain words [see below]"}, {"t": "[a : b] and [c](d)"}, {"t": None}]
    record, found = imported(
        project, tmp_path / "rows.jsonl", rows, mapper="marked_to_spans", field_map={"marked": "t"}
    )
    assert (record.accepted, record.rejected) == (1, {"invalid_span": 1, "missing_text": 1})
    assert (found[0].inputs["text"], found[0].target) == ("plain words [see below]", {"spans": []})


def test_html_is_not_an_annotation(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        "".join(
            json.dumps({"text": f"a <b>bold {n}</b> word", "label": "xy"[n % 2]}) + "\n" for n in range(40)
        )
    )
    report = data.introspect(f"jsonl:{path}").report
    assert "marked_to_spans" not in [each.mapper_id for each in report.hypotheses]


def test_tags_of_types_alone_are_read(project: Project, tmp_path: Path) -> None:
    lines = []
    for n in range(30):
        lines += [
            "please\tO",
            "call\tO",
            f"{singer(n).split()[0]}\tPER",
            "from\tO",
            "New\tLOC",
            f"York{n}\tLOC",
            "",
        ]
    path = tmp_path / "rows.tsv.txt"
    path.write_text("\n".join(lines))
    record = data.import_rows(project, f"file:{path}", auto=True).record  # type: ignore[union-attr]
    assert (record.mapper, record.accepted) == ("bio_to_spans", 30)
    [first, *_] = read_jsonl(project.paths.accepted / f"{record.id}.jsonl")
    assert [(span["type"], span["text"]) for span in first["target"]["spans"]] == [
        ("PER", "Alma"), ("LOC", "New York0")]  # fmt: skip
