"""Every script of `benchmarks` and `tools` starts, says what it does, and can print one JSON document."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIGHT = [*sorted(ROOT.glob("benchmarks/*.py")), *sorted(ROOT.glob("tools/*.py"))]
HEAVY = sorted(ROOT.glob("tools/pretrain/*.py"))  # they load torch first


def _scripts() -> list[Any]:
    """Those that are run, not imported by others."""
    marks = {path: pytest.mark.nightly if path in HEAVY else () for path in [*LIGHT, *HEAVY]}
    return [
        pytest.param(path, marks=mark, id=path.relative_to(ROOT).as_posix())
        for path, mark in marks.items()
        if '\nif __name__ == "__main__":\n' in path.read_text(encoding="utf-8")
    ]


def run(script: str | Path, *arguments: str | Path, code: int = 0, home: Path) -> str:
    """What a script prints, in a process of its own, away from the caller's workspace."""
    environment = {**os.environ, "NARROWCAST_HOME": str(home), "COLUMNS": "120"}
    command = [sys.executable, ROOT / script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == code, f"{script} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("script", _scripts())
def test_it_starts_and_has_json(script: Path, tmp_path: Path) -> None:
    text = run(script, "--help", home=tmp_path)
    assert "usage:" in text
    assert "--json" in text


@pytest.mark.parametrize(
    "name",
    ["check_file_sizes", "check_settings", "check_signatures", "check_store", "check_words"],
)
def test_a_check_lists_its_problems(name: str, tmp_path: Path) -> None:
    folder = [] if name == "check_words" else [ROOT / "src" / "narrowcast"]
    found = json.loads(run(f"tools/{name}.py", *folder, "--json", home=tmp_path))
    assert found["problems"] == []
    assert len(found) > 1, "what was counted"


def test_a_broken_limit_ends_in_one(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("value = 1\n" * 401)
    arguments = ("tools/check_file_sizes.py", tmp_path)
    found = json.loads(run(*arguments, "--json", code=1, home=tmp_path))
    assert found["problems"][0].endswith("long.py: 401 lines, at most 400")
    assert "401 lines, at most 400" in run(*arguments, code=1, home=tmp_path)


def test_every_function_of_a_file_is_measured_also_those_with_one_name(tmp_path: Path) -> None:
    many = ", ".join(f"a{number}" for number in range(9))
    (tmp_path / "two.py").write_text(
        f"class A:\n    def run(self, {many}): ...\n\n\nclass B:\n    def run(self): ...\n"
    )
    found = json.loads(run("tools/check_signatures.py", tmp_path, "--json", code=1, home=tmp_path))
    assert found["functions"] == 2
    assert found["problems"][0].startswith("two.py:2:run: 9 parameters (at most 8)")


def test_the_picture_of_the_readme_is_drawn(tmp_path: Path) -> None:
    (tmp_path / "demo.txt").write_text("prepare  up to date\n")
    target = tmp_path / "images" / "demo.svg"
    drawn = json.loads(run("tools/render_demo.py", tmp_path / "demo.txt", target, "--json", home=tmp_path))
    assert drawn == {"written": str(target), "bytes": target.stat().st_size}


@pytest.mark.nightly
def test_imports_are_measured_beside_their_peer(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    environment = {**os.environ, "NARROWCAST_HOME": str(tmp_path)}
    command = [sys.executable, ROOT / "benchmarks/import.py", "--rows", "2000", "--repeats", "1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode in (0, 1), done.stderr  # on a busy machine a bar may not hold
    found = json.loads(done.stdout)
    assert found["holds"] == all(row["holds"] for row in found["rows"])
    assert all(row["ratio"] > 0 and row["peer"] > 0 for row in found["rows"])
