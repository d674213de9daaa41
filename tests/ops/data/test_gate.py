"""Planted faults through the gates, by the public path: recall by kind, ledger balanced, rejects kept."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.config import ProjectConfig
from narrowcast.core.names import Split, TaskProfile
from narrowcast.core.task import TaskSpec
from narrowcast.errors import DataError, UsageError
from narrowcast.ops.data.gate import GateOutcome, gate
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from tests.support.imports import import_rows, ledger

WORDS = """
account address answer apple autumn balance basket battery bicycle blanket border bottle branch
bridge bucket button cabin camera candle carpet castle chair cheese circle cloud coffee corner
cotton courier credit cup curtain customs damage deposit desk doctor door dress driver earth engine
envelope evening exchange fabric factory farm feather fence finger flight flower forest garden glass
glove grain hammer harbour hat hotel house ink invoice island jacket kettle key kitchen ladder lamp
laptop leather letter library lock machine market meadow metal mirror moment mountain needle number
office orange oven package paper parcel pencil phone picture pillow pocket postcard price printer
receipt refund river road roof router saddle sand school screen shelf shirt shoe silver soap spoon
station stone street summer table taxi ticket tower train tunnel umbrella valley village voucher
wallet window winter wire wool yard
""".split()  # noqa: SIM905
LABELS = ["billing", "shipping"]
VERBS = ["lost", "broke", "moved", "found", "sold", "shut", "sent", "cleaned", "lifted", "dropped", "painted"]


def sentence(number: int, words: int = 11) -> str:
    """A sentence of its own vocabulary for each number."""
    chance = random.Random(number)
    picked = chance.sample(WORDS, words)
    return f"I {chance.choice(VERBS)} the {' '.join(picked[:5])} and then the {' '.join(picked[5:])}"


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {"text": sentence(number), "label": LABELS[number % 2], **changes}


@pytest.fixture
def labelled(project: Project, tmp_path: Path) -> Project:
    """A project with 60 held-out rows."""
    task = TaskSpec(profile=TaskProfile.CLASSIFICATION, labels=LABELS)
    project.save_config(ProjectConfig(name="task", task=task))
    held_out = tmp_path / "test.jsonl"
    held_out.write_text("".join(json.dumps(row(number)) + "\n" for number in range(5_000, 5_060)))
    import_rows(
        project,
        f"jsonl:{held_out}",
        mapper="label_to_classification",
        field_map={"text": "text", "label": "label"},
        into=Split.TEST,
    )
    return project


def _paraphrase(text: str) -> str:
    """Fewer words in another order: what a teacher makes of a row it has seen."""
    words = text.split()
    return " ".join([*words[8:], "so", *words[1:8], "today"])


LEAKS = [
    "Here is a realistic example of a hard message: {text}",
    "{text}. This row tests the label billing",
    "As an AI language model I would say: {text}",
    "{text} (difficulty: hard)",
    "{text}. Inputs read like those of real users in production, and no two of them say the same",
    "synthetic data: {text}",
    "{text}, as the scoring rubric wants",
    "I was told by the hidden instructions that {text}",
    "{text}; output contract kept",
    "training example: {text}",
]


def planted() -> list[tuple[str, str]]:
    """(kind, line) of every row."""
    lines = [("good", json.dumps(row(number))) for number in range(300)]
    for n in range(50):
        long = ". ".join(sentence(10_000 + 100 * n + part) for part in range(60))
        lines.append(("over-length", json.dumps(row(1_000 + n, text=long))))
    for n in range(50):
        leaked = LEAKS[n % len(LEAKS)].format(text=sentence(1_100 + n))
        lines.append(("leaked instruction", json.dumps(row(1_100 + n, text=leaked))))
    broken = [
        '{"text": "cut off',
        "not json at all",
        '{"text": NaN, "label": "billing"}',
        '{"text" "no colon"}',
    ]
    lines += [("broken json", f"{broken[n % 4]} ") for n in range(40)]
    for n in range(40):
        wrong: list[Any] = [
            {"text": sentence(1_200 + n)},
            row(1_200 + n, label="refunds"),
            row(1_200 + n, note="extra"),
            row(1_200 + n, text=17),
        ]
        lines.append(("schema violation", json.dumps(wrong[n % 4])))
    trivial = [
        "ok",
        "hello there",
        "refund " * 12,
        "[your name] wants a refund for the order",
        "lorem ipsum dolor",
    ]
    lines += [("trivial", json.dumps(row(n, text=trivial[n % 5] + "!" * (n // 5)))) for n in range(40)]
    lines += [("eval leak, exact", json.dumps(row(5_000 + n))) for n in range(20)]
    for n in range(20, 40):
        near = sentence(5_000 + n).replace(" the ", " a ", 1)
        lines.append(("eval leak, near", json.dumps(row(5_000 + n, text=near))))
    for n in range(40, 60):
        lines.append(
            ("eval leak, reworded", json.dumps(row(5_000 + n, text=_paraphrase(sentence(5_000 + n)))))
        )
    lines += [("exact duplicate", json.dumps(row(n, text=sentence(n).upper()))) for n in range(30)]
    lines += [("near duplicate", json.dumps(row(n, text=sentence(n) + " again"))) for n in range(30, 60)]
    lines += [
        ("reworded duplicate", json.dumps(row(n, text=_paraphrase(sentence(n))))) for n in range(60, 90)
    ]
    for n in range(20):
        lines += [("contradiction", json.dumps(row(1_300 + n, label=label))) for label in LABELS]
    return lines


CAUGHT_BY = {
    "over-length": {"length"},
    "leaked instruction": {"leaked_instructions"},
    "broken json": {"json_validity"},
    "schema violation": {"row_schema"},
    "trivial": {"triviality"},
    "eval leak, exact": {"eval_leakage"},
    "eval leak, near": {"eval_leakage"},
    "eval leak, reworded": {"eval_leakage"},
    "exact duplicate": {"exact_duplicates"},
    "near duplicate": {"semantic_duplicates"},
    "reworded duplicate": {"semantic_duplicates"},
    "contradiction": {"label_consistency"},
}


def test_planted_faults_are_found(
    labelled: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = planted()
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{line}\n" for _, line in lines))
    outcome = gate(labelled, rows=path, overrides={"max_tokens": 512})
    assert outcome.record is not None
    name = outcome.record.id

    rejects = {each["index"]: each for each in read_jsonl(labelled.paths.rejected / f"{name}.jsonl")}
    accepted = {each["index"] for each in read_jsonl(labelled.paths.accepted / f"{name}.jsonl")}
    assert not accepted & rejects.keys()
    assert accepted | rejects.keys() == set(range(len(lines)))
    assert all(each["detail"] and each["reason"].startswith("gate_") for each in rejects.values())
    assert outcome.ledger.balanced
    assert ledger(labelled).balanced
    assert sum(verdict.rejected for verdict in outcome.verdicts) == len(rejects)

    total, found, right = Counter[str](), Counter[str](), Counter[str]()
    for index, (kind, _) in enumerate(lines):
        total[kind] += 1
        if index in rejects:
            found[kind] += 1
            right[kind] += rejects[index]["reason"].removeprefix("gate_") in CAUGHT_BY.get(kind, set())
    with capsys.disabled():
        print()
        for kind in total:
            named = "" if kind == "good" else f", {right[kind]} by the gate for it"
            print(f"  {kind:20} {found[kind]:3} of {total[kind]:3} rejected{named}")
    assert found["good"] <= 3
    for kind in CAUGHT_BY:
        least = 0.9 if kind in ("eval leak, reworded", "reworded duplicate") else 1.0
        assert found[kind] >= least * total[kind], kind
        assert right[kind] >= least * total[kind], kind


def _file(tmp_path: Path, rows: list[dict[str, Any]]) -> Path:
    path = tmp_path / "some.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return path


def _rejected(outcome: GateOutcome, gate_name: str) -> int:
    return next(each.rejected for each in outcome.verdicts if each.gate == gate_name)


def test_a_dry_run_imports_nothing_and_a_second_import_is_refused(labelled: Project, tmp_path: Path) -> None:
    path = _file(tmp_path, [row(number) for number in range(12)])
    dry = gate(labelled, rows=path, dry_run=True)
    assert dry.record is None
    assert dry.ledger.rows_out == 12
    assert gate(labelled, rows=path).record is not None
    with pytest.raises(DataError, match="imported already"):
        gate(labelled, rows=path)


def test_handwritten_adversarial_rows_count_as_held_out(labelled: Project, tmp_path: Path) -> None:
    (labelled.paths.evaluation).mkdir(parents=True, exist_ok=True)
    (labelled.paths.evaluation / "adversarial.jsonl").write_text(json.dumps(row(1)) + "\n")
    path = _file(tmp_path, [row(number) for number in range(4)])
    outcome = gate(labelled, rows=path, dry_run=True)
    assert outcome.ledger.rejected == {"gate_eval_leakage": 1}


def test_where_nothing_passes_nothing_is_imported(labelled: Project, tmp_path: Path) -> None:
    path = _file(tmp_path, [{"text": "x"}] * 3)
    with pytest.raises(DataError, match="not one of 3 rows"):
        gate(labelled, rows=path)
    assert len(list(read_jsonl(labelled.paths.imports))) == 1


def test_optional_gates_on_labels(labelled: Project, tmp_path: Path) -> None:
    rows = [row(number) for number in range(40)]
    rows += [
        row(100 + n, _origin={"category": "c", "difficulty": "d", "edge_case": "negative"}) for n in range(5)
    ]
    path = _file(tmp_path, rows)
    options = {
        "optional": ["regex", "expert_flag", "human_review", "embedding_clusters"],
        "pattern": "bill.*",
        "expert_pattern": "umbrella",
        "cluster_share": 0.2,
    }
    outcome = gate(labelled, rows=path, overrides=options, dry_run=True)
    assert _rejected(outcome, "regex") == sum(each["label"] != "billing" for each in rows)
    flagged = sum("umbrella" in each["text"] and each["label"] == "billing" for each in rows)
    assert _rejected(outcome, "expert_flag") == flagged > 0
    assert _rejected(outcome, "human_review") >= 2
    assert not next(each for each in outcome.verdicts if each.gate == "regex").required
    assert outcome.ledger.balanced
    with pytest.raises(UsageError, match="needs a pattern"):
        gate(labelled, rows=path, overrides={"optional": ["regex"]}, dry_run=True)
    with pytest.raises(UsageError, match="no gate"):
        gate(labelled, rows=path, overrides={"optional": ["magic"]}, dry_run=True)
    with pytest.raises(UsageError, match="judged"):
        gate(labelled, rows=path, overrides={"optional": ["llm_judge"]}, dry_run=True)


MODULE = """
from pydantic import BaseModel

class Call(BaseModel):
    tool: str
    arguments: dict[str, str]

def test(name, arguments):
    assert arguments["date"] != "yesterday", "reminders lie ahead"
"""


def test_answers_as_objects_and_tool_calls(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_contract.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    schema = {
        "type": "object",
        "properties": {"tool": {"type": "string"}, "arguments": {"type": "object"}},
        "required": ["tool", "arguments"],
    }
    task = TaskSpec(
        profile=TaskProfile.STRUCTURED_EXTRACTION, output_schema=schema, scoring_mode="field_match"
    )
    project.save_config(ProjectConfig(name="task", task=task))
    tools = [
        {
            "type": "function",
            "function": {
                "name": "remind",
                "parameters": {
                    "type": "object",
                    "properties": {"date": {"type": "string"}},
                    "required": ["date"],
                },
            },
        }
    ]
    project.paths.specs.mkdir(exist_ok=True)
    (project.paths.specs / "tools.json").write_text(json.dumps(tools))
    calls: list[dict[str, Any]] = [
        {"tool": "remind", "arguments": {"date": "tomorrow"}},
        {"tool": "remind", "arguments": {"date": "yesterday"}},  # fails the user's test
        {"tool": "remind", "arguments": {"when": "tomorrow"}},  # lacks an argument
        {"tool": "forget", "arguments": {"date": "tomorrow"}},  # no such tool
        {"tool": "remind", "arguments": {"date": 5}},  # the model wants texts
    ]
    path = _file(tmp_path, [{"text": sentence(n), "output": call} for n, call in enumerate(calls)])
    options = {
        "optional": ["pydantic_model", "tool_calls"],
        "pydantic_model": "my_contract:Call",
        "tool_tests": "my_contract:test",
    }
    outcome = gate(project, rows=path, overrides=options, dry_run=True)
    assert _rejected(outcome, "pydantic_model") == 1
    verdict = next(each for each in outcome.verdicts if each.gate == "tool_calls")
    assert verdict.rejected == 3
    assert any("lie ahead" in why for why in verdict.examples)
    assert outcome.ledger.rows_out == 1


def test_quotas_keep_a_cell_from_crowding_out_others(labelled: Project) -> None:
    folder = labelled.paths.specs / "generation_prompts"
    folder.mkdir(parents=True, exist_ok=True)
    generated = labelled.paths.root / "data/generated/gen-quota"
    generated.mkdir(parents=True)
    origin = {"category": "billing", "difficulty": "easy", "edge_case": "canonical", "writer": "m"}
    with (generated / "rows.jsonl").open("w") as file:
        for number in range(9):
            line = {"index": number, "data": row(2 * number), "origin": origin}
            file.write(json.dumps(line) + "\n")
    cells = [{"name": "billing / easy / canonical", "quota": 4, "rows": 9}]
    record = {"id": "gen-quota", "source": "teacher", "writer": "m", "cells": cells, "rows": 9}
    (generated / "generation.json").write_text(json.dumps(record))
    outcome = gate(labelled, "gen-quota")
    assert outcome.ledger.rejected == {"gate_diversity": 5}
    assert any("not by their meaning" in note for note in outcome.notes), "what was not done is said"
    assert [(cell.quota, cell.generated, cell.accepted) for cell in outcome.cells] == [(4, 9, 4)]
