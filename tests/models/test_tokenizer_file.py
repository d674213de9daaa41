"""A tokenizer class that drops parts of tokenizer.json is not used."""

from __future__ import annotations

import json

import pytest
from tokenizers import Tokenizer

from narrowcast.errors import ModelError
from narrowcast.models.loading import tokenizer_from
from narrowcast.models.tokenizer_file import faithful_tokenizer
from narrowcast.testing.tiny import build_tiny_model
from narrowcast.testing.tiny_families import build_tiny_family

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


def changed(folder, name, change):
    value = json.loads((folder / name).read_text())
    change(value)
    (folder / name).write_text(json.dumps(value))


def test_a_class_adds_no_token_for_which_the_model_has_no_row(tmp_path):
    """GemmaTokenizer adds <mask> where the file has none."""
    folder = build_tiny_family(tmp_path / "base", "gemma3")

    def without_mask(tokenizer):
        tokenizer["added_tokens"][4]["content"] = "<unused0>"
        vocab = tokenizer["model"]["vocab"]
        vocab["<unused0>"] = vocab.pop("<mask>")

    changed(folder, "tokenizer.json", without_mask)
    from transformers import AutoTokenizer

    rows = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()
    assert len(AutoTokenizer.from_pretrained(folder)) == rows + 1  # what the library makes of it
    assert len(tokenizer_from(folder)) == rows


def test_a_class_with_another_pre_tokeniser_is_not_used_even_where_no_probe_shows_it(tmp_path):
    folder = build_tiny_family(tmp_path / "base", "smollm3")
    changed(folder, "tokenizer_config.json", lambda each: each.update(tokenizer_class="GPT2Tokenizer"))
    tokenizer_from(folder).save_pretrained(tmp_path / "saved")
    before, after = (
        json.loads((each / "tokenizer.json").read_text()) for each in (folder, tmp_path / "saved")
    )
    assert after["pre_tokenizer"] == before["pre_tokenizer"]
    assert after["model"]["ignore_merges"] == before["model"]["ignore_merges"]


def test_a_file_whose_special_tokens_get_other_numbers_is_refused(tmp_path):
    folder = build_tiny_family(tmp_path / "base", "mistral")
    changed(folder, "tokenizer.json", lambda each: each["model"]["vocab"].pop("[INST]"))
    with pytest.raises(ModelError, match=r"numbers '\[INST\]' 3, and the library \d+"):
        tokenizer_from(folder)


def test_a_tokenizer_that_agrees_with_nothing_is_refused(tmp_path):
    folder = build_tiny_model(tmp_path / "base")

    class Other:
        def __call__(self, _text, **_options):
            return {"input_ids": [0]}

    assert faithful_tokenizer(tokenizer_from(folder), folder).eos_token == "<|im_end|>"
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match=r"tokenizer\.json cannot be read"):
        faithful_tokenizer(Other(), folder)
