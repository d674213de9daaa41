"""A tokenizer class that drops parts of tokenizer.json is not used."""

from __future__ import annotations

import json

import pytest
from tokenizers import Tokenizer

from narrowcast.errors import ModelError
from narrowcast.models.loading import tokenizer_from
from narrowcast.models.tokenizer_file import faithful_tokenizer
from narrowcast.testing.tiny import build_tiny_model

DIGITS = {
    "type": "Sequence",
    "pretokenizers": [
        {"type": "Digits", "individual_digits": True},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
    ],
}


def test_digits_are_split_as_the_file_says_whatever_class_it_names(tmp_path):
    folder = build_tiny_model(tmp_path / "base", family="llama")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    # The last merge becomes one that splitting digits forbids.
    vocabulary, merges = tokenizer["model"]["vocab"], tokenizer["model"]["merges"]
    vocabulary["Ġ5"] = vocabulary.pop("".join(merges[-1]))
    merges[-1] = ["Ġ", "5"]
    (folder / "tokenizer.json").write_text(json.dumps({**tokenizer, "pre_tokenizer": DIGITS}))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(
        json.dumps({**settings, "tokenizer_class": "GPT2Tokenizer"})
    )
    text = "a  5 and 1234567"
    expected = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids

    from transformers import AutoTokenizer

    assert AutoTokenizer.from_pretrained(folder)(text).input_ids != expected  # what the library makes of it
    loaded = tokenizer_from(folder)
    assert loaded(text).input_ids == expected
    assert loaded.chat_template
    assert loaded.eos_token == "<|im_end|>"
    loaded.save_pretrained(tmp_path / "saved")
    assert tokenizer_from(tmp_path / "saved")(text).input_ids == expected


def test_a_tokenizer_that_agrees_with_nothing_is_refused(tmp_path):
    folder = build_tiny_model(tmp_path / "base")

    class Other:
        def __call__(self, _text, **_options):
            return {"input_ids": [0]}

    assert faithful_tokenizer(tokenizer_from(folder), folder).eos_token == "<|im_end|>"
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match=r"tokenizer\.json cannot be read"):
        faithful_tokenizer(Other(), folder)
