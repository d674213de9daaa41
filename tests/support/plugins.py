"""Plug-ins in tests: distributions with entry points, found on the path as installed ones are."""

from __future__ import annotations

import importlib
import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "plugin_package"
"""The example package that `docs/plugins.md` explains."""


def install_plugin(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, kind: str, name: str, module: str, source: str
) -> None:
    """Put a module and the metadata of its distribution on the path.

    Args:
        folder: an empty one.
        monkeypatch: takes everything back.
        kind: of the plug-in, such as `gate`.
        name: of the plug-in, and of the attribute of the module.
        module: its name.
        source: its text.
    """
    (folder / f"{module}.py").write_text(source)
    _write_metadata(folder, module, "1.0", {f"narrowcast.{kind}": {name: f"{module}:{name}"}})
    _put_on_path(monkeypatch, folder)
    monkeypatch.delitem(sys.modules, module, raising=False)


def install_package(folder: Path, monkeypatch: pytest.MonkeyPatch, *, version: str | None = None) -> None:
    """Install the example package for this process and those that it starts, without pip.

    Args:
        folder: an empty one, for the metadata that an installer would write.
        monkeypatch: takes everything back.
        version: instead of the package's own.
    """
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    _write_metadata(folder, project["name"], version or project["version"], project["entry-points"])
    _put_on_path(monkeypatch, PACKAGE)
    _put_on_path(monkeypatch, folder)


def _write_metadata(
    folder: Path, distribution: str, version: str, groups: Mapping[str, Mapping[str, str]]
) -> None:
    metadata = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    lines = []
    for group, entries in groups.items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in entries.items()), ""]
    (metadata / "entry_points.txt").write_text("\n".join(lines))


def _put_on_path(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.syspath_prepend(str(folder))
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), before])))
    importlib.invalidate_caches()
