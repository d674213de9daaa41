"""`data clean` through its public path, on planted and on real texts."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from narrowcast.errors import UsageError
from narrowcast.models.loading import load_tokenizer, resolve_base
from narrowcast.ops.clean import clean, cleanings
from narrowcast.ops.ledger import ledger
from narrowcast.ops.requests import CleanRequest
from narrowcast.pipeline.project import Project
from narrowcast.store.cleanings import CleanReport
from tests.stages.clean.planted import personal, secret

pytestmark = pytest.mark.nightly

QUESTIONS = [
    "How do I reset the router in room {}?",
    "My order of {} chairs has not arrived, where is it?",
    "Version 2.{}.1 crashes when I open the report.",
    "The invoice from 12/03/20{} shows the wrong total.",
    "Can I change my flight to gate B{} tomorrow?",
    "In 1647 and 1654-57 it had 6,241,164 readers, see p. 721-742 and 2345672350.9841, or http://127.0.0.1:80{}",
]


def clean_source(project: Project, locator: str, options: dict[str, Any], **fields: Any) -> CleanReport:
    """`narrowcast.ops.clean.clean` on a request made of the arguments."""
    return clean(project, CleanRequest(locator=locator, options=options, **fields))


def _write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"jsonl:{path}"


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _planted() -> tuple[list[dict[str, Any]], dict[int, tuple[str, str]]]:
    """Rows with 100 secrets, 100 items of personal data and 300 clean texts; row number → kind and value."""
    rows: list[dict[str, Any]] = []
    planted: dict[int, tuple[str, str]] = {}
    for number in range(100):
        question = QUESTIONS[number % 6].format(number)
        kind, value = personal(number)
        planted[len(rows)] = (kind, value)
        rows.append({"text": f"{question} You can reach me at {value}, thanks.", "label": "a"})
        kind, value, sentence = secret(number)
        planted[len(rows)] = (kind, value)
        rows.append({"text": f"{question} {sentence.format(value)} please help", "label": "b"})
        rows += [
            {"text": QUESTIONS[(number + n) % 6].format(10 + number // 2), "label": "c"} for n in range(3)
        ]
    return rows, planted


def test_planted_secrets_and_personal_data_are_found_and_redacted(project: Project, tmp_path: Path) -> None:
    rows, planted = _planted()
    source = _write(tmp_path / "planted.jsonl", rows)
    report = clean_source(project, source, {"pii": "redact", "secrets": "redact", "keep_originals": True})
    folder = project.paths.root / report.folder
    metadata = {each["index"]: each for each in _read(folder / "metadata.jsonl")}
    cleaned = (folder / "cleaned.jsonl").read_text()
    wanted, found = Counter[str](), Counter[str]()
    for index, (kind, value) in planted.items():
        wanted[kind] += 1
        kinds = {each["kind"] for each in metadata[index]["findings"]}
        found[kind] += kind in kinds and json.dumps(value)[1:-1] not in cleaned
    false = {
        index: each["findings"]
        for index, each in metadata.items()
        if index not in planted and each["findings"]
    }
    print("recall by kind:", {kind: f"{found[kind]}/{count}" for kind, count in wanted.items()})
    print("false positives:", len(false), "of", len(rows) - len(planted), "clean rows", false)
    assert found == wanted
    assert not false
    assert report.ledger.balanced
    assert report.ledger.rows_out == len(rows)
    for name in ("chunks.jsonl", "metadata.jsonl", "report.json", "rejected.jsonl"):
        text = (folder / name).read_text()
        assert not [value for _, value in planted.values() if json.dumps(value)[1:-1] in text]
    assert [each["data"] for each in _read(folder / "original.jsonl")] == rows


def test_blocked_rows_are_rejected_without_their_values_and_an_event_says_so(
    project: Project, tmp_path: Path
) -> None:
    rows = [
        {"text": "Write to anna.meyer@posteo.de about the chair.", "note": "password = 'k3Yb0ard!x9'"},
        {"text": "Nothing to hide here, only a chair."},
    ]
    options = {"pii": "block", "secrets": "redact", "keep_originals": False}
    report = clean_source(project, _write(tmp_path / "rows.jsonl", rows), options)
    assert report.ledger.rejected == {"pii": 1}
    assert report.ledger.balanced
    folder = project.paths.root / report.folder
    (rejected,) = _read(folder / "rejected.jsonl")
    assert rejected["data"] == {
        "text": "Write to [EMAIL_ADDRESS] about the chair.",
        "note": "password = '[SECRET_KEYWORD]'",
    }
    everything = "".join(path.read_text() for path in folder.iterdir())
    assert "anna.meyer" not in everything
    assert "k3Yb0ard" not in everything
    codes = [event.reason_code for event in project.trail.events()]
    assert "cleaning_pii_block" in codes
    assert "cleaning_run" in codes
    assert not [event for event in project.trail.events() if "anna" in json.dumps(event.payload)]


def test_each_row_ends_somewhere_and_is_kept_as_it_came(project: Project, tmp_path: Path) -> None:
    lines = [
        *(json.dumps({"text": f"A usual sentence about topic number {n}."}) for n in range(30)),
        json.dumps({"text": "  kept   exactly \t as it\n\n\ncame  "}),
        json.dumps({"text": "<p>\u200b</p><p> </p>"}),
        json.dumps({"text": None}),
        '{"text": broken',
        json.dumps({"text": "word " * 5_000}),
        json.dumps({"text": "Die Bibliothek öffnet um neun Uhr und schließt am Abend."}),
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(lines) + "\n")
    off = {"pii": "off", "secrets": "off", "outliers": "reject", "languages": ["en", "und"]}
    report = clean_source(project, f"jsonl:{path}", off)
    assert report.ledger.rejected == {
        "empty_after_cleaning": 1,
        "language": 1,
        "no_text": 1,
        "outlier": 1,
        "unparseable": 1,
    }
    assert report.ledger.rows_out == 31
    folder = project.paths.root / report.folder
    assert _read(folder / "cleaned.jsonl")[30]["text"] == "  kept   exactly \t as it\n\n\ncame  "
    (stage,) = ledger(project).stages
    assert stage.stage == f"clean {report.id}"
    assert stage.balanced
    assert [each.id for each in cleanings(project)] == [report.id]


def test_many_unusual_lengths_are_an_event(project: Project, tmp_path: Path) -> None:
    rows = [{"text": "short text here"}] * 40 + [{"text": "long " * 2_000}] * 5
    report = clean_source(project, _write(tmp_path / "rows.jsonl", rows), {"pii": "off", "secrets": "off"})
    assert report.outliers == 5
    codes = [event.reason_code for event in project.trail.events()]
    assert "cleaning_outlier_threshold_exceeded" in codes


def test_a_dry_run_keeps_nothing_and_wrong_options_are_named(project: Project, tmp_path: Path) -> None:
    source = _write(tmp_path / "rows.jsonl", [{"text": "One sentence of text."}])
    before = [event.id for event in project.trail.events()]
    report = clean_source(project, source, {"pii": "off", "secrets": "off"}, dry_run=True)
    assert report.ledger.rows_out == 1
    assert not project.paths.cleaned.exists()
    assert [event.id for event in project.trail.events()] == before
    with pytest.raises(UsageError, match="chunk_size"):
        clean_source(project, source, {"chunk_size": 1})
    with pytest.raises(UsageError, match="EMAIL"):
        clean_source(project, source, {"kinds": ["EMAIL"]})


def test_chunks_are_cut_in_tokens_of_the_base(project: Project, tmp_path: Path) -> None:
    text = " ".join(f"Sentence number {n} speaks of parcels and invoices." for n in range(60))
    source = _write(tmp_path / "rows.jsonl", [{"text": text}])
    off = {"pii": "off", "secrets": "off", "chunk_size": 64}
    report = clean_source(project, source, {**off, "chunk_unit": "tokens"}, base="embedded")
    cut = _read(project.paths.root / report.folder / "chunks.jsonl")
    tokenizer = load_tokenizer(resolve_base("embedded", project.settings))
    sizes = [len(tokenizer.encode(each["text"], add_special_tokens=False)) for each in cut]
    assert sizes == [each["size"] for each in cut]
    assert max(sizes) <= 64 < max(len(each["text"]) for each in cut)
    assert min(sizes[:-1]) > 32, "chunks are filled"
    assert "".join(each["text"] for each in cut).replace(" ", "") == text.replace(" ", "")


def test_cleaning_again_gives_the_same_files(project: Project, tmp_path: Path) -> None:
    source = _write(tmp_path / "rows.jsonl", [{"text": f"Sentence {n} of the text."} for n in range(5)])
    options = {"pii": "off", "secrets": "off"}
    first = clean_source(project, source, options)
    folder = project.paths.root / first.folder
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    second = clean_source(project, source, options)
    assert second.id == first.id
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert clean_source(project, source, {**options, "chunk_size": 500}).id != first.id


def test_real_documents_are_cleaned_and_cut(project: Project, tmp_path: Path, shared_data: Path) -> None:
    paths = sorted(
        each
        for kind in ("*.md", "html/*.html", "md/*.md", "wiki_demo.txt")
        for each in (shared_data / "docs").glob(kind)
    )
    rows = [{"path": each.name, "text": each.read_text()} for each in paths]
    report = clean_source(project, _write(tmp_path / "docs.jsonl", rows), {"secrets": "redact", "pii": "off"})
    assert report.ledger.rows_out == len(rows) == 15
    assert report.languages == {"en": 15}
    folder = project.paths.root / report.folder
    texts = {each["path"]: each["text"] for each in _read(folder / "cleaned.jsonl")}
    for chunk in _read(folder / "chunks.jsonl"):
        assert chunk["text"] == texts[chunk["document"]][chunk["start"] : chunk["end"]]
        assert chunk["size"] <= 1_000
    assert not [
        name for name, text in texts.items() if name.endswith(".html") and ("<div" in text or "</" in text)
    ]
    assert texts["wiki_demo.txt"] == rows[-1]["text"]
    headings = {
        tuple(each["headings"])
        for each in _read(folder / "chunks.jsonl")
        if each["document"] == "quickstart.html"
    }
    assert len(headings) > 3
