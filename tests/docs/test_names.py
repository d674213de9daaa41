"""What the pages name exists: headings, options, variables, reason codes, extras, files, functions."""

from __future__ import annotations

import importlib
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from narrowcast.cli.commands import COMMANDS
from narrowcast.cli.root import app, load_command
from narrowcast.connectors import CONNECTORS
from narrowcast.core.config import ProjectConfig, SourceSpec
from narrowcast.factory.gates import GATES
from narrowcast.models.predictors.load import PREDICTORS
from narrowcast.reasons import REASONS
from narrowcast.similarity.embedders import EMBEDDERS
from narrowcast.stages.import_.mapping import MAPPERS
from narrowcast.tasks import HANDLERS
from narrowcast.training.objectives import OBJECTIVES
from narrowcast.training.tracking.base import TRACKERS
from tests.support.pages import PAGES, ROOT, inline_code, prose

_GROUPS = {
    each.group for each in (CONNECTORS, MAPPERS, HANDLERS, PREDICTORS, EMBEDDERS, GATES, OBJECTIVES, TRACKERS)
}
_SOURCE = ROOT / "src" / "narrowcast"
_LINK = re.compile(r"(?<!`)\[[^\]`]+\]\(([^)\s`]+)\)")
_YAML = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Options of other programs: of scripts in benchmarks/ and tools/, and of torchrun.
_OTHER_PROGRAMS = re.compile(r"\.py\b|^--(?:steps|method lora|repeats|cases|data)\b")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings(page: str) -> None:
    wrong = []
    for target in _LINK.findall(prose(page)):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = (PAGES[page].parent / name).resolve() if name else PAGES[page]
        if not file.exists() or (anchor and anchor not in _anchors(str(file.relative_to(ROOT)))):
            wrong.append(target)
    assert not wrong


@pytest.mark.parametrize("page", PAGES)
def test_options_and_variables_are_known(page: str) -> None:
    known, source = _options(), _text_of_source()
    codes = [code for code in inline_code(page) if not _OTHER_PROGRAMS.search(code)]
    options = {each for code in codes for each in re.findall(r"(?<![\w-])--[a-z][a-z-]*", code)}
    variables = set(re.findall(r"\bNARROWCAST_[A-Z_]+", _text(PAGES[page])))
    assert not options - known
    assert not {each for each in variables if f'"{each}"' not in source}


@pytest.mark.parametrize("page", PAGES)
def test_reason_codes_extras_and_groups_are_known(page: str) -> None:
    text = _text(PAGES[page])
    stages = {code.partition("_")[0] for code in REASONS}
    named = {code for code in inline_code(page) if re.fullmatch(r"[a-z]+(?:_[a-z]+)+", code)}
    codes = {code for code in named if code.partition("_")[0] in stages}
    # What else begins like a reason code: a field, a gate.
    assert not {code for code in codes - set(REASONS) if not _named_in_source(code)}
    extras = {each for found in re.findall(r"narrowcast\[([\w,]+)\]", text) for each in found.split(",")}
    assert not extras - _extras()
    groups = set(re.findall(r"group `(narrowcast\.[a-z]+)`", text))
    assert not groups - _GROUPS


@pytest.mark.parametrize("page", PAGES)
def test_files_and_functions_of_the_package_exist(page: str) -> None:
    wrong = []
    for code in inline_code(page):
        path, _, name = code.partition(":")
        if re.fullmatch(r"[\w/]+\.py", path) and "/" in path:
            wrong += [] if _is_defined(path, name) else [code]
        elif re.fullmatch(r"narrowcast(?:\.\w+)+", code) and not code.endswith((".yaml", ".db", ".KIND")):
            wrong += [] if code in _GROUPS or _importable(code) else [code]
    assert not wrong


@pytest.mark.parametrize("page", [page for page in PAGES if _YAML.search(_text(PAGES[page]))])
def test_pieces_of_the_configuration_are_valid(page: str) -> None:
    pieces = [yaml.safe_load(each) for each in _YAML.findall(_text(PAGES[page]))]
    sections = [each for each in pieces if set(each) <= set(ProjectConfig.model_fields)]
    for section in sections:
        ProjectConfig.model_validate({"name": "task"} | section)
    assert sections or page == "docs/factory.md"  # its pieces are plans and templates


def test_the_keys_of_the_configuration_are_on_their_page() -> None:
    named = set(inline_code("docs/projects.md"))
    assert not {*ProjectConfig.model_fields, *SourceSpec.model_fields} - named


def _is_defined(path: str, name: str) -> bool:
    """Whether a file of the package or of the repository exists, and defines a function, class or method."""
    found = [root / path for root in (_SOURCE, ROOT) if (root / path).exists()]
    definition = rf"^\s*(?:def|class) {name.rpartition('.')[2]}\b"
    return bool(found) and (not name or re.search(definition, _text(found[0]), re.MULTILINE) is not None)


def _importable(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return hasattr(importlib.import_module(module), attribute)
    return True


def _anchors(page: str) -> set[str]:
    """As hosts of Markdown make them: lower case, without punctuation, spaces as hyphens."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def _options() -> set[str]:
    found = {"--job", "--help"}
    waiting: list[Any] = [load_command(name) for name in COMMANDS]
    waiting.append(get_command(app))
    while waiting:
        command = waiting.pop()
        for parameter in command.params:
            found.update(parameter.opts, parameter.secondary_opts)
        waiting += getattr(command, "commands", {}).values()
    return found


@cache
def _text_of_source() -> str:
    files = [*_SOURCE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    return "\n".join(_text(path) for path in files)


def _named_in_source(code: str) -> bool:
    return re.search(rf"\b{code}\b", _text_of_source()) is not None


@cache
def _extras() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return set(project["optional-dependencies"])
