"""A GGUF file becomes the model folder that it was made from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from narrowcast.core.settings import Settings
from narrowcast.errors import ModelError
from narrowcast.models.credit import BaseCredit
from narrowcast.models.gguf.quantise import quantise
from narrowcast.models.gguf.reader import read_gguf
from narrowcast.models.gguf.tensors import stored_tensors
from narrowcast.models.gguf.to_folder import write_model_folder
from narrowcast.models.gguf.writer import write_gguf
from narrowcast.models.loading import load_tokenizer, model_from, resolve_base, tokenizer_from
from narrowcast.testing.tiny import build_tiny_model

TEXTS = [
    "a  5",
    "I'll pay 1234567 euros",
    "Grüße  aus\tKöln\r\n\r\n",
    "中文 ½",
    "e\u0301te\u0301",
    " <think> x",
    "<|im_start|>user\nhi<|im_end|>",
]


def restored(file: Path, folder: Path):
    folder.mkdir()
    return write_model_folder(file, folder)


@pytest.mark.parametrize("family", ["qwen3", "llama"])
def test_a_float_file_gives_the_very_weights_back(family, tmp_path):
    original = build_tiny_model(tmp_path / "original", family=family)
    write_gguf(original, tmp_path / "model.gguf", "f32")
    origin = restored(tmp_path / "model.gguf", tmp_path / "restored")
    assert origin.quantised == ""
    theirs, ours = stored_tensors(original), stored_tensors(tmp_path / "restored")
    assert ours.keys() == theirs.keys() - {"lm_head.weight"}
    for name, tensor in ours.items():
        np.testing.assert_array_equal(tensor.read(), theirs[name].read())
    first, second = tokenizer_from(original), tokenizer_from(tmp_path / "restored")
    assert [second(text).input_ids for text in TEXTS] == [first(text).input_ids for text in TEXTS]
    assert second.chat_template == first.chat_template
    ids = torch.tensor([first(TEXTS[1]).input_ids])
    with torch.no_grad():
        expected = model_from(original)(input_ids=ids).logits
        np.testing.assert_allclose(
            model_from(tmp_path / "restored")(input_ids=ids).logits, expected, atol=1e-5
        )


def test_a_quantised_file_is_dequantised_and_says_so(tmp_path):
    original = build_tiny_model(tmp_path / "original", family="llama")
    write_gguf(original, tmp_path / "f32.gguf", "f32")
    quantise(tmp_path / "f32.gguf", tmp_path / "q8.gguf", "q8_0")
    origin = restored(tmp_path / "q8.gguf", tmp_path / "restored")
    assert origin.quantised == "Q8_0"
    theirs, ours = stored_tensors(original), stored_tensors(tmp_path / "restored")
    for name, tensor in ours.items():
        exact = theirs[name].read()
        assert np.abs(tensor.read() - exact).max() <= np.abs(exact).max() / 100
    base = resolve_base(str(tmp_path / "restored"), Settings.from_environment())
    assert load_tokenizer(base)("a  5").input_ids


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"general.architecture": "mamba"}, "the architecture mamba is not read"),
        ({"tokenizer.ggml.model": "t5"}, "its tokenizer is 't5'"),
        ({"tokenizer.ggml.model": "llama"}, "its tokens have no scores"),
        ({"tokenizer.ggml.pre": "deepseek-coder"}, "pre-tokeniser 'deepseek-coder' is not known"),
        ({"tokenizer.chat_template": None}, "no chat template"),
        ({"qwen3.expert_count": 4}, "mixture of experts"),
        ({"qwen3.block_count": 3}, "tensors are missing"),
        ({"qwen3.rope.scaling.type": "yarn"}, "rope.scaling.type is yarn"),
    ],
)
def test_a_file_that_would_not_come_out_equal_is_refused(change, says, tmp_path, monkeypatch):
    from narrowcast.models.gguf import to_folder
    from narrowcast.models.gguf.reader import GgufContent

    original = build_tiny_model(tmp_path / "original")
    write_gguf(original, tmp_path / "model.gguf", "f32")
    read = to_folder.read_gguf

    def changed(file: Path, *rest) -> GgufContent:
        content = read(file, *rest)
        metadata = {**content.metadata, **change}
        return GgufContent({key: each for key, each in metadata.items() if each is not None}, content.tensors)

    monkeypatch.setattr(to_folder, "read_gguf", changed)
    with pytest.raises(ModelError, match=says):
        restored(tmp_path / "model.gguf", tmp_path / "restored")


def test_the_licence_of_the_base_goes_into_the_file_and_comes_back(cli_json, tmp_path):
    original = build_tiny_model(tmp_path / "original")
    credit = BaseCredit(
        name="some/base",
        licence="apache-2.0",
        note="dequantised from Q4_1",
        repository="https://example.org/some/base",
    )
    write_gguf(original, tmp_path / "f32.gguf", "f32", credit=credit)
    quantise(tmp_path / "f32.gguf", tmp_path / "tuned.gguf", "q8_0")
    metadata = read_gguf(tmp_path / "tuned.gguf").metadata
    assert {
        key: value for key, value in metadata.items() if key.startswith(("general.lic", "general.base"))
    } == {
        "general.license": "apache-2.0",
        "general.base_model.count": 1,
        "general.base_model.0.name": "some/base",
        "general.base_model.0.description": "dequantised from Q4_1",
        "general.base_model.0.repo_url": "https://example.org/some/base",
    }
    made = cli_json("models", "import", str(tmp_path / "tuned.gguf"))
    assert (made["licence"], made["note"]) == ("apache-2.0", "tuned from some/base, dequantised from Q8_0")
    other = cli_json("models", "import", str(tmp_path / "tuned.gguf"), "--licence", "mit", "--force")
    assert other["licence"] == "mit"


def test_what_was_imported_is_listed(cli, cli_json, tmp_path):
    assert cli_json("models", "list")["on_this_machine"] == []
    write_gguf(build_tiny_model(tmp_path / "original"), tmp_path / "mine.gguf", "f32")
    made = cli_json("models", "import", str(tmp_path / "mine.gguf"), "--licence", "mit")
    (listed,) = cli_json("models", "list")["on_this_machine"]
    assert (listed["name"], listed["kind"], listed["origin"]) == ("mine", "base", "mine.gguf")
    assert (listed["licence"], listed["path"]) == ("mit", made["path"])
    assert "mine.gguf" in cli("models", "list").stdout


def test_an_import_is_a_base_by_its_name_and_keeps_licence_and_origin(cli, cli_json, tmp_path):
    original = build_tiny_model(tmp_path / "original")
    write_gguf(original, tmp_path / "My Model.gguf", "f32")
    made = cli_json("models", "import", str(tmp_path / "My Model.gguf"), "--licence", "mit")
    assert (made["name"], made["licence"], made["architecture"]) == ("my-model", "mit", "qwen3")
    shown = cli_json("models", "show", "my-model")
    assert shown["fingerprint"] == made["fingerprint"]
    source = json.loads((Path(made["path"]) / "source.json").read_text())
    assert source["origin"] == "My Model.gguf"
    again = cli("models", "import", str(tmp_path / "My Model.gguf"), code=1)
    assert "was imported before" in again.stderr
    cli("models", "import", str(tmp_path / "My Model.gguf"), "--force")
    (tmp_path / "cut.gguf").write_bytes((tmp_path / "My Model.gguf").read_bytes()[:-1])
    cut = cli("models", "import", str(tmp_path / "cut.gguf"), code=1)
    assert "was cut" in cut.stderr
    assert "next: narrowcast models import FILE\n" in cut.stderr
    wrong = cli("models", "import", str(tmp_path / "My Model.gguf"), "--name", "../x", code=1)
    assert "cannot be the name of a model" in wrong.stderr
    taken = cli("models", "import", str(tmp_path / "My Model.gguf"), "--name", "qwen3-0.6b", code=1)
    assert "is a model of the catalogue" in taken.stderr
