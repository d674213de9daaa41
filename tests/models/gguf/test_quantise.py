"""Quantised files load and stay close; what llama.cpp stores as another type is said or refused."""

from __future__ import annotations

import pytest

from narrowcast.errors import ModelError
from narrowcast.models.gguf.quantise import QUANTISATIONS, quantise, tensor_types
from narrowcast.models.gguf.writer import write_gguf
from narrowcast.models.llama_client import LlamaClient
from narrowcast.models.llama_sampling import decode_rows
from narrowcast.models.llama_scoring import log_softmax

pytestmark = pytest.mark.nightly

TOKENS = [1, 300, 17, 42, 5, 99, 301]


def rows(path):
    with LlamaClient(path) as client:
        return decode_rows(client.ask("logits", tokens=TOKENS, start=0)["rows"])


@pytest.mark.parametrize("name", QUANTISATIONS)
def test_a_quantised_file_is_smaller_and_close(tmp_path, tiny_gguf, name):
    target = tmp_path / f"model-{name}.gguf"
    types = quantise(tiny_gguf, target, name)
    assert not types.fallbacks
    assert target.stat().st_size < tiny_gguf.stat().st_size / 2
    reference, quantised = rows(tiny_gguf), rows(target)
    for mine, theirs in zip(reference, quantised, strict=True):
        p, q = log_softmax(mine), log_softmax(theirs)
        assert (2.718281828**p * (p - q)).sum() < 0.05


def test_rows_that_k_quants_do_not_fit_are_refused(tmp_path):
    import torch
    import transformers

    from narrowcast.testing.tiny import tiny_tokenizer

    config = transformers.Qwen3Config(
        vocab_size=640, hidden_size=192, intermediate_size=384, num_hidden_layers=1, num_attention_heads=3,
        num_key_value_heads=3, head_dim=64, max_position_embeddings=256, tie_word_embeddings=True,
        eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.Qwen3ForCausalLM(config).save_pretrained(tmp_path / "model")
    tiny_tokenizer(640, 256).save_pretrained(tmp_path / "model")
    write_gguf(tmp_path / "model", tmp_path / "f16.gguf", "f16")
    with pytest.raises(ModelError, match="multiple of 256") as caught:
        quantise(tmp_path / "f16.gguf", tmp_path / "q4.gguf", "q4_k_m")
    assert caught.value.reason_code == "export_quantization_failed"
    assert "q8_0" in caught.value.next_command
    assert not (tmp_path / "q4.gguf").exists()
    assert not quantise(tmp_path / "f16.gguf", tmp_path / "q8.gguf", "q8_0").fallbacks


def test_a_failed_quantisation_leaves_nothing(tmp_path, tiny_gguf):
    (tmp_path / "broken.gguf").write_bytes(b"no model")
    with pytest.raises(ModelError) as caught:
        quantise(tmp_path / "broken.gguf", tmp_path / "q8.gguf", "q8_0")
    assert caught.value.reason_code == "export_quantization_failed"
    assert not (tmp_path / "q8.gguf").exists()
    with pytest.raises(ModelError, match="no quantisation"):
        quantise(tiny_gguf, tmp_path / "q3.gguf", "q3_k_s")


def test_types_are_counted(tiny_gguf):
    types = tensor_types(tiny_gguf, "f32")
    assert types.counts == {"F32": 15}
    assert types.fallback_share == 0
