"""GLiNER as a baseline: the real library with a tiny model where it is installed; else what is said."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from narrowcast.errors import MissingExtraError, ModelError, UsageError
from narrowcast.models.extractors.spans import TaggedSpan
from narrowcast.models.predictors import gliner as module
from narrowcast.models.predictors.gliner import GlinerTagger, spoken
from narrowcast.testing.tiny import word_pieces
from tests.models.predictors.test_fitted_baselines import (
    FIELDS,
    INTENTS,
    LABELS,
    SPANS,
    ask,
    load,
    orders,
    pair,
)

INSTALLED = find_spec("gliner") is not None
PAIRS = [
    pair(f"book for {n % 8 + 1} at {n % 12 + 1} pm", json.dumps({"people_count": [str(n % 8 + 1)]}))
    for n in range(24)
]


@pytest.mark.skipif(INSTALLED, reason="GLiNER is installed")
def test_without_the_package_the_command_that_brings_it_is_named(tmp_path):
    with pytest.raises(MissingExtraError) as caught:
        load("gliner:urchade/gliner_small-v2.1", SPANS, PAIRS, tmp_path)
    assert caught.value.next_command == "pip install --no-deps gliner sentencepiece"


@pytest.mark.parametrize(
    ("kind", "words"),
    [("people_count", "people count"), ("peopleCount", "people count"), ("PER", "per"), ("--", "--")],
)
def test_types_are_asked_for_as_words(kind, words):
    assert spoken(kind) == words


def test_other_tasks_are_refused(tmp_path):
    with pytest.raises(UsageError, match="nothing to tag"):
        load("gliner:any", LABELS, INTENTS, tmp_path)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GLiNER of the real library with random weights."""
    gliner = pytest.importorskip("gliner")
    import torch
    import transformers

    folder = tmp_path_factory.mktemp("gliner")
    tokens = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "pad", "cls", "sep", "mask")}
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=word_pieces(), **tokens)
    tokenizer.save_pretrained(folder / "backbone")
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=256,
        initializer_range=0.3,
    )
    torch.manual_seed(0)
    transformers.BertModel(config).save_pretrained(folder / "backbone")
    own = gliner.GLiNERConfig(
        model_name=str(folder / "backbone"), hidden_size=32, max_width=4, max_len=64, span_mode="markerV0"
    )
    gliner.GLiNER.from_config(own).save_pretrained(folder / "model", safe_serialization=True)
    return folder / "model"


@pytest.mark.filterwarnings("default")
def test_spans_are_pieces_of_the_message_by_the_tasks_own_types(tiny, tmp_path):
    with load(f"gliner:{tiny}", SPANS, PAIRS, tmp_path) as predictor:
        texts = ["book for 3 at 7 pm", "", "größer 🎉 für 5"]
        answers = ask(predictor, *texts)
        assert [each.text for each in ask(predictor, *texts)] == [each.text for each in answers]
        assert predictor.size_bytes == (tiny / "model.safetensors").stat().st_size
        assert "spans from a score of" in predictor.note
    assert answers[1].text == "{}"
    for text, each in zip(texts, answers, strict=True):
        for kind, pieces in json.loads(each.text).items():
            assert kind == "people_count"
            assert all(piece in text for piece in pieces)


@pytest.mark.filterwarnings("default")
def test_copied_fields_are_looked_for_and_closed_ones_classified(tiny, tmp_path):
    with load(f"gliner:{tiny}", FIELDS, orders(), tmp_path) as predictor:
        answers = ask(predictor, "my order A-977 is late", "I bought 3 and the bill is wrong")
    assert [json.loads(each.text)["kind"] for each in answers] == ["delivery", "billing"]
    assert all("order" in json.loads(each.text) for each in answers)


@pytest.mark.filterwarnings("default")
def test_what_is_not_a_model_is_said(tiny, tmp_path):
    with pytest.raises(ModelError, match=r"gliner_config\.json or .* is missing"):
        module._weights(tmp_path)
    with pytest.raises(ModelError) as caught:
        load("gliner:nobody/nothing", SPANS, PAIRS, tmp_path)
    assert caught.value.next_command == "hf download nobody/nothing"


@pytest.mark.filterwarnings("default")
def test_the_least_score_is_the_best_on_train_rows(tiny):
    from gliner import GLiNER

    model = GLiNER.from_pretrained(str(tiny), local_files_only=True).eval()
    texts = [each.text for each in PAIRS]
    scored = [
        max(row, key=lambda each: each["score"]) for row in model.inference(texts, ["x"], threshold=0.0)
    ]
    likeliest = [[TaggedSpan("x", each["start"], each["end"])] for each in scored]
    chosen = GlinerTagger(model, texts, likeliest)
    reached = {score: module._agreement(chosen._scored(texts), likeliest, score) for score in module._SCORES}
    assert reached[chosen.least] == max(reached.values())
    assert all(span.kind == "x" for row in chosen.spans(texts) for span in row)
