"""Vectors of a sentence encoder equal those of its transformer, whatever the batch."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from narrowcast.errors import ModelError
from narrowcast.models.encoders.encoder import Encoder
from narrowcast.models.encoders.folder import read_encoder_folder
from narrowcast.testing.tiny import SENTENCES, build_tiny_encoder

TEXTS = ["", "card", *SENTENCES, "the card " * 60, "Überweisung 🙂", "card"]


def _by_hand(folder, text, pooling, *, normalised):
    from tokenizers import Tokenizer
    from transformers import BertModel

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(32)
    ids = torch.tensor([tokenizer.encode(text).ids])
    with torch.no_grad():
        states = BertModel.from_pretrained(folder, add_pooling_layer=False)(input_ids=ids).last_hidden_state[
            0
        ]
    vector = states.mean(0) if pooling == "mean" else states[0]
    return (vector / vector.norm() if normalised else vector).numpy()


@pytest.mark.parametrize(("pooling", "normalised"), [("mean", True), ("cls", False)])
def test_vectors_equal_those_of_the_transformer_alone(pooling, normalised, tmp_path):
    folder = build_tiny_encoder(tmp_path / "tiny", pooling=pooling, normalised=normalised)
    vectors = Encoder(read_encoder_folder(folder)).embed(TEXTS)
    expected = [_by_hand(folder, text, pooling, normalised=normalised) for text in TEXTS]
    assert vectors.shape == (len(TEXTS), 32)
    np.testing.assert_allclose(vectors, np.array(expected), atol=2e-5)


def test_progress_counts_every_text_and_no_texts_give_no_vectors(tmp_path):
    encoder = Encoder(read_encoder_folder(build_tiny_encoder(tmp_path / "tiny")))
    seen: list[int] = []
    encoder.embed(TEXTS * 30, seen.append)
    assert sum(seen) == len(TEXTS) * 30
    assert len(seen) > 1
    assert encoder.embed([]).shape == (0, 32)


def test_the_publishers_prompt_is_put_before_each_text(tmp_path):
    folder = build_tiny_encoder(tmp_path / "tiny")
    plain = Encoder(read_encoder_folder(folder)).embed(["query: card"])
    told = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(told))
    np.testing.assert_allclose(Encoder(read_encoder_folder(folder)).embed(["card"]), plain, atol=1e-6)


def _roberta(folder):
    """The folder as of a RoBERTa, whose positions count from behind that of padding."""
    from transformers import RobertaConfig, RobertaModel

    config = json.loads((folder / "config.json").read_text())
    sizes = {name: config[name] for name in ("vocab_size", "hidden_size", "intermediate_size")}
    config = RobertaConfig(
        **sizes, num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=34, type_vocab_size=1
    )
    RobertaModel(config, add_pooling_layer=False).save_pretrained(folder)


@pytest.mark.parametrize("own", [None, {"do_lower_case": False}, {"max_seq_length": 34}])
def test_no_text_is_longer_than_the_positions_of_a_roberta(own, tmp_path):
    folder = build_tiny_encoder(tmp_path / "tiny")
    _roberta(folder)
    file = folder / "sentence_bert_config.json"
    file.write_text(json.dumps(own)) if own is not None else file.unlink()
    encoder = Encoder(read_encoder_folder(folder))
    assert encoder.folder.longest == 32
    long = encoder.embed(["the card " * 60, "the card " * 90])
    np.testing.assert_allclose(long[0], long[1], atol=1e-6)


@pytest.mark.parametrize(("length", "longest"), [(20, 20), (512, 64), (int(1e30), 64)])
def test_a_tokenizers_limit_holds_where_the_encoder_states_none(length, longest, tmp_path):
    folder = build_tiny_encoder(tmp_path / "tiny")
    (folder / "sentence_bert_config.json").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": length}))
    assert read_encoder_folder(folder).longest == longest


def _no_pooling(folder):
    (folder / "1_Pooling" / "config.json").unlink()


def _max_pooling(folder):
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_max_tokens": true}')


def _dense_step(folder):
    steps = json.loads((folder / "modules.json").read_text())
    steps.append({"idx": 3, "path": "3_Dense", "type": "sentence_transformers.models.Dense"})
    (folder / "modules.json").write_text(json.dumps(steps))


def _outside(folder):
    steps = json.loads((folder / "modules.json").read_text())
    steps[1]["path"] = "../1_Pooling"
    (folder / "modules.json").write_text(json.dumps(steps))


def _no_modules(folder):
    (folder / "modules.json").unlink()


def _pickled(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_no_pooling, "nothing says how token vectors are pooled"),
        (_max_pooling, "the pooling pooling_mode_max_tokens is not known"),
        (_dense_step, "the step 'Dense'"),
        (_outside, "nothing says how token vectors are pooled"),
        (_no_modules, "modules.json is missing"),
        (_pickled, "pickled"),
    ],
)
def test_a_folder_that_leaves_a_question_open_is_refused(damage, says, tmp_path):
    folder = build_tiny_encoder(tmp_path / "tiny")
    damage(folder)
    with pytest.raises(ModelError, match=says):
        read_encoder_folder(folder)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"num_hidden_layers": 7}, "tensors are missing and 0 unknown"),
        ({"num_hidden_layers": 1}, "0 tensors are missing and"),
        ({"model_type": "gpt2", "architectures": ["GPT2Model"]}, "tensors are missing"),
    ],
)
def test_weights_of_another_model_are_not_filled_up_with_random_ones(values, says, tmp_path):
    folder = build_tiny_encoder(tmp_path / "tiny")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | values))
    with pytest.raises(ModelError, match=f"not those of the model in config.json: .*{says}"):
        Encoder(read_encoder_folder(folder))


def test_the_fingerprint_is_that_of_what_decides_a_vector(tmp_path):
    first = build_tiny_encoder(tmp_path / "first")
    same = build_tiny_encoder(tmp_path / "same")
    (same / "README.md").write_text("another page")
    other = build_tiny_encoder(tmp_path / "other", pooling="cls")
    prints = [read_encoder_folder(each).fingerprint() for each in (first, same, other)]
    assert prints[0] == prints[1] != prints[2]


def test_texts_are_put_in_lower_case_where_the_publisher_does(tmp_path):
    folder = build_tiny_encoder(tmp_path / "tiny")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps({**tokenizer, "normalizer": None}))
    upper, lower = Encoder(read_encoder_folder(folder)).embed(["My CARD", "my card"])
    settings = json.loads((folder / "sentence_bert_config.json").read_text())
    (folder / "sentence_bert_config.json").write_text(json.dumps({**settings, "do_lower_case": True}))
    found = Encoder(read_encoder_folder(folder)).embed(["My CARD"])[0]
    assert abs(upper - lower).max() > 0.01
    np.testing.assert_allclose(found, lower, atol=1e-6)
