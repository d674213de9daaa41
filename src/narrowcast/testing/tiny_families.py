"""A tiny model of each family of the catalogue, with that family's kind of tokenizer and chat template.

Weights are random, norms and biases included, so that a tensor in the wrong place is seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from narrowcast.testing.tiny import CHAT_TEMPLATE, SENTENCES, SPLIT_PATTERN

TinyFamily = Literal["qwen2", "qwen3", "llama", "smollm3", "mistral", "phi3", "gemma3"]

_SPACE = "▁"
_BYTES = [f"<0x{value:02X}>" for value in range(256)]
_REPLACE = {"type": "Replace", "pattern": {"String": " "}, "content": _SPACE}
_LLAMA_TEMPLATE = (
    "{{- bos_token -}}"
    "{%- for message in messages -%}"
    "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' -}}"
    "{{- message['content'] | trim + '<|eot_id|>' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}"
    "{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}"
    "{%- endif -%}"
)
_WITH_SYSTEM = (
    "{{- bos_token -}}"
    "{%- set system = messages[0]['content'] + '\\n\\n' if messages[0]['role'] == 'system' else '' -%}"
    "{%- for message in messages if message['role'] != 'system' -%}"
    "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}"
    "{{- raise_exception('roles must alternate') -}}"
    "{%- endif -%}"
)
_GEMMA_TEMPLATE = (
    _WITH_SYSTEM
    + "{{- '<start_of_turn>' + ('model' if message['role'] == 'assistant' else 'user') + '\\n' -}}"
    "{{- (system if loop.first else '') + message['content'] | trim + '<end_of_turn>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<start_of_turn>model\\n' -}}{%- endif -%}"
)
_MISTRAL_TEMPLATE = (
    _WITH_SYSTEM + "{%- if message['role'] == 'user' -%}"
    "{{- '[INST] ' + (system if loop.first else '') + message['content'] + '[/INST]' -}}"
    "{%- else -%}{{- ' ' + message['content'] | trim + eos_token -}}{%- endif -%}"
    "{%- endfor -%}"
)
_PHI_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>\\n' -}}{%- endif -%}"
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """One family."""

    model: str
    """transformers' classes without `Config` and `ForCausalLM`."""
    tokenizer: Callable[[_Kind], dict[str, Any]]
    template: str
    special: tuple[str, ...]
    """Special tokens, from number 0."""
    named: dict[str, str]
    """`bos`, `eos`, `pad`, `unk`."""
    tokenizer_class: str
    """As the family's files on the Hub say."""
    config: dict[str, Any] = field(default_factory=dict)
    prefix: str = "never"
    """Where SentencePiece's kind adds a space."""
    runs: tuple[str, ...] = ()
    """Added tokens that are not special."""
    pattern: str = SPLIT_PATTERN
    """Of byte-level BPE."""


def build_tiny_family(
    folder: Path, family: TinyFamily, *, seed: int = 0, context: int = 512, **config: Any
) -> Path:
    """Write a loadable model directory and return it.

    Args:
        folder: where to write; created.
        family: architecture, tokenizer and chat template.
        seed: of the random weights, stored as float32.
        context: longest sequence in tokens.
        config: settings of the architecture that differ from the family's.
    """
    import torch
    import transformers

    kind = _KINDS[family]
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = kind.tokenizer(kind)
    rows = 1 + max(*tokenizer["model"]["vocab"].values(), *(each["id"] for each in tokenizer["added_tokens"]))
    number = {each["content"]: each["id"] for each in tokenizer["added_tokens"]}
    ids = {f"{name}_token_id": number.get(token) for name, token in kind.named.items() if name != "unk"}
    settings = {**_SHARED, **_NO_IDS, **ids, **kind.config, **config}
    settings_of = getattr(transformers, f"{kind.model}Config" if family != "gemma3" else "Gemma3TextConfig")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = getattr(transformers, f"{kind.model}ForCausalLM")(
            settings_of(vocab_size=rows, max_position_embeddings=context, **settings)
        )
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.data += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    _write(folder / "tokenizer.json", tokenizer)
    named = {f"{name}_token": token for name, token in kind.named.items()}
    tokenizer_settings = {
        "tokenizer_class": kind.tokenizer_class,
        **named,
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
    }
    _write(folder / "tokenizer_config.json", tokenizer_settings)
    (folder / "chat_template.jinja").write_text(kind.template, encoding="utf-8")
    return folder


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def _added(tokens: Sequence[str], first: int, *, special: bool) -> list[dict[str, Any]]:
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return [
        {"id": first + number, "content": token, **plain, "special": special}
        for number, token in enumerate(tokens)
    ]


def _starting_with(token: str | None, special: Sequence[str]) -> dict[str, Any] | None:
    if token is None:
        return None
    start, text = {"SpecialToken": {"id": token, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}
    return {
        "type": "TemplateProcessing",
        "single": [start, text],
        "pair": [start, text, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {token: {"id": token, "ids": [special.index(token)], "tokens": [token]}},
    }


def _byte_level(kind: _Kind) -> dict[str, Any]:
    """Byte-level BPE with the family's splitting, special tokens last as in the files on the Hub."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    backend = Tokenizer(models.BPE(ignore_merges=kind.pattern != SPLIT_PATTERN))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(kind.pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(SENTENCES, trainer)
    value: dict[str, Any] = json.loads(backend.to_str())
    value["added_tokens"] = _added(kind.special, len(value["model"]["vocab"]), special=True)
    value["normalizer"] = {"type": "NFC"} if kind.model.startswith("Qwen") else None
    return value


def _sentence_pieces(kind: _Kind) -> dict[str, Any]:
    """BPE as transformers converts it from SentencePiece: bytes, and every pair that makes a token."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=True)
    letters = sorted({*"".join(SENTENCES), *"0123456789", _SPACE, *"\n"} - {" "})
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=letters, show_progress=False)
    trained.train_from_iterator(SENTENCES, trainer)
    pieces = sorted(trained.get_vocab(), key=trained.get_vocab().__getitem__)
    pieces = [*(each for each in pieces if len(each) > 1), *letters]
    runs = [each for each in kind.runs if each not in pieces]
    order = {token: number for number, token in enumerate([*kind.special, *runs, *_BYTES, *pieces])}
    known = {*pieces, *runs}
    tokens = [*sorted(runs, key=len, reverse=True), *pieces]
    merges = [
        [token[:at], token[at:]]
        for token in tokens
        for at in range(len(token) - 1, 0, -1)
        if token[:at] in known and token[at:] in known
    ]
    first = {"type": "Metaspace", "replacement": _SPACE, "prepend_scheme": "first", "split": False}
    prepended = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": _SPACE}, _REPLACE]}
    steps: list[dict[str, Any]] = [
        {"type": "Replace", "pattern": {"String": _SPACE}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
    ]
    if kind.prefix != "never":
        steps.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            *_added(kind.special, 0, special=True),
            *_added(runs, len(kind.special), special=False),
        ],
        "normalizer": {"never": _REPLACE, "first": None, "always": prepended}[kind.prefix],
        "pre_tokenizer": first if kind.prefix == "first" else None,
        "post_processor": _starting_with(kind.named.get("bos"), kind.special),
        "decoder": {"type": "Sequence", "decoders": steps},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": order,
            "merges": merges,
        },
    }


_LLAMA3_PATTERN = SPLIT_PATTERN.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
_NO_IDS = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
_SHARED: dict[str, Any] = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "tie_word_embeddings": True,
}
_CHATML = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_CHATML_NAMED = {"eos": "<|im_end|>", "pad": "<|endoftext|>"}
_HEADERS = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|end_of_text|>")
_PIECES = ("<unk>", "<s>", "</s>")

_KINDS: dict[TinyFamily, _Kind] = {
    "qwen2": _Kind("Qwen2", _byte_level, CHAT_TEMPLATE, _CHATML, _CHATML_NAMED, "Qwen2Tokenizer"),
    "qwen3": _Kind("Qwen3", _byte_level, CHAT_TEMPLATE, _CHATML, _CHATML_NAMED, "Qwen2Tokenizer"),
    "llama": _Kind(
        "Llama",
        _byte_level,
        _LLAMA_TEMPLATE,
        _HEADERS,
        {"bos": "<|begin_of_text|>", "eos": "<|eot_id|>", "pad": "<|end_of_text|>"},
        "PreTrainedTokenizerFast",
        pattern=_LLAMA3_PATTERN,
    ),
    "smollm3": _Kind(
        "SmolLM3",
        _byte_level,
        CHAT_TEMPLATE,
        _CHATML,
        _CHATML_NAMED,
        "PreTrainedTokenizerFast",
        {"num_hidden_layers": 4},
        pattern=_LLAMA3_PATTERN,
    ),
    "mistral": _Kind(
        "Mistral",
        _sentence_pieces,
        _MISTRAL_TEMPLATE,
        (*_PIECES, "[INST]", "[/INST]"),
        {"bos": "<s>", "eos": "</s>", "unk": "<unk>"},
        "LlamaTokenizer",
        {"tie_word_embeddings": False, "sliding_window": None},
        prefix="first",
    ),
    "phi3": _Kind(
        "Phi3",
        _sentence_pieces,
        _PHI_TEMPLATE,
        (*_PIECES, "<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
        {"bos": "<s>", "eos": "<|end|>", "pad": "<|endoftext|>", "unk": "<unk>"},
        "LlamaTokenizer",
        {"tie_word_embeddings": False},
        prefix="always",
    ),
    "gemma3": _Kind(
        "Gemma3",
        _sentence_pieces,
        _GEMMA_TEMPLATE,
        ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>"),
        {"bos": "<bos>", "eos": "<eos>", "pad": "<pad>", "unk": "<unk>"},
        "GemmaTokenizer",
        {
            "num_hidden_layers": 7,
            "head_dim": 64,
            "query_pre_attn_scalar": 64,
            "num_key_value_heads": 1,
            "sliding_window": 48,
        },
        runs=(*("\n" * number for number in range(1, 8)), *(_SPACE * number for number in range(2, 8))),
    ),
}
