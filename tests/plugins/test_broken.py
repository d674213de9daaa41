"""A plug-in that cannot be used is named with its distribution, and everything else works."""

from __future__ import annotations

from pathlib import Path

import pytest

from narrowcast.plugins import boundary
from tests.support.cli import Cli, CliJson
from tests.support.plugins import install_package, install_plugin

SLOW = "import time\n\nwhile True:\n    time.sleep(0.01)\n"
MAPPER = """
class {0}:
    id = meaning = profile = "{0}"
    roles = ()
    reasons = {1}
    transform = task = None
"""
BROKEN = {
    "raises": ("connector", "raise RuntimeError('no licence')", "RuntimeError: no licence"),
    "leaves": ("connector", "raise SystemExit('no library')", "SystemExit: no library"),
    "hangs": ("connector", SLOW, "did not load within 0.5 seconds"),
    "csv": ("connector", "csv = object", "the name is taken by the built-in connector csv"),
    "wrong": ("connector", "class wrong:\n    pass", "does not define describe, load"),
    "number": ("gate", "number = 7", "cannot be called with (rows, context)"),
    "unsettled": (
        "gate",
        "from narrowcast.factory.gates.base import ConfigurableGate\n"
        "unsettled = ConfigurableGate(lambda rows, context, settings: {}, dict)",
        "is not a subclass of narrowcast.factory.gates.base.GateSettings",
    ),
    "short": (
        "gate",
        "from narrowcast.factory.gates.base import ConfigurableGate, GateSettings\n"
        "short = ConfigurableGate(lambda rows, context: {}, GateSettings)",
        "cannot be called with (rows, context, settings)",
    ),
    "again": (
        "mapper",
        MAPPER.format("again", {"missing_text": "none"}),
        "missing_text, which every mapper has",
    ),
    "spaced": ("mapper", MAPPER.format("spaced", {"no text": "none"}), "declares wrong reasons: no text"),
    "half": ("tracker", "class half:\n    check = begin = log = None", "does not define end"),
    "text": ("predictor", "text = 'text'", "is not a narrowcast.models.predictors.base.PredictorFactory"),
    "base": ("task", "base = int", "is not a subclass of narrowcast.tasks.base.TaskHandler"),
}


@pytest.fixture(autouse=True)
def _sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working example package, and one broken distribution for each case."""
    monkeypatch.setattr(boundary, "LOAD_SECONDS", 0.5)
    for name, (kind, source, _) in BROKEN.items():
        folder = tmp_path / name
        folder.mkdir()
        install_plugin(folder, monkeypatch, kind=kind, name=name, module=f"broken_{name}", source=source)
    folder = tmp_path / "site"
    folder.mkdir()
    install_package(folder, monkeypatch)


def test_each_is_listed_with_what_is_wrong(cli_json: CliJson) -> None:
    listed = {each["name"]: each for each in cli_json("plugins")}
    for name, (kind, _, problem) in BROKEN.items():
        each = listed[name]
        assert (each["kind"], each["distribution"], each["version"]) == (kind, f"broken_{name}", "1.0")
        assert problem in each["problem"]
    assert listed["blocks"]["problem"] == ""


def test_what_works_is_still_offered(cli_json: CliJson) -> None:
    schemes = {each["scheme"] for each in cli_json("data", "sources")}
    assert {"csv", "blocks"} <= schemes
    assert not {"raises", "leaves", "hangs", "wrong"} & schemes


def test_using_one_fails_with_its_name(cli: Cli) -> None:
    error = cli("data", "introspect", "--locator", "raises:x", code=1).stderr
    assert "broken_raises 1.0 cannot be loaded: RuntimeError: no licence" in error
    assert "pip uninstall broken_raises" in error


def test_a_reason_that_a_mapper_does_not_declare_ends_the_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    source = (
        "from narrowcast.stages.import_.mapping.label_to_classification import LabelToClassification\n"
        "from narrowcast.stages.import_.mapping.reasons import RejectRow\n"
        "class moody(LabelToClassification):\n"
        "    id = 'moody'\n"
        "    def transform(self, data):\n        raise RejectRow('bad_mood')\n"
    )
    folder = tmp_path / "moody"
    folder.mkdir()
    install_plugin(folder, monkeypatch, kind="mapper", name="moody", module="broken_moody", source=source)
    rows = tmp_path / "rows.csv"
    rows.write_text("text,label\n" + "".join(f"message {number},{number % 2}\n" for number in range(30)))
    cli("init", "moods", "--yes")
    arguments = ("data", "import", "--locator", f"csv:{rows}", "--mapper", "moody", "--map")
    error = cli(*arguments, "text=text,label=label", code=1).stderr
    assert "the mapper 'moody' of the plug-in broken_moody 1.0 rejected a row for 'bad_mood'" in error
    assert "a reason that it does not declare" in error
    assert cli("data", "imports", "--json").stdout.strip() == "[]"


def test_one_that_fails_outside_a_stage_is_named_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    folder = tmp_path / "late"
    folder.mkdir()
    source = (
        "class late:\n"
        "    def __init__(self, rest):\n        self.rest = rest\n"
        "    def describe(self):\n        return 1 / 0\n"
        "    def load(self):\n        return iter(())\n"
    )
    install_plugin(folder, monkeypatch, kind="connector", name="late", module="broken_late", source=source)
    error = cli("data", "introspect", "--locator", "late:x", code=1).stderr
    assert "the plug-in broken_late 1.0 failed: ZeroDivisionError" in error
