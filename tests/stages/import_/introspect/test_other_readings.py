"""Columns that look like a label and are none: the import is refused with the reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from narrowcast.pipeline.project import Project
from tests.stages.import_.introspect.test_shapes import sentence
from tests.support.cli import Cli, CliJson


def written(path: Path, make: Callable[[int], dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(make(number)) + "\n" for number in range(120)))
    return path


@pytest.mark.parametrize(
    ("make", "doubt"),
    [
        (
            lambda n: {
                "question": sentence(),
                "choices": [sentence(2) for _ in range(4)],
                "answer": n % 4,
            },
            "own options (choices)",
        ),
        (
            lambda n: {"ctx": sentence(), "endings": [sentence(5) for _ in range(4)], "label": str(n % 4)},
            "own options (endings)",
        ),
        (
            lambda n: {
                "question": sentence(),
                **{letter: sentence(1) for letter in "ABCD"},
                "answer": "ABCD"[n % 4],
            },
            "own options (A, B, C, D)",
        ),
        (
            lambda n: {
                "question": sentence(20),
                **{f"option_{number}": sentence(1) for number in (1, 2, 3)},
                "label": n % 3 + 1,
            },
            "own options (option_1, option_2, option_3)",
        ),
        (
            lambda n: {"dialogue_id": n // 6, "speaker": ["agent", "customer"][n % 2], "text": sentence()},
            "'speaker' may say who is speaking",
        ),
        (
            lambda n: {"id": n // 2, "kind": ["user", "assistant"][n % 2], "text": sentence()},
            "'kind' may say who is speaking",
        ),
        (
            lambda n: {"body": sentence(), "queue": ["it", "hr", "law"][n % 3], "priority": "hl"[n // 3 % 2]},
            "the label could also be queue",
        ),
    ],
    ids=["list", "endings", "letters", "numbered", "speaker", "roles", "two-attributes"],
)
def test_what_only_looks_like_a_label_is_not_imported(
    project: Project,
    tmp_path: Path,
    cli: Cli,
    cli_json: CliJson,
    make: Callable[[int], dict[str, Any]],
    doubt: str,
) -> None:
    source = written(tmp_path / "rows.jsonl", make)
    cli("data", "import", "--locator", f"jsonl:{source}", "--auto", code=1)
    warnings = cli_json("data", "introspect", "--locator", f"jsonl:{source}")["report"]["proposal"][
        "warnings"
    ]
    assert doubt in "\n".join(warnings)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: {"text": sentence(), "label": n % 4, "tags": ["old", "new"]},
        lambda n: {"text": sentence(), "label": "abcd"[n % 4], "column_1": "x", "column_2": sentence(2)},
        lambda n: {"text": sentence(), "label": "abc"[n % 3], "priority": "hl"[n // 3 % 2]},
    ],
    ids=["same-list", "columns", "plainer-name"],
)
def test_labels_beside_other_columns_are_imported(
    project: Project, tmp_path: Path, cli: Cli, make: Callable[[int], dict[str, Any]]
) -> None:
    source = written(tmp_path / "rows.jsonl", make)
    cli("data", "import", "--locator", f"jsonl:{source}", "--auto")
