"""The written file computes what the model folder computes, and what would differ is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from narrowcast.errors import ModelError
from narrowcast.models.gguf.writer import write_gguf
from narrowcast.models.llama_client import LlamaClient
from narrowcast.models.llama_sampling import decode_rows
from narrowcast.testing.tiny import build_tiny_model

pytestmark = pytest.mark.nightly

TOKENS = [1, 300, 17, 42, 5, 99, 301, 302, 7, 2, 1, 250, 33]


def transformers_logits(folder: Path):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32)
    with torch.no_grad():
        return model(torch.tensor([TOKENS])).logits[0].numpy()


def gguf_logits(path: Path):
    with LlamaClient(path, kv_type="f32") as client:
        return decode_rows(client.ask("logits", tokens=TOKENS, start=0)["rows"])


def edit_config(folder: Path, **values) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize("family", ["qwen3", "llama"])
def test_logits_equal_transformers(tmp_path, family):
    folder = build_tiny_model(tmp_path / "model", family=family)
    write_gguf(folder, tmp_path / "model.gguf", "f32")
    difference = abs(gguf_logits(tmp_path / "model.gguf") - transformers_logits(folder)).max()
    assert difference < 1e-4


@pytest.mark.parametrize("dtype", ["f16", "bf16"])
def test_half_precision_logits_are_close(tmp_path, dtype):
    folder = build_tiny_model(tmp_path / "model")
    write_gguf(folder, tmp_path / "model.gguf", dtype)
    reference = transformers_logits(folder)
    got = gguf_logits(tmp_path / "model.gguf")
    assert 0 < abs(got - reference).max() < 0.02
    assert (got.argmax(-1) == reference.argmax(-1)).mean() > 0.9


@pytest.mark.parametrize("family", ["qwen3", "llama"])
def test_untied_embeddings_and_shards(tmp_path, family):
    import torch
    from transformers import AutoModelForCausalLM

    folder = build_tiny_model(tmp_path / "model", family=family)
    model = AutoModelForCausalLM.from_pretrained(str(folder))
    model.config.tie_word_embeddings = False
    model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight) * 0.02)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="1MB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    write_gguf(folder, tmp_path / "model.gguf", "f32")
    difference = abs(gguf_logits(tmp_path / "model.gguf") - transformers_logits(folder)).max()
    assert difference < 1e-4


def test_llama3_rope_scaling(tmp_path):
    folder = build_tiny_model(tmp_path / "model", family="llama")
    rope = {
        "rope_type": "llama3",
        "rope_theta": 10000.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    }
    edit_config(folder, rope_parameters=rope)
    write_gguf(folder, tmp_path / "model.gguf", "f32")
    difference = abs(gguf_logits(tmp_path / "model.gguf") - transformers_logits(folder)).max()
    assert difference < 1e-4


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"architectures": ["GemmaForCausalLM"]}, "Qwen3ForCausalLM, Qwen2ForCausalLM"),
        ({"attention_bias": True}, "attention_bias"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "yarn"),
        ({"num_hidden_layers": 3}, "missing"),
        ({"num_hidden_layers": 1}, "unknown"),
        ({"vocab_size": 10}, "embedding 10 rows"),
    ],
)
def test_what_would_come_out_wrong_is_refused(tmp_path, values, named):
    folder = build_tiny_model(tmp_path / "model")
    edit_config(folder, **values)
    with pytest.raises(ModelError, match=named):
        write_gguf(folder, tmp_path / "model.gguf", "f32")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda t: t["pre_tokenizer"]["pretokenizers"][0]["pattern"].update(Regex="\\w+"), "pre-tokeniser"),
        (lambda t: t["model"].update(type="Unigram"), "Unigram"),
        (lambda t: t["model"].update(type="Unigram", byte_fallback=True), "Unigram"),
        (lambda t: t.update(normalizer={"type": "Lowercase"}), "Lowercase"),
        (lambda t: t["added_tokens"][1].update(lstrip=True), "lstrip"),
    ],
)
def test_a_tokenizer_that_would_differ_is_refused(tmp_path, change, named):
    folder = build_tiny_model(tmp_path / "model")
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    change(tokenizer)
    path.write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match=named):
        write_gguf(folder, tmp_path / "model.gguf", "f32")


def test_cut_weights_and_values_out_of_range_are_refused(tmp_path):
    import torch
    from safetensors.torch import load_file, save_file

    folder = build_tiny_model(tmp_path / "model")
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    tensors["model.embed_tokens.weight"][0, 0] = 1e6
    save_file(tensors, weights, {"format": "pt"})
    with pytest.raises(ModelError, match="float16"):
        write_gguf(folder, tmp_path / "model.gguf", "f16")
    tensors["model.embed_tokens.weight"][0, 0] = torch.nan
    save_file(tensors, weights, {"format": "pt"})
    with pytest.raises(ModelError, match="not finite"):
        write_gguf(folder, tmp_path / "model.gguf", "f16")
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cut"):
        write_gguf(folder, tmp_path / "model.gguf", "f16")
