"""The taxonomy and the source agree in both directions, and every fix names a command that exists."""

import ast
import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

import narrowcast
from narrowcast.cli.commands import COMMANDS
from narrowcast.cli.root import load_command
from narrowcast.errors import DataError, NarrowcastError, StageError
from narrowcast.reasons import REASONS, Severity
from narrowcast.reasons.data import DATA
from narrowcast.reasons.factory import FACTORY
from narrowcast.reasons.release import RELEASE
from narrowcast.reasons.system import SYSTEM
from narrowcast.reasons.training import TRAINING
from tests.conftest import Cli

SOURCE = Path(narrowcast.__file__).parent
ROOT = Path(__file__).parents[1]
_NAMES = {"reason_code", "default_reason_code", "success_code", "failure_code", "cancelled_code", "code"}
_CODE = re.compile(r"[a-z]+(_[a-z0-9]+)+")


def _texts(node: ast.AST | None) -> Iterator[str]:
    """The code that an expression stands for, or the two of a conditional one."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts, strict=False):
            yield from _assigned(one, other)
    elif isinstance(target, ast.Name) and target.id in _NAMES - {"code"}:
        yield from _texts(value)
    elif isinstance(target, ast.Name) and target.id == "code":
        yield from (text for text in _texts(value) if text.split("_")[0] in _stems())


def _stems() -> set[str]:
    return {code.split("_")[0] for code in REASONS}


def _codes_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg in _NAMES - {"code"}:
                    yield from _texts(keyword.value)
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("emit", "_emit"):
                codes = [text for each in node.args[:3] for text in _texts(each) if _CODE.fullmatch(text)]
                yield from codes
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _assigned(target, node.value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield from _assigned(node.target, node.value)


def _sources() -> list[Path]:
    return [path for path in sorted(SOURCE.rglob("*.py")) if SOURCE / "reasons" not in path.parents]


def test_every_code_in_the_source_is_in_the_taxonomy() -> None:
    unknown = {
        f"{path.relative_to(SOURCE)}: {code}"
        for path in _sources()
        for code in _codes_in(path)
        if code and code not in REASONS
    }
    assert not unknown


def test_every_code_in_the_taxonomy_is_used_by_the_source() -> None:
    constants = {
        node.value
        for path in _sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert sorted(set(REASONS) - constants) == []


def test_no_code_is_in_two_tables() -> None:
    assert len(REASONS) == sum(map(len, (DATA, FACTORY, TRAINING, RELEASE, SYSTEM)))


def test_codes_of_the_workflow_document_hold_literally() -> None:
    promised = {
        "ingestion": "dataset_import_run dataset_import_failed",
        "cleaning": "cleaning_outlier_threshold_exceeded cleaning_pii_block",
        "training": "training_dispatch_error training_oom training_runtime_error training_timeout "
        "training_cancelled",
        "eval": "eval_runtime_error eval_dataset_missing",
        "export": "export_run_failed export_artifact_missing export_quantization_failed",
    }
    for stage, codes in promised.items():
        for code in codes.split():
            assert REASONS[code].stage == stage


@pytest.mark.parametrize("code", sorted(REASONS))
def test_every_problem_has_a_fix_that_names_an_existing_command(code: str) -> None:
    reason = REASONS[code]
    assert code == code.lower()
    assert reason.meaning
    commands = re.findall(r"narrowcast((?: --?[a-z][a-z-]*| [a-z]+)+)", reason.fix)
    assert commands or (reason.severity is Severity.INFO and not reason.fix)
    for command in commands:
        _assert_exists(command.split())


def _assert_exists(words: list[str]) -> None:
    if words[0].startswith("--"):
        assert words == ["--help"]
        return
    assert words[0] in COMMANDS, words
    command, rest = load_command(words[0]), words[1:]
    while hasattr(command, "commands"):
        if not rest or rest[0] not in command.commands:
            assert command.invoke_without_command, words
            break
        command, rest = command.commands[rest[0]], rest[1:]
    options = {text for parameter in command.params for text in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in rest if word.startswith("--")} <= options | {"--help"}, words


def test_an_error_takes_its_stage_and_its_fix_from_its_code() -> None:
    bare = StageError("the loss is NaN", reason_code="training_diverged")
    assert (bare.stage, bare.next_command) == ("training", REASONS["training_diverged"].fix)
    assert (
        StageError("the loss is NaN", reason_code="training_diverged", next_command="x").next_command == "x"
    )
    assert DataError("empty").stage == "ingestion"
    foreign = NarrowcastError("a plug-in's own code", reason_code="mine_broke")
    assert (foreign.stage, foreign.next_command) == ("system", "")


def test_the_page_of_the_codes_is_current() -> None:
    render = runpy.run_path(str(ROOT / "tools" / "reason_codes.py"))["render"]
    page = (ROOT / "docs" / "reason-codes.md").read_text(encoding="utf-8")
    assert page == render(), "run: python tools/reason_codes.py"


def test_the_command_line_explains_a_code(cli: Cli) -> None:
    said = json.loads(cli("events", "--explain", "training_diverged", "--json").stdout)
    assert said == {
        "code": "training_diverged",
        "stage": "training",
        "severity": "error",
        "meaning": "the loss became NaN or infinite",
        "fix": "narrowcast train --learning-rate 1e-4",
    }
