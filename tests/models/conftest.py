"""Tiny exported models, written once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from narrowcast.models.gguf.writer import write_gguf
from narrowcast.testing.tiny import build_tiny_model


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Qwen3 model folder."""
    return build_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="session")
def tiny_gguf(tiny_folder: Path) -> Path:
    """The same model as float32 GGUF."""
    path = tiny_folder.parent / "model-f32.gguf"
    write_gguf(tiny_folder, path, "f32")
    return path
