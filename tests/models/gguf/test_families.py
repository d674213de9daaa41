"""Each family in a GGUF file: llama.cpp computes and tokenises alike, and the way back is exact."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from narrowcast.core.message import Message
from narrowcast.errors import ModelError
from narrowcast.models.catalogue import catalogue
from narrowcast.models.chat import render_completion, render_prompt
from narrowcast.models.gguf.families import FAMILIES
from narrowcast.models.gguf.reader import read_gguf
from narrowcast.models.gguf.tensors import stored_tensors
from narrowcast.models.gguf.to_folder import write_model_folder
from narrowcast.models.gguf.writer import plan_gguf, write_gguf
from narrowcast.models.llama_client import LlamaClient
from narrowcast.models.llama_sampling import decode_rows
from narrowcast.models.loading import model_from, tokenizer_from
from narrowcast.testing.tiny_families import TinyFamily, build_tiny_family

NAMES = get_args(TinyFamily)
LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "short_factor": [1.0 + 0.125 * number for number in range(12)],
    "long_factor": [2.0 + 0.25 * number for number in range(12)],
    "partial_rotary_factor": 0.75,
    "original_max_position_embeddings": 256,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
STRETCHED = {
    "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
    "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
}
VARIANTS = {
    "phi3, stretched": ("phi3", {"rope_parameters": LONGROPE, "original_max_position_embeddings": 256}, 256),
    "phi3, with a window": ("phi3", {"sliding_window": 200}, 200),
    "mistral, with a window": ("mistral", {"sliding_window": 200}, 200),
    "llama, stretched": ("llama", {"rope_parameters": LLAMA3}, 512),
    "gemma3, stretched": ("gemma3", {"rope_parameters": STRETCHED}, 512),
}
PARTS = (
    "a", "hello", " ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", "0", "12", "3.14", "é", "e\u0301", "ß",
    "中", "文", "日本", "한국", "ع", "👩‍👩‍👧", "😀", "\x00", "\x01", "x▁y", "<s>", "</s>", "<unk>", "<0x41>",
    "[INST]", "<bos>", "<start_of_turn>", "<|im_end|>", "<|eot_id|>", "card", "What is", "exchange", "{", "}",
    '"', "'s", "'LL", "-", "_", "\u00a0", "\u200b", "\ufeff", "½", "²", "x" * 40, " " * 45,
)  # fmt: skip


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("families")
    return {name: build_tiny_family(root / name, name) for name in NAMES}


def difference(folder: Path, file: Path, tokens: int) -> float:
    """Between transformers' logits and llama.cpp's."""
    import torch

    draw = random.Random(1)
    ids = [draw.randrange(10, 400) for _ in range(tokens)]
    with torch.no_grad():
        expected = model_from(folder)(input_ids=torch.tensor([ids])).logits[0].numpy()
    with LlamaClient(file, kv_type="f32") as client:
        return float(abs(decode_rows(client.ask("logits", tokens=ids, start=0)["rows"]) - expected).max())


def texts(count: int) -> list[str]:
    draw = random.Random(0)
    return ["".join(draw.choices(PARTS, k=draw.randint(1, 8))) for _ in range(count)]


# llama.cpp takes GELU from a table in float16.
TOLERANCE = {"gemma3": 2e-3}


@pytest.mark.parametrize("name", NAMES)
def test_llama_cpp_computes_and_tokenises_the_same(name, models, tmp_path):
    folder, file = models[name], tmp_path / "model.gguf"
    write_gguf(folder, file, "f32")
    assert difference(folder, file, 200) < TOLERANCE.get(name, 1e-5)
    tokenizer = tokenizer_from(folder)
    with LlamaClient(file) as client:
        for text in texts(250):
            turns = [Message("system", "Be  brief."), Message("user", text)]
            assert client.tokenize_prompt(turns) == render_prompt(tokenizer, turns), text
            assert client.tokenize_answer(text) == render_completion(tokenizer, text), text


def test_a_space_is_added_at_the_very_beginning_alone(models, tmp_path):
    """Also where the text of a special token in a message divides the prompt into pieces."""
    folder = copied(models["mistral"], tmp_path / "model")
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").write_text(template.replace("[INST] ", "[INST]"))
    write_gguf(folder, tmp_path / "model.gguf", "f16")
    tokenizer = tokenizer_from(folder)
    with LlamaClient(tmp_path / "model.gguf") as client:
        for text in ("card", "card </s> card", " card"):
            turns = [Message("user", text)]
            ids = render_prompt(tokenizer, turns)
            assert client.tokenize_prompt(turns) == ids
            first = tokenizer.convert_ids_to_tokens(ids)[2]
            assert first.startswith("▁") == text.startswith(" ")
        assert tokenizer.convert_ids_to_tokens(client.tokenize_answer("card"))[0].startswith("▁")


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_context_is_what_llama_cpp_computes_the_same(variant, tmp_path):
    name, settings, context = VARIANTS[variant]
    folder = build_tiny_family(tmp_path / "model", name, **settings)
    write_gguf(folder, tmp_path / "model.gguf", "f32")
    with LlamaClient(tmp_path / "model.gguf") as client:
        assert client.info.context_length == context
    assert difference(folder, tmp_path / "model.gguf", min(context, 250)) < TOLERANCE.get(name, 1e-5)


@pytest.mark.parametrize("name", [*NAMES, *VARIANTS])
@pytest.mark.parametrize("dtype", ["f32", pytest.param("f16", marks=pytest.mark.nightly)])
def test_a_file_becomes_the_folder_again(name, dtype, models, tmp_path):
    family, settings, _ = VARIANTS.get(name, (name, {}, 0))
    original = build_tiny_family(tmp_path / "model", family, **settings) if settings else models[name]
    write_gguf(original, tmp_path / "model.gguf", dtype)
    restored = tmp_path / "restored"
    restored.mkdir()
    write_model_folder(tmp_path / "model.gguf", restored)
    theirs, ours = stored_tensors(original), stored_tensors(restored)
    assert ours.keys() == theirs.keys() - ({"lm_head.weight"} - ours.keys())
    for tensor in ours:
        expected = theirs[tensor].read()
        if len(expected.shape) > 1 and dtype == "f16":
            expected = expected.astype(np.float16).astype(np.float32)
        # Gemma's norms are written plus one, which rounds.
        np.testing.assert_allclose(ours[tensor].read(), expected, rtol=0, atol=6e-8 * (family == "gemma3"))
    first, second = tokenizer_from(original), tokenizer_from(restored)
    assert second.chat_template == first.chat_template
    for text in texts(250):
        turns = [Message("user", text)]
        assert render_prompt(second, turns) == render_prompt(first, turns), text
        assert render_completion(second, text) == render_completion(first, text), text
    write_gguf(restored, tmp_path / "again.gguf", dtype)
    once, twice = read_gguf(tmp_path / "model.gguf"), read_gguf(tmp_path / "again.gguf")
    assert twice.metadata == once.metadata
    for before, after in zip(once.tensors, twice.tensors, strict=True):
        np.testing.assert_array_equal(after.data, before.data)


REFUSED = {
    "gemma3": {
        "query_pre_attn_scalar": 128,
        "final_logit_softcapping": 30.0,
        "layer_types": ["full_attention"] * 7,
        "hidden_activation": "silu",
    },
    "smollm3": {"no_rope_layers": [1, 1, 1, 1], "use_sliding_window": True},
    "qwen2": {"use_sliding_window": True},
    "phi3": {"hidden_act": "gelu", "head_dim": 16},
    "mistral": {"hidden_act": "gelu"},
}


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, keys in REFUSED.items() for key in keys])
def test_what_llama_cpp_would_compute_otherwise_is_refused(name, key, models, tmp_path):
    folder = copied(models[name], tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, key: REFUSED[name][key]}))
    with pytest.raises(ModelError, match=key):
        plan_gguf(folder)


def test_a_configuration_that_says_too_little_is_refused(models, tmp_path):
    folder = copied(models["gemma3"], tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    for key in ("rms_norm_eps", "layer_types"):
        del config[key]
    (folder / "config.json").write_text(json.dumps(config))
    plan_gguf(folder)  # what transformers takes where nothing is said
    del config["hidden_size"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"config\.json lacks hidden_size"):
        plan_gguf(folder)


def pair_moved(tokenizer):
    """A token that several pairs make, one of them at the end of the list."""
    merges = tokenizer["model"]["merges"]
    made = ["".join(pair) for pair in merges]
    merges.append(merges.pop(next(at for at, token in enumerate(made) if made.count(token) > 1)))


def letter_gone(tokenizer):
    vocab, merges = tokenizer["model"]["vocab"], tokenizer["model"]["merges"]
    letter = merges[0][0]
    vocab["Ω"] = vocab.pop(letter)
    tokenizer["model"]["merges"] = [each for each in merges if letter not in each]


def special_can_be_made(tokenizer):
    vocab = tokenizer["model"]["vocab"]
    vocab["[/INST"] = vocab.pop("R")


SPLIT = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t["model"]["merges"].pop(40), "are not among its merges"),
        (pair_moved, "do not stand together|are not among its merges"),
        (letter_gone, "are not among its merges"),
        (special_can_be_made, "would become the token of this name"),
        (lambda t: t["model"]["vocab"].pop("<0x41>"), "no tokens for some bytes"),
        (lambda t: t["pre_tokenizer"].update(prepend_scheme="always"), "of no form that is known"),
        (lambda t: t.update(normalizer={"type": "NFKC"}), "of no form that is known"),
        (lambda t: t["added_tokens"][3].update(rstrip=True), "has rstrip"),
        (lambda t: t["model"].update(ignore_merges=True), "ignore_merges is set"),
    ],
)
def test_a_sentence_piece_tokenizer_that_would_differ_is_refused(change, says, models, tmp_path):
    folder = copied(models["mistral"], tmp_path / "model")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    change(tokenizer)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match=says):
        plan_gguf(folder)


def test_the_catalogue_says_what_becomes_a_file():
    known = {each.model_type for each in FAMILIES.values()}
    for entry in catalogue().models:
        assert entry.gguf == (entry.family in known) or entry.note, entry.id


def copied(source: Path, target: Path) -> Path:
    import shutil

    return Path(shutil.copytree(source, target))
