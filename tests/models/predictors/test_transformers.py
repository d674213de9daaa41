"""Batched answers equal answers given alone; trie scores equal scores computed label by label."""

from __future__ import annotations

import random

import pytest
import torch

from narrowcast.core.message import Message
from narrowcast.core.prediction import PromptRequest
from narrowcast.core.settings import Settings
from narrowcast.errors import ModelError
from narrowcast.models.chat import render_completion, render_prompt
from narrowcast.models.loading import load_model, load_tokenizer, resolve_base
from narrowcast.models.predictors.label_scores import TrieScorer
from narrowcast.models.predictors.label_trie import build_trie
from narrowcast.models.predictors.plain_scores import PlainScorer
from narrowcast.models.predictors.prefill import Reader
from narrowcast.models.predictors.transformers import TransformersPredictor
from narrowcast.testing.tiny import build_tiny_model

pytestmark = pytest.mark.nightly

LABELS = (
    "card_arrival", "card_linking", "card", "exchange_rate", "exchange_via_app", "refund",
    "refund_not_showing_up", "fee", "a", "ab", "abc", "declined_card_payment", "declined_transfer",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=["qwen3", "llama"])
def loaded(request, tmp_path_factory):
    folder = build_tiny_model(tmp_path_factory.mktemp("tiny") / request.param, family=request.param, seed=3)
    base = resolve_base(str(folder), Settings.from_environment())
    model = load_model(base)
    with torch.no_grad():  # sharper than random weights are, so that the search has something to leave out
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.mul_(4.0)
    return model, load_tokenizer(base)


def questions(count: int, seed: int = 0) -> list[tuple[Message, ...]]:
    draw = random.Random(seed)
    words = ["please", "where", "is", "my", "card", "exchange", "rate", "refund", "ümlaut", "12", "?"]
    texts = [" ".join(draw.choices(words, k=draw.randint(1, 30))) for _ in range(count)]
    return [(Message("system", "Classify the message."), Message("user", text)) for text in texts]


def predictor(loaded, **fields) -> TransformersPredictor:
    model, tokenizer = loaded
    return TransformersPredictor("tiny", model, tokenizer, size_bytes=None, precision="fp32", **fields)


def test_batched_generation_equals_one_by_one(loaded):
    requests = [
        PromptRequest(turns, max_tokens=limit)
        for turns, limit in zip(questions(17), range(3, 20), strict=True)
    ]
    with predictor(loaded) as together:
        batched = together.predict(requests)
        alone = [together.predict([request])[0] for request in requests]
        expected = [_reference(loaded, request) for request in requests]
    assert [each.text for each in batched] == [each.text for each in alone] == [text for text, _ in expected]
    assert [each.finish for each in batched] == [finish for _, finish in expected]
    assert {each.finish for each in batched} >= {"length"}


def _reference(loaded, request: PromptRequest) -> tuple[str, str]:
    """transformers' own generate, one row, no padding."""
    model, tokenizer = loaded
    ids = torch.tensor([render_prompt(tokenizer, request.messages)])
    out = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=request.max_tokens,
        do_sample=False,
        eos_token_id=2,
        pad_token_id=0,
    )[0, ids.shape[1] :].tolist()
    ended = out[-1] == 2
    return tokenizer.decode(
        out[:-1] if ended else out, skip_special_tokens=True
    ), "stop" if ended else "length"


def test_a_model_that_ends_its_turn_is_said_to_stop(loaded):
    _, tokenizer = loaded
    with predictor(loaded) as found:
        request = PromptRequest(questions(1)[0], max_tokens=8)
        found._stops = frozenset(range(len(tokenizer)))  # whatever comes first ends the turn
        (answer,) = found.predict([request])
    assert (answer.text, answer.tokens, answer.finish) == ("", 0, "stop")


def test_trie_scores_equal_label_by_label_scores(loaded):
    model, tokenizer = loaded
    prompts = [render_prompt(tokenizer, turns) for turns in questions(9)]
    answers = [render_completion(tokenizer, label) for label in LABELS]
    reader = Reader(model, 0, bf16=False)
    whole = TrieScorer(reader, build_trie(answers), margin=float("inf")).score(prompts)
    plain = PlainScorer(reader, answers).score(prompts)
    pruned = TrieScorer(reader, build_trie(answers), margin=12.0, whole=4).score(prompts)
    reader.close()
    torch.testing.assert_close(whole, plain, rtol=1e-5, atol=1e-4)
    reached = plain >= plain.amax(1, keepdim=True) - 12.0
    torch.testing.assert_close(pruned[reached], plain[reached], rtol=1e-5, atol=1e-4)
    assert bool((pruned[~reached] > plain[~reached] + 0.1).any())  # something was left out
    best = plain.amax(1, keepdim=True).expand_as(plain)
    assert bool((pruned[~reached] < best[~reached] - 12.0 + 1e-3).all())  # and stays out
    torch.testing.assert_close(pruned.softmax(-1), plain.softmax(-1), rtol=1e-3, atol=1e-4)


def test_label_predictions_are_normalised_and_in_order(loaded):
    requests = [PromptRequest(turns, labels=LABELS) for turns in questions(70)]
    with predictor(loaded) as found:
        predictions = found.predict(requests)
        alone = found.predict(requests[41:42])[0]
    for each in predictions:
        assert sum(torch.tensor(list(each.logprobs.values())).exp()).item() == pytest.approx(1.0, abs=1e-5)
        assert each.text == max(each.logprobs, key=each.logprobs.get)
    assert alone.text == predictions[41].text
    assert alone.logprobs == pytest.approx(predictions[41].logprobs, abs=1e-3)


def test_mixed_requests_come_back_in_order(loaded):
    turns = questions(6)
    requests = [
        PromptRequest(each, labels=LABELS if number % 2 else None, max_tokens=4)
        for number, each in enumerate(turns)
    ]
    with predictor(loaded) as found:
        kinds = [each.logprobs is not None for each in found.predict(requests)]
    assert kinds == [False, True] * 3


def test_a_prompt_that_fills_the_context_is_refused(loaded):
    with predictor(loaded) as found, pytest.raises(ModelError, match="leaves no room") as caught:
        found.predict([PromptRequest((Message("user", "card " * 600),))])
    assert caught.value.reason_code == "model_prompt_too_long"


def test_labels_that_read_alike_are_refused():
    with pytest.raises(ModelError, match="same tokens"):
        build_trie([[5, 2], [5, 2]])
