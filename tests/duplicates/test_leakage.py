"""Planted leaks, near-duplicates and contradictions, found through the public path."""

import csv
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.settings import Settings
from narrowcast.duplicates.dedupe import dedupe
from narrowcast.duplicates.leakage import leakage
from narrowcast.duplicates.requests import DedupeRequest, LeakageRequest
from narrowcast.errors import UsageError
from narrowcast.pipeline.project import Project
from narrowcast.similarity.compare import Kind
from narrowcast.similarity.shingles import character_shingles, jaccard, words_of
from narrowcast.testing.rewording import exactly, in_other_words, nearly


def _write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"jsonl:{path}"


def _banking(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [{"text": row["text"], "label": row["category"]} for row in csv.DictReader(file)]


def _alike(left: str, right: str) -> bool:
    return jaccard(character_shingles(words_of(left)), character_shingles(words_of(right))) >= 0.8


@pytest.mark.nightly
def test_planted_leaks_are_found_by_kind(shared_data: Path, tmp_path: Path, settings: Settings) -> None:
    chance = random.Random(7)
    train = _banking(shared_data / "banking77" / "train.csv")[::3]
    sources = [row for row in train if len(row["text"]) >= 40]
    chance.shuffle(sources)
    planted: list[tuple[Kind, str]] = [(Kind.EXACT, exactly(row["text"], chance)) for row in sources[:500]]
    planted += [(Kind.NEAR, nearly(row["text"], chance)) for row in sources[500:1_000]]
    said = ((row["text"], in_other_words(row["text"], chance)) for row in sources[1_000:])
    planted += [(Kind.SEMANTIC, text) for source, text in said if not _alike(source, text)][:200]
    assert Counter(kind for kind, _ in planted) == {Kind.EXACT: 500, Kind.NEAR: 500, Kind.SEMANTIC: 200}
    unrelated = json.loads((shared_data / "clinc150" / "data_full.json").read_text())["oos_test"]
    rows = [{"text": text} for _, text in planted] + [{"text": text} for text, _ in unrelated]
    audit = leakage(
        settings,
        LeakageRequest(a=_write(tmp_path / "a.jsonl", list(train)), b=_write(tmp_path / "b.jsonl", rows)),
    )
    kinds = {int(leak.row): leak.kind for leak in audit.leaks}
    found = Counter(kind for number, (kind, _) in enumerate(planted) if number in kinds)
    as_planted = Counter(kind for number, (kind, _) in enumerate(planted) if kinds.get(number) is kind)
    false = Counter(kinds[number].value for number in range(len(planted), len(rows)) if number in kinds)
    print(
        "recall:",
        {kind.value: f"{found[kind]}/{count}" for kind, count in Counter(k for k, _ in planted).items()},
    )
    precision = found[Kind.SEMANTIC] / (found[Kind.SEMANTIC] + false["semantic"])
    print(f"false positives among {len(unrelated)} unrelated rows: {dict(false)}, precision {precision:.2f}")
    assert as_planted[Kind.EXACT] == 500
    assert as_planted[Kind.NEAR] >= 495
    assert found[Kind.SEMANTIC] >= 145
    assert precision >= 0.9
    assert false["exact"] == 0
    assert false["near"] <= 3  # short questions that one changed word turns into each other
    assert false["semantic"] <= 0.05 * len(unrelated)
    assert audit.exact + audit.near + (audit.semantic or 0) == len(audit.leaks)


@pytest.mark.nightly
def test_planted_contradictions_are_listed(shared_data: Path, tmp_path: Path, settings: Settings) -> None:
    chance = random.Random(8)
    rows = _banking(shared_data / "banking77" / "train.csv")[::4]
    before = dedupe(settings, DedupeRequest(locator=_write(tmp_path / "before.jsonl", list(rows))))
    repeated = {number for group in before.groups for number in group.rows}
    lone = [n for n, row in enumerate(rows) if str(n) not in repeated and len(row["text"]) >= 40]
    chosen = chance.sample(lone, 300)
    rows += [{"text": nearly(rows[number]["text"], chance), "label": "another"} for number in chosen]
    report = dedupe(settings, DedupeRequest(locator=_write(tmp_path / "after.jsonl", list(rows))))
    listed = [set(group) for group in report.conflicts]
    first = len(rows) - 300
    found = sum(
        any({str(n), str(first + place)} <= group for group in listed) for place, n in enumerate(chosen)
    )
    print(f"contradictions: {found}/300, listed before: {len(before.conflicts)}")
    assert found >= 298
    assert len(report.conflicts) == len(before.conflicts) + found


ROWS: list[dict[str, Any]] = [
    {"text": "Where is my parcel, it should have come on Monday?", "label": "parcel"},
    {"text": "WHERE is my  parcel, it should have come on Monday?", "label": "parcel"},
    {"text": "Where is my parcel, it should have come on Monday!!", "label": "parcel"},
    {"text": "Where is my parcel, it should have come on Mondays?", "label": "complaint"},
    {"text": "The kettle is broken and leaks on the table.", "label": "repair"},
    {"text": "   "},
]


@pytest.mark.nightly
def test_a_source_is_written_without_repetitions_and_the_ledger_balances(
    tmp_path: Path, settings: Settings
) -> None:
    source, output = _write(tmp_path / "rows.jsonl", ROWS), tmp_path / "once.jsonl"
    report = dedupe(settings, DedupeRequest(locator=source, output=output))
    assert [group.rows for group in report.groups] == [["0", "1", "2", "3"]]
    assert report.conflicts == [["0", "1", "2", "3"]]
    assert report.extra == {Kind.EXACT: 1, Kind.NEAR: 2, Kind.SEMANTIC: 0}
    assert [json.loads(line)["label"] for line in output.read_text().splitlines()] == [
        "parcel",
        "complaint",
        "repair",
    ]
    rejected = [
        json.loads(line) for line in (tmp_path / "once.jsonl.rejected.jsonl").read_text().splitlines()
    ]
    assert [(row["index"], row["reason"], row["detail"]) for row in rejected] == [
        (1, "exact_duplicate", "of row 0"),
        (2, "near_duplicate", "of row 0"),
        (5, "no_text", ""),
    ]
    assert report.ledger is not None
    assert report.ledger.balanced
    with pytest.raises(UsageError, match="exists"):
        dedupe(settings, DedupeRequest(locator=source, output=output))


def test_a_dry_run_writes_nothing(tmp_path: Path, project: Project) -> None:
    source, output = _write(tmp_path / "rows.jsonl", ROWS), tmp_path / "once.jsonl"
    before = len(project.trail.events())
    report = dedupe(project, DedupeRequest(locator=source, output=output, dry_run=True))
    assert (report.written, output.exists(), len(report.groups)) == (None, False, 1)
    assert len(project.trail.events()) == before


@pytest.mark.nightly
def test_rows_of_a_project_need_one(settings: Settings) -> None:
    with pytest.raises(UsageError, match="belong to a project"):
        dedupe(settings, DedupeRequest(locator="accepted"))


@pytest.mark.nightly
def test_the_command_line_compares_files_and_splits(
    cli: Any, cli_json: Any, project: Project, tmp_path: Path
) -> None:
    train, test = _write(tmp_path / "a.jsonl", ROWS[:5]), _write(tmp_path / "b.jsonl", ROWS[1:2])
    audit = cli_json("data", "leakage", train, test, "--embedder", "none")
    assert (audit["exact"], audit["near"], audit["semantic"]) == (1, 0, None)
    cli("data", "leakage", train, test, "--embedder", "none", "--gate", code=3)
    wrong = cli("data", "leakage", train, "nothing", code=2)
    assert "fix: SCHEME:PATH, train, dev, test, golden, or accepted" in wrong.stderr
    words = [f"{a}{b}" for a in ("al", "bri", "cho", "del", "fos") for b in ("pha", "vo", "ka", "tar")]
    chance = random.Random(1)
    rows = [{"text": " ".join(chance.sample(words, 7)), "label": "ab"[n % 2]} for n in range(60)]
    source = _write(tmp_path / "rows.jsonl", rows + rows[:5])
    cli("data", "import", "-l", source, "--auto", "--force", "-p", str(project.id))
    assert cli_json("data", "dedupe", "-p", str(project.id))["extra"]["exact"] == 5
    cli("prepare", "-p", str(project.id))
    audit = cli_json("data", "leakage", "train", "test", "-p", str(project.id), "--embedder", "none")
    assert audit["rows_a"] > audit["rows_b"] > 0
    assert audit["exact"] + audit["near"] == 0
    events = {event.reason_code: event.payload for event in project.trail.events()}
    assert events["prepare_dedupe_run"]["extra"]["exact"] == 5
    assert events["prepare_leakage_audit"]["rows_b"] == audit["rows_b"]
    # Files alone have no project that could be told.
    assert "leaks" not in events["prepare_leakage_audit"]
    count = len(project.trail.events())
    cli_json("data", "leakage", train, test, "--embedder", "none")
    assert len(project.trail.events()) == count
