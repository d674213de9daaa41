"""Registries: lazy, closed for built-ins, open by entry point, helpful for typing mistakes."""

import pytest

from narrowcast.errors import MissingExtraError, UsageError
from narrowcast.plugins.optional import require
from narrowcast.plugins.registry import Registry


def test_a_builtin_loads_only_when_asked_for() -> None:
    registry: Registry[object] = Registry("thing", {"gone": "no.such.module:x", "path": "pathlib:Path"})
    assert registry.names() == ["gone", "path"]
    from pathlib import Path

    assert registry.get("path") is Path
    with pytest.raises(ModuleNotFoundError):
        registry.get("gone")


def test_an_unknown_name_suggests_the_nearest() -> None:
    registry: Registry[object] = Registry("thing", {"classification": "pathlib:Path", "qa": "pathlib:Path"})
    with pytest.raises(UsageError) as caught:
        registry.get("clasification")
    assert "classification" in caught.value.next_command
    assert caught.value.exit_code == 2


def test_a_missing_extra_names_its_command() -> None:
    with pytest.raises(MissingExtraError) as caught:
        require("json", "no_such_module_at_all", purpose="this test")
    assert "no_such_module_at_all" in str(caught.value)
    assert caught.value.next_command.startswith("pip install 'narrowcast[")
