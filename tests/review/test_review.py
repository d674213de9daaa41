"""Review: a queue, decisions that prepare follows, two reviewers, rows brought back, a real terminal."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.names import Split
from narrowcast.errors import DataError, UsageError
from narrowcast.ops.prepare import prepare
from narrowcast.pipeline.project import Project
from narrowcast.store.datasets import load_manifest, read_split
from narrowcast.store.files import read_jsonl
from tests.history.test_history import bring, rows
from tests.support import imports as data
from tests.support.history import choice, decide, fill_queue, forget, lineage, review_state


@pytest.fixture
def imported(project: Project, tmp_path: Path) -> str:
    """Forty rows, two that contradict each other, and one that no mapper takes."""
    lines = rows(0, 40)
    lines += [
        {**lines[0], "label": "b" if lines[0]["label"] == "a" else "a"},
        {"text": "what is it", "label": ""},
    ]
    return bring(project, tmp_path / "a.jsonl", lines)


def prepared(project: Project) -> dict[str, Any]:
    """Id → target of every row of the current version."""
    prepare(project)
    manifest = load_manifest(project.paths)
    assert data.ledger(project).balanced
    return {
        row.id: row.target for split in manifest.splits for row in read_split(project.paths, manifest, split)
    }


def test_a_queue_is_filled_once_and_resumed(project: Project, imported: str) -> None:
    assert fill_queue(project, "sample", count=5) == 5
    assert fill_queue(project, "sample", count=100) == 36
    assert fill_queue(project, "rejects", count=5, reason="missing_label") == 1
    assert fill_queue(project, "conflicts", count=1) == 0
    state = review_state(project, "ann")
    assert (state.queued, state.decided, len(state.open)) == (42, 0, 20)
    first = state.open[0].id
    decide(project, [choice(first, "accept")], "ann")
    again = review_state(project, "ann")
    assert (again.decided, again.open[0].id) == (1, state.open[1].id)
    assert review_state(project, "ben").open[0].id == first
    with pytest.raises(DataError, match="nothing to review"):
        fill_queue(Project.create(project.settings, "empty"), "gates", count=1)


@pytest.mark.nightly
def test_conflicting_rows_are_queued_together(project: Project, imported: str) -> None:
    fill_queue(project, "conflicts", count=1)
    assert [item.id for item in review_state(project, "ann").open] == [f"{imported}:0", f"{imported}:40"]


@pytest.mark.nightly
def test_prepare_follows_the_reviewers(project: Project, imported: str) -> None:
    before = prepared(project)
    assert len(before) == 41
    decide(
        project,
        [
            choice(f"{imported}:1", "reject"),
            choice(f"{imported}:2", "edit", "b" if before[f"{imported}:2"] == "a" else "a"),
            choice(f"{imported}:3", "accept"),
        ],
        "ann",
    )
    after = prepared(project)
    assert len(after) == 40
    assert f"{imported}:1" not in after
    assert after[f"{imported}:2"] != before[f"{imported}:2"]
    assert after[f"{imported}:3"] == before[f"{imported}:3"]
    assert load_manifest(project.paths).ledger.rejected == {"review_rejected": 1}
    assert [each["decision"] for each in lineage(project, f"{imported}:1").reviews] == ["reject"]
    assert "dataset_row_reviewed" in [event.reason_code for event in project.trail.events()]


@pytest.mark.nightly
def test_reviewers_who_differ_hold_a_row_back_until_a_third_decides(project: Project, imported: str) -> None:
    row = f"{imported}:5"
    decide(project, [choice(row, "accept")], "ann")
    decide(project, [choice(row, "reject")], "ben")
    assert row not in prepared(project)
    assert load_manifest(project.paths).ledger.rejected == {"review_disputed": 1}
    decide(project, [choice(row, "accept")], "cleo")
    assert row in prepared(project)


@pytest.mark.nightly
def test_a_later_decision_of_the_same_person_counts(project: Project, imported: str) -> None:
    decide(project, [choice(f"{imported}:5", "reject")], "ann")
    decide(project, [choice(f"{imported}:5", "accept")], "ann")
    assert f"{imported}:5" in prepared(project)
    assert len(list(read_jsonl(project.paths.registry / "reviews.jsonl"))) == 2


@pytest.mark.nightly
def test_agreement_is_cohens_kappa(project: Project, imported: str) -> None:
    from sklearn.metrics import cohen_kappa_score

    ann = ["accept"] * 6 + ["reject"] * 4
    ben = ["accept"] * 5 + ["reject"] * 3 + ["accept"] * 2
    for name, said in (("ann", ann), ("ben", ben)):
        decide(project, [choice(f"{imported}:{n}", each) for n, each in enumerate(said)], name)
    [found] = review_state(project, "ann").agreement
    assert (found.reviewers, found.rows, found.agreed) == (("ann", "ben"), 10, pytest.approx(0.7))
    assert found.kappa == pytest.approx(cohen_kappa_score(ann, ben))
    assert found.differing == [f"{imported}:{n}" for n in (5, 8, 9)]
    decide(project, [choice(f"{imported}:20", "accept")], "dan")
    decide(project, [choice(f"{imported}:20", "accept")], "eve")
    alone = [each for each in review_state(project, "ann").agreement if each.reviewers == ("dan", "eve")]
    assert [(each.rows, each.agreed, each.kappa) for each in alone] == [(1, 1.0, None)]


@pytest.mark.nightly
def test_a_rejected_row_comes_back_as_a_row_of_its_own(project: Project, imported: str) -> None:
    row = f"{imported}:41"
    with pytest.raises(UsageError, match="needs its inputs and its target"):
        decide(project, [choice(row, "accept")], "ann")
    with pytest.raises(UsageError, match="unknown_label"):
        decide(project, [choice(row, "edit", "nonsense", {"text": "what is it"})], "ann")
    checked = decide(project, [choice(row, "edit", "a", {"text": "what is it"})], "ann", dry_run=True)
    assert (checked.rescued, review_state(project, "ann").verdicts) == (None, {})
    done = decide(project, [choice(row, "edit", "a", {"text": "what is it"})], "ann")
    back = f"{done.rescued}:0"
    assert prepared(project)[back] == "a"
    assert lineage(project, back).parents == [row]
    assert decide(project, [choice(row, "edit", "b", {"text": "what is it"})], "ann").rescued is None
    assert prepared(project)[back] == "b"
    decide(project, [choice(row, "reject")], "ann")
    assert back not in prepared(project)
    assert set(forget(project, ids=[row], delete=True).ids) == {row, back}
    assert not any(b"what is it" in path.read_bytes() for path in project.paths.root.rglob("*.jsonl"))


@pytest.mark.nightly
def test_a_row_may_be_named_by_its_text(project: Project, imported: str) -> None:
    decide(project, [choice(rows(4, 1)[0]["text"], "reject")], "ann")
    assert [each["id"] for each in read_jsonl(project.paths.registry / "reviews.jsonl")] == [f"{imported}:4"]


@pytest.mark.nightly
def test_decisions_are_kept_all_or_none(project: Project, imported: str) -> None:
    with pytest.raises(DataError, match="no such row"):
        decide(project, [choice(f"{imported}:1", "reject"), choice(f"{imported}:999", "reject")], "ann")
    assert not (project.paths.registry / "reviews.jsonl").exists()


@pytest.mark.nightly
def test_rows_a_model_is_unsure_of_come_first(project: Project, imported: str) -> None:
    folder = project.paths.reports / "predictions"
    folder.mkdir(parents=True)
    lines: list[dict[str, Any]] = [{"model": "tfidf", "labels": ["a", "b"]}]
    lines += [{"id": f"{imported}:{n}", "text": "a", "logprobs": [-0.1 * (n + 1), -3.0]} for n in range(4)]
    (folder / "x.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert fill_queue(project, "low_confidence", count=2) == 2
    found = review_state(project, "ann").open
    assert [item.id for item in found] == [f"{imported}:3", f"{imported}:2"]
    assert "tfidf" in found[0].detail


@pytest.mark.nightly
def test_the_batch_form(project: Project, imported: str, cli_json: Any) -> None:
    state = cli_json("data", "review", "--from", "sample", "--count", "3", "--reviewer", "bot")
    ids = [item["id"] for item in state["open"]]
    done = cli_json(
        "data", "review", "--reviewer", "bot", "--decide", f"{ids[0]}=accept", "--decide", f"{ids[1]}=reject",
        "--decide", f"{ids[2]}=edit:b",
    )  # fmt: skip
    assert done["decisions"] == {"accept": 1, "reject": 1, "edit": 1}
    assert cli_json("data", "review", "--reviewer", "bot")["open"] == []
    for bad in (f"{ids[0]}=maybe", "accept", f"{ids[0]}=edit:"):
        error = cli_json("data", "review", "--decide", bad, code=2)["error"]
        assert "is not a decision" in error["message"]


@pytest.mark.nightly
def test_the_terminal_asks_row_by_row_and_continues_later(project: Project, imported: str) -> None:
    fill_queue(project, "conflicts", count=1)
    command = [sys.executable, "-m", "narrowcast.cli.main", "data", "review", "--reviewer", "ann"]

    def at_a_terminal(typed: str) -> str:
        mine, theirs = pty.openpty()
        process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
        os.close(theirs)
        os.write(mine, typed.encode())
        seen = b""
        while True:
            try:
                part = os.read(mine, 4096)
            except OSError:  # Linux says so where the other end is closed
                break
            if not part:
                break
            seen += part
        os.close(mine)
        assert process.wait(timeout=60) == 0, seen.decode()
        return seen.decode()

    first = at_a_terminal("r\nboth cannot be right\nq\n")
    assert "1 of 2" in first
    assert "has decided 1 of 2" in first
    assert "2 of 2" in at_a_terminal("x\ne\nnonsense\ne\nb\n")
    said = list(read_jsonl(project.paths.registry / "reviews.jsonl"))
    assert [(each["decision"], each["note"]) for each in said] == [
        ("reject", "both cannot be right"),
        ("edit", ""),
    ]
    assert said[1]["target"] == "b"
    prepare(project)
    assert Split.TRAIN in load_manifest(project.paths).splits
