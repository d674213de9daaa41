"""What is loaded, and what is refused with a reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from narrowcast.errors import ModelError
from narrowcast.models.loading import load_model, load_tokenizer, resolve_base
from narrowcast.testing.tiny import build_tiny_model

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("m") / "tiny")


@pytest.fixture
def folder(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


@pytest.mark.parametrize("family", ["qwen3", "llama"])
def test_a_folder_loads(tmp_path, settings, family):
    base = resolve_base(str(build_tiny_model(tmp_path / family, family=family)), settings)
    model, tokenizer = load_model(base), load_tokenizer(base)
    assert base.architecture == model.config.model_type == family
    assert base.parameters == sum(each.numel() for each in model.parameters())
    assert base.context_length == 512
    assert not model.training
    assert load_model(base, torch.bfloat16).dtype == torch.bfloat16
    assert tokenizer.eos_token_id == 2


def test_equal_content_has_an_equal_fingerprint_wherever_it_lies(made, folder, settings):
    first, copy = resolve_base(str(made), settings), resolve_base(str(folder), settings)
    assert first.fingerprint == copy.fingerprint
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    assert resolve_base(str(folder), settings).fingerprint != first.fingerprint


def _edit(folder: Path, **values: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **values}))


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _remote_code(folder: Path) -> None:
    _edit(folder, model_type="own", auto_map={"AutoModelForCausalLM": "own.Own"})


def _torn(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:100])


def _shard_missing(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (_pickled, "pickled"),
        (_remote_code, "code of its own"),
        (_torn, "not a safetensors file"),
        (_shard_missing, "weight files are missing"),
        (lambda folder: _edit(folder, model_type="nonesuch"), "unknown architecture 'nonesuch'"),
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (lambda folder: (folder / "config.json").write_text("{"), "not JSON"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no weights"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "no tokenizer"),
        (lambda folder: (folder / "chat_template.jinja").unlink(), "no chat template"),
    ],
)
def test_unusable_folders_are_refused(folder, settings, damage, what):
    damage(folder)
    with pytest.raises(ModelError, match=what) as caught:
        resolve_base(str(folder), settings)
    assert caught.value.where == str(folder)
    assert caught.value.next_command == "narrowcast models list"


@pytest.mark.parametrize(
    "values",
    [{"hidden_size": 512}, {"head_dim": "words"}, {"use_cache": {"value": 1}}, {"rope_parameters": [[]]}],
)
def test_weights_that_do_not_fit_the_configuration_are_refused(folder, settings, values):
    _edit(folder, **values)
    base = resolve_base(str(folder), settings)
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(base)


@pytest.mark.parametrize("layers", [1, 4])
def test_weights_of_more_or_fewer_layers_are_refused(folder, settings, layers):
    _edit(folder, num_hidden_layers=layers, layer_types=["full_attention"] * layers)
    base = resolve_base(str(folder), settings)
    with pytest.raises(ModelError, match="not those of the model in config"):
        load_model(base)


def test_an_unknown_name_gets_near_ones(settings):
    with pytest.raises(ModelError, match="no base model is called 'qwen3-06b'") as caught:
        resolve_base("qwen3-06b", settings)
    assert "qwen3-0.6b" in caught.value.where


def test_a_missing_folder_is_not_a_hub_name(settings):
    with pytest.raises(ModelError, match="the model folder does not exist"):
        resolve_base("./nowhere", settings)


@pytest.mark.parametrize("name", ["qwen3-0.6b", "Qwen/Qwen3-0.6B"])
def test_offline_a_hub_model_must_be_here_already(settings, name):
    offline = settings.model_copy(update={"offline": True})
    with pytest.raises(ModelError, match="forbids downloading") as caught:
        resolve_base(name, offline)
    assert caught.value.next_command == "with a network: narrowcast models pull Qwen/Qwen3-0.6B"


def test_an_unreachable_hub_is_an_error(settings):
    with pytest.raises(ModelError, match="cannot be downloaded") as caught:
        resolve_base("owner/model", settings)
    assert caught.value.reason_code == "model_not_downloaded"
