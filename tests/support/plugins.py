"""Plug-ins in tests: a distribution with an entry point, found on `sys.path` as an installed one is."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest


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
    metadata = folder / f"{module}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[narrowcast.{kind}]\n{name} = {module}:{name}\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, module, raising=False)
    importlib.invalidate_caches()
