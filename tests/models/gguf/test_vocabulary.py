"""Tokenizers of several kinds tokenise alike in llama.cpp and in the library they were trained with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from narrowcast.core.message import Message
from narrowcast.models.chat import render_completion, render_prompt
from narrowcast.models.gguf.byte_level import LLAMA3
from narrowcast.models.gguf.vocabulary import read_vocabulary
from narrowcast.models.gguf.writer import write_gguf
from narrowcast.models.llama_client import LlamaClient
from narrowcast.models.loading import tokenizer_from
from narrowcast.testing.tiny import build_tiny_model

pytestmark = pytest.mark.nightly

TEXTS = [
    "I'll pay 1234567 euros, it's 3.14!!",
    "Grüße  aus\tKöln\r\n\r\n straße 12",
    "👩‍👩‍👧 中文テスト ￼ ½ ²",
    "e\u0301te\u0301 de\u0301ja\u0300",  # not in NFC
    " <think>\n\nhm</think> ",
    "x <|im_end|> y",
    "   leading and trailing   ",
]

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}


def split(pattern):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


DIGITS = {"type": "Digits", "individual_digits": True}
KINDS = {
    "smaug-bpe": {"pre_tokenizer": sequence(split(LLAMA3), {**BYTE_LEVEL, "use_regex": False})},
    "llama-bpe": {
        "pre_tokenizer": sequence(split(LLAMA3), {**BYTE_LEVEL, "use_regex": False}),
        "model": {"ignore_merges": True},
    },
    "gpt-2": {"pre_tokenizer": {**BYTE_LEVEL, "use_regex": True}},
    "smollm": {"pre_tokenizer": sequence(DIGITS, {**BYTE_LEVEL, "use_regex": True})},
    "qwen2": {"normalizer": {"type": "NFC"}},
}


def retokenise(folder: Path, changes: dict, *, user_defined: str = "") -> None:
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["model"].update(changes.pop("model", {}))
    tokenizer.update(changes)
    if user_defined:
        # The token takes the first free row of the embedding.
        used = max(tokenizer["model"]["vocab"].values())
        token = {"id": used + 1, "content": user_defined, "special": False, "normalized": False}
        flags = {"single_word": False, "lstrip": False, "rstrip": False}
        tokenizer["added_tokens"].append({**token, **flags})
    path.write_text(json.dumps(tokenizer))


def check(folder: Path, path: Path) -> None:
    write_gguf(folder, path, "f16")
    tokenizer = tokenizer_from(folder)
    with LlamaClient(path) as client:
        for text in TEXTS:
            messages = [Message("system", "Be brief."), Message("user", text)]
            assert client.tokenize_prompt(messages) == render_prompt(tokenizer, messages), text
            assert client.tokenize_answer(text) == render_completion(tokenizer, text), text


@pytest.mark.parametrize("kind", KINDS)
def test_ids_equal(tmp_path, kind):
    folder = build_tiny_model(tmp_path / "model")
    retokenise(folder, json.loads(json.dumps(KINDS[kind])))
    assert read_vocabulary(folder, 640).pre == kind
    check(folder, tmp_path / "model.gguf")


def widen(folder: Path, rows: int) -> None:
    """More embedding rows than tokens, as padded checkpoints have them."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(str(folder))
    torch.manual_seed(0)
    model.resize_token_embeddings(rows, mean_resizing=False)
    model.save_pretrained(folder)


def test_padded_embeddings_and_added_tokens_that_are_not_special(tmp_path):
    folder = build_tiny_model(tmp_path / "model")
    widen(folder, 704)
    retokenise(folder, {}, user_defined="<think>")
    vocabulary = read_vocabulary(folder, 704)
    assert vocabulary.tokens[-1] == "[PAD703]"
    assert vocabulary.types.count(4) == 1
    check(folder, tmp_path / "model.gguf")


def test_a_beginning_of_sequence_token_comes_from_the_template_once(tmp_path):
    folder = build_tiny_model(tmp_path / "model", family="llama")
    settings = folder / "tokenizer_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "bos_token": "<|endoftext|>"}))
    template = folder / "chat_template.jinja"
    template.write_text("{{- bos_token -}}\n" + template.read_text())
    single = [
        {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
    ]
    processor = {
        "type": "TemplateProcessing", "single": single, "pair": single,
        "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}},
    }  # fmt: skip
    retokenise(folder, {"post_processor": processor})
    vocabulary = read_vocabulary(folder, 640)
    assert (vocabulary.bos, vocabulary.add_bos) == (0, True)
    check(folder, tmp_path / "model.gguf")
    with LlamaClient(tmp_path / "model.gguf") as client:
        ids = client.tokenize_prompt([Message("user", "a")])
    assert ids[0] == 0
    assert ids.count(0) == 1


def test_every_end_that_generation_knows_is_a_stop(tmp_path):
    folder = build_tiny_model(tmp_path / "model")
    path = folder / "generation_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "eos_token_id": [2, 0]}))
    write_gguf(folder, tmp_path / "model.gguf", "f16")
    with LlamaClient(tmp_path / "model.gguf") as client:
        assert (client.info.eos, client.info.end_of_turn, client.info.stop) == (2, 2, [0, 2])
