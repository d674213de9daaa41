"""Third-party entry points: found by name, checked, and named where they fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from narrowcast.errors import PluginError, UsageError
from narrowcast.plugins.boundary import plugin_error
from narrowcast.plugins.contract import Check, function_of, instance_of
from narrowcast.plugins.registry import Registry

BUILTINS = {"path": "pathlib:Path"}


def install(folder: Path, distribution: str, entries: dict[str, str], code: str) -> None:
    """Put a distribution with one module on disk, as an installer would."""
    module = distribution.replace("-", "_")
    (folder / f"{module}.py").write_text(code)
    info = folder / f"{module}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
    lines = [f"{name} = {module}:{attribute}" for name, attribute in entries.items()]
    (info / "entry_points.txt").write_text("\n".join(["[narrowcast.thing]", *lines, ""]))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the import path; its modules are forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    for name in ("first_plugin", "second_plugin"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return folder


def things(check: Check | None = None) -> Registry[object]:
    return Registry("thing", BUILTINS, check)


def test_a_plugin_is_found_by_name_with_its_origin(site: Path) -> None:
    install(site, "first-plugin", {"mine": "VALUE"}, "VALUE = 7")
    registry = things(instance_of(int))
    assert registry.names() == ["path", "mine"]
    assert registry.get("mine") == 7
    assert str(registry.origin("mine")) == "first-plugin 1.2"
    assert registry.origin("path") is None


def test_a_taken_name_leaves_the_builtin_and_is_reported(site: Path) -> None:
    install(site, "first-plugin", {"path": "VALUE"}, "VALUE = 7")
    registry = things()
    assert registry.get("path") is Path
    (plugin,) = registry.plugins()
    assert "taken by the built-in" in plugin.problem


def test_two_plugins_of_one_name_are_both_named(site: Path) -> None:
    install(site, "first-plugin", {"mine": "VALUE"}, "VALUE = 1")
    install(site, "second-plugin", {"mine": "VALUE"}, "VALUE = 2")
    with pytest.raises(PluginError) as caught:
        things().get("mine")
    assert "first-plugin 1.2" in str(caught.value)
    assert "second-plugin 1.2" in str(caught.value)


def test_one_that_raises_at_import_is_named_and_stops_nothing_else(site: Path) -> None:
    install(site, "first-plugin", {"mine": "VALUE"}, "raise RuntimeError('no licence key')")
    install(site, "second-plugin", {"fine": "VALUE"}, "VALUE = 2")
    registry = things()
    with pytest.raises(
        PluginError, match=r"first-plugin 1\.2 cannot be loaded: RuntimeError: no licence key"
    ):
        registry.get("mine")
    assert dict(registry.usable()) == {"path": Path, "fine": 2}


@pytest.mark.parametrize(
    ("check", "problem"),
    [(instance_of(str), "is not a builtins.str"), (function_of("a", "b"), "cannot be called with (a, b)")],
)
def test_an_object_of_another_kind_is_refused(site: Path, check: Check, problem: str) -> None:
    install(site, "first-plugin", {"mine": "VALUE"}, "VALUE = 7")
    with pytest.raises(PluginError) as caught:
        things(check).get("mine")
    assert problem in str(caught.value)


def test_an_exception_is_blamed_on_the_innermost_of_both(site: Path) -> None:
    install(
        site, "first-plugin", {"mine": "call"}, "def call(inner):\n    return inner() if inner else 1 / 0"
    )
    call = things().get("mine")
    assert callable(call)
    with pytest.raises(ZeroDivisionError) as theirs:
        call(None)
    blamed = plugin_error(theirs.value)
    assert blamed is not None
    assert "first-plugin 1.2 failed: ZeroDivisionError" in str(blamed)
    with pytest.raises(UsageError) as ours:
        call(lambda: things().get("unknown"))
    assert plugin_error(ours.value) is None
