"""Broken model folders: each is refused with a reason, from the files alone."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

from narrowcast.errors import ModelError
from narrowcast.models.folder import read_model_folder
from narrowcast.models.loading import tokenizer_from
from tests.support.cli import Cli


def _config(**values: Any) -> Any:
    return _changed("config.json", values)


def _settings(**values: Any) -> Any:
    return _changed("tokenizer_config.json", values)


def _changed(name: str, values: dict[str, Any]) -> Any:
    def write(folder: Path) -> None:
        path = folder / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return write


def _text(name: str, content: str) -> Any:
    return lambda folder: (folder / name).write_text(content)


def _index(content: str) -> Any:
    def write(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors.index.json").write_text(content)

    return write


def _header(content: str) -> Any:
    data = struct.pack("<Q", len(content)) + content.encode()
    return lambda folder: (folder / "model.safetensors").write_bytes(data)


BROKEN = {
    "context is a word": (_config(max_position_embeddings="x"), "no context length"),
    "context is null": (_config(max_position_embeddings=None), "no context length"),
    "context is negative": (_config(max_position_embeddings=-1), "no context length"),
    "text_config is a list": (_config(text_config=[1]), "no context length"),
    "config is deep": (_text("config.json", '{"a":' * 100_000), "config.json is not JSON"),
    "config is a list": (_text("config.json", "[]"), "config.json holds no object"),
    "tokenizer_config is torn": (_text("tokenizer_config.json", "{"), "tokenizer_config.json is not JSON"),
    "tokenizer_config is a list": (_text("tokenizer_config.json", "[]"), "holds no object"),
    "longest text is in quotes": (
        _settings(model_max_length="512"),
        "model_max_length is '512', not a number",
    ),
    "index is torn": (_index("{"), "index.json is not JSON"),
    "index is empty": (_index("{}"), "index.json lists no files"),
    "index is a number": (_index("5"), "index.json holds no object"),
    "index names numbers": (_index('{"weight_map": {"a": 5}}'), "outside this folder"),
    "index names lists": (_index('{"weight_map": {"a": []}}'), "lists no files"),
    "index leads to the root": (_index('{"weight_map": {"a": "/etc/passwd"}}'), "outside this folder"),
    "index leads upwards": (_index('{"weight_map": {"a": "../x.safetensors"}}'), "outside this folder"),
    "header is a list": (_header("[]"), "not a safetensors file"),
    "header has no shape": (_header('{"a": {"dtype": "F32"}}'), "has no shape"),
    "header has an odd shape": (_header('{"a": {"shape": ["x"]}}'), "has no shape"),
    "header is deep": (_header('{"a":' * 100_000), "not a safetensors file"),
    "header is no JSON": (_header("\xff"), "not a safetensors file"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_folder_is_refused(tiny_base: Path, tmp_path: Path, name: str) -> None:
    damage, reason = BROKEN[name]
    folder = Path(shutil.copytree(tiny_base, tmp_path / "model"))
    damage(folder)
    with pytest.raises(ModelError, match=reason):
        read_model_folder(folder)


def test_settings_that_fail_only_in_use_are_refused(tiny_base: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_base, tmp_path / "model"))
    _settings(model_max_length=[512])(folder)
    with pytest.raises(ModelError, match="the tokenizer cannot be read"):
        tokenizer_from(folder)


def test_the_command_line_says_so(cli: Cli, tiny_base: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_base, tmp_path / "model"))
    (folder / "tokenizer_config.json").write_text("{")
    done = cli("models", "show", folder, code=1)
    assert done.stderr.startswith("error: tokenizer_config.json is not JSON")
