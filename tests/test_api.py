"""The public Python API: its names, when they are loaded, and the pages that show how it is used."""

from __future__ import annotations

import ast
import csv
import gzip
import inspect
import json
import pkgutil
import re
import runpy
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import narrowcast

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "api.md"

# The deprecation rule of docs/api.md holds for a name that is taken out of this list.
NAMES = [
    "AuditResult", "BalanceRequest", "BalanceResult", "BaselineRequest", "CancelToken", "CancelledError",
    "CleanReport", "CleanRequest", "CompareRequest", "CompareResult", "DataError", "DedupeReport",
    "DedupeRequest", "EvaluateRequest", "ExportRequest", "ExportResult", "GateError", "GateRequest",
    "GateResult", "GeneratePreview", "GenerateRequest", "GenerateResult", "ImportOutcome", "ImportPreview",
    "ImportRecord", "ImportRequest", "IntrospectRequest", "IntrospectedSource", "JudgeRequest",
    "JudgeResult", "LeakageAudit", "LeakageRequest", "Ledger", "MeasureResult", "MissingExtraError",
    "ModelError", "ModelRef", "ModelResult", "NarrowcastError", "ParityReport", "ParityRequest",
    "PluginError", "PreflightRequest", "PreflightResult", "PrepareRequest", "PrepareResult", "Progress",
    "Project", "ProjectBusyError", "RunRequest", "RunResult", "SearchRequest", "SearchResult",
    "SeedsRequest", "SeedsResult", "Settings", "SpecAnswers", "StageError", "TrainRequest", "TrainResult",
    "UsageError", "Work", "WorkspaceError", "__version__", "balance", "baseline", "clean", "compare",
    "dedupe", "evaluate", "export", "gate", "generate", "import_rows", "imports", "introspect", "judge",
    "leakage", "ledger", "parity", "preflight", "prepare", "remove_import", "run", "search", "train",
    "train_seeds",
]  # fmt: skip

HEAVY = {"torch", "transformers", "peft", "sklearn", "matplotlib", "polars", "numpy", "fastapi", "optuna"}


def test_the_public_names() -> None:
    assert sorted(narrowcast.__all__) == sorted(NAMES)
    assert dir(narrowcast) == sorted(narrowcast.__all__)


def test_a_name_is_what_type_checkers_see() -> None:
    tree = ast.parse((ROOT / "src" / "narrowcast" / "__init__.py").read_text(encoding="utf-8"))
    checked = next(each for each in tree.body if isinstance(each, ast.If))
    imports = [each for each in checked.body if isinstance(each, ast.ImportFrom)]
    assert {alias.name for each in imports for alias in each.names} == set(NAMES) - {"__version__"}
    for each in imports:
        for alias in each.names:
            assert getattr(narrowcast, alias.name) is getattr(import_module(str(each.module)), alias.name)


def test_no_name_hides_a_module_and_no_other_name_exists() -> None:
    assert not {each.name for each in pkgutil.iter_modules(narrowcast.__path__)} & set(NAMES)
    with pytest.raises(AttributeError, match="no attribute 'train_model'"):
        narrowcast.train_model  # noqa: B018


def _loaded(code: str) -> set[str]:
    """What a process has imported after some code, without the standard library."""
    script = f"{code}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split()) - set(sys.stdlib_module_names)


def test_importing_the_package_loads_nothing_and_all_of_its_names_nothing_heavy() -> None:
    nothing = _loaded("")
    assert _loaded("import narrowcast; dir(narrowcast)") - nothing == {"narrowcast"}
    assert not _loaded("from narrowcast import *") & HEAVY


def test_a_signature_names_public_types_only() -> None:
    functions = [each for each in map(vars(narrowcast).get, _touched()) if inspect.isfunction(each)]
    assert len(functions) > 20
    for function in functions:
        place, *others = inspect.signature(function).parameters
        assert place in {"project", "settings", "place"}, function.__name__
        assert others in (["request", "work"], ["import_id"], []), function.__name__
        named = re.findall(r"\b[A-Z]\w+", " ".join(map(str, function.__annotations__.values())))
        assert set(named) <= {*NAMES, "None"}, function.__name__


def _touched() -> list[str]:
    """The names, each of them loaded."""
    return [name for name in NAMES if getattr(narrowcast, name)]


def test_the_reference_is_that_of_the_code() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "api_page.py"))
    listed = [name for names in tool["SECTIONS"].values() for name in names.split()]
    assert sorted([*listed, "__version__"]) == sorted(NAMES)
    assert PAGE.read_text(encoding="utf-8") == tool["render"](), "run: python tools/api_page.py"


@pytest.fixture
def tickets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tickets.csv` in the current folder: texts and their categories."""
    monkeypatch.chdir(tmp_path)
    with gzip.open(ROOT / "src/narrowcast/demo/data/tickets.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line, _ in zip(file, range(400), strict=False)]
    with Path("tickets.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows((row["message"], row["ticket"]["category"]) for row in rows)


def _blocks(page: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def _run(names: dict[str, Any], *blocks: str) -> dict[str, Any]:
    for block in blocks:
        exec(compile(block, "the page", "exec"), names)
    return names


def test_the_examples_run(tickets: None, capsys: pytest.CaptureFixture[str]) -> None:
    first, _, third = _blocks("api.md")
    names = _run({}, first, third)
    printed = capsys.readouterr().out
    assert names["imported"].record.accepted == 400
    assert {each.split.value for each in names["prepared"].splits} == {"train", "dev", "test"}
    assert "better" in printed.splitlines()
    assert printed.splitlines()[-1].startswith("system_cancelled ")


@pytest.mark.nightly
def test_the_examples_of_other_pages_run(tickets: None) -> None:
    names = _run({}, _blocks("api.md")[0])
    for page in ("prepare.md", "clean.md", "evaluate.md"):
        (block,) = _blocks(page)
        _run(names, block)
    assert names["result"].results[0].model == "tfidf"


@pytest.mark.nightly
def test_the_training_example_runs(tickets: None, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, _ = _blocks("api.md")
    names = _run({}, first, second)
    assert "bundle" not in names  # one pass over a few rows loses to TF-IDF
    assert "export_model_rejected" in capsys.readouterr().out
    assert names["measured"].results[0].model == f"run:{names['trained'].run_id}"
