"""A tiny chat model directory, built on the spot: real tokenizer, real architecture, random weights.

Hidden and feed-forward sizes are multiples of 256, because K-quantised GGUF files need whole blocks.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

Family = Literal["qwen3", "llama"]

SPLIT_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

CHAT_TEMPLATE = (
    "{%- for message in messages -%}\n"
    "{%- if message['role'] not in ['system', 'user', 'assistant', 'tool'] -%}\n"
    "{{- raise_exception('unknown role: ' + message['role']) -}}\n"
    "{%- endif -%}\n"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}\n"
    "{{- '<|im_start|>assistant\\n' -}}\n"
    "{%- endif -%}\n"
)

SENTENCES = [
    "I am still waiting on my card, can you tell me where it is?",
    "What is the exchange rate for a transfer to another account?",
    "Please book a table for four people tomorrow evening at seven.",
    "My payment was declined twice and I was charged a fee.",
    "Please classify the message and answer with one label.",
    '{"name": "Alex", "date": "tomorrow", "people": 4, "time": null}',
    "The refund has not arrived; the balance of my account is wrong.",
    "Read the text and give the fields as JSON: name, date, time and people.",
    "card_arrival exchange_rate declined_card_payment refund_not_showing_up",
]


def build_tiny_model(
    folder: Path, *, family: Family = "qwen3", seed: int = 0, vocab_size: int = 640, context: int = 512
) -> Path:
    """Write a loadable model directory and return it.

    Args:
        folder: where to write; created.
        family: architecture; both read the same tokenizer and chat template.
        seed: of the random weights (standard deviation 0.02, stored as float32).
        vocab_size: entries of the byte-level BPE, 3 special tokens included; at least 300.
        context: longest sequence in tokens.
    """
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tiny_tokenizer(vocab_size, context)
    tokenizer.save_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _model(family, len(tokenizer), context)
    model.save_pretrained(folder)
    return folder


def tiny_tokenizer(vocab_size: int, context: int) -> Any:
    """A byte-level BPE with Qwen2's split pattern and a ChatML template, trained on a few sentences."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    special = [
        AddedToken(text, special=True, normalized=False)
        for text in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    ]
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=1,
        show_progress=False,
    )
    backend.train_from_iterator(SENTENCES, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|im_end|>",  # noqa: S106
        pad_token="<|endoftext|>",  # noqa: S106
        model_max_length=context,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def _model(family: Family, vocab_size: int, context: int) -> Any:
    import transformers

    shared: dict[str, Any] = {
        "vocab_size": vocab_size,
        "hidden_size": 256,
        "intermediate_size": 512,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 64,
        "max_position_embeddings": context,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    if family == "qwen3":
        return transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**shared))
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**shared))


def build_tiny_encoder(
    folder: Path,
    *,
    pooling: Literal["mean", "cls"] = "mean",
    normalised: bool = True,
    seed: int = 0,
    longest: int = 32,
) -> Path:
    """Write a sentence encoder (BERT, 32 dimensions, random weights) in sentence-transformers' layout.

    Args:
        folder: where to write; created.
        pooling: of the token vectors.
        normalised: whether vectors get length 1.
        seed: of the random weights.
        longest: tokens of a text that are read.
    """
    import json

    import torch
    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = word_pieces()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = transformers.BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.3,  # wide, so that texts differ clearly
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        transformers.BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    steps = [("", "sentence_transformers.models.Transformer")]
    steps.append(("1_Pooling", "sentence_transformers.models.Pooling"))
    steps += [("2_Normalize", "sentence_transformers.models.Normalize")] if normalised else []
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": kind}
        for number, (path, kind) in enumerate(steps)
    ]
    pool = {
        "word_embedding_dimension": 32,
        "pooling_mode_mean_tokens": pooling == "mean",
        "pooling_mode_cls_token": pooling == "cls",
    }
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pool), encoding="utf-8")
    length = {"max_seq_length": longest}
    (folder / "sentence_bert_config.json").write_text(json.dumps(length), encoding="utf-8")
    return folder


def word_pieces() -> Any:
    """A WordPiece tokenizer of the sentences' words and letters that puts [CLS] and [SEP] around a text."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    words = sorted({word for sentence in SENTENCES for word in re.findall(r"\w+", sentence.lower())})
    letters = sorted({letter for sentence in SENTENCES for letter in sentence.lower() if letter != " "})
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{letter}" for letter in letters), *words]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer
