"""Planted faults through the gates, by the public path: recall by kind, ledger balanced, rejects kept."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from narrowcast.ops.ledger import ledger
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from tests.stages.gate.rows import LABELS, row, sentence
from tests.support.factory import gate

pytestmark = pytest.mark.nightly


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
    outcome = gate(labelled, rows=path, max_tokens=512)
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
