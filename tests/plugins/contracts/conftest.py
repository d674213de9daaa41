"""The example package is installed beside the built-ins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.plugins import install_package


@pytest.fixture(autouse=True)
def _example_package(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    install_package(tmp_path_factory.mktemp("site"), monkeypatch)


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
