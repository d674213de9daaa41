"""Majority and TF-IDF on small authored data."""

import json
import math
from collections.abc import Sequence

import pytest

from narrowcast.core.message import Message
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.prediction import PromptRequest
from narrowcast.core.settings import Settings
from narrowcast.core.task import TaskSpec
from narrowcast.errors import DataError, UsageError
from narrowcast.models.predictors.base import PredictorContext, TrainingPair
from narrowcast.models.predictors.load import predictor_factory
from narrowcast.tasks import HANDLERS

LABELS = TaskSpec(profile="classification", labels=["card", "fee", "never seen"])
FIELDS = TaskSpec(
    profile="structured_extraction",
    scoring_mode="field_match",
    output_schema={"properties": {"kind": {}, "order": {}, "count": {}, "source": {}}},
)
SPANS = TaskSpec(profile="structured_extraction", scoring_mode="span_set")


def pair(text: str, target: str) -> TrainingPair:
    return TrainingPair((Message("system", "Do it."), Message("user", text)), target)


def load(reference: str, task: TaskSpec, pairs: Sequence[TrainingPair], tmp_path):
    answer = HANDLERS.get(task.profile)(task).answer
    ref = ModelRef(reference)
    context = PredictorContext(
        project=ProjectPaths(tmp_path),
        settings=Settings.from_environment(),
        task=task,
        answer=answer,
        base="none",
        train=lambda: pairs,
    )
    return predictor_factory(ref).load(context, ref.argument)


def ask(predictor, *texts):
    requests = [PromptRequest((Message("system", "Do it."), Message("user", text))) for text in texts]
    return predictor.predict(requests)


CARDS = ["where is my card", "my card is late", "card not here yet", "new card please", "lost the card"]
FEES = ["why this fee", "the fee is wrong", "a fee was charged", "too high a fee"]
INTENTS = [*(pair(text, "card") for text in CARDS), *(pair(text, "fee") for text in FEES)]


def test_majority_repeats_the_most_frequent_label_with_smoothed_shares(tmp_path):
    with load("majority", LABELS, INTENTS, tmp_path) as predictor:
        first, second = ask(predictor, "a fee", "")
    assert first.text == second.text == "card"
    assert {label: math.exp(value) for label, value in first.logprobs.items()} == pytest.approx(
        {"card": 6 / 12, "fee": 5 / 12, "never seen": 1 / 12}
    )


def test_majority_of_fields_is_taken_field_by_field(tmp_path):
    rows = [("billing", "A1"), ("billing", None), ("delivery", None)]
    pairs = [pair("x", json.dumps({"kind": kind, "order": order})) for kind, order in rows]
    with load("majority", FIELDS, pairs, tmp_path) as predictor:
        assert ask(predictor, "y")[0].text == '{"kind": "billing", "order": null}'


@pytest.mark.parametrize("reference", ["tfidf", "tfidf-chars", "svm"])
def test_tfidf_learns_words_and_gives_probabilities(reference, tmp_path):
    with load(reference, LABELS, INTENTS, tmp_path) as predictor:
        card, fee = ask(predictor, "is the card on its way", "what is that fee for")
        assert ask(predictor) == []
    assert (card.text, fee.text) == ("card", "fee")
    assert set(card.logprobs) == set(LABELS.labels)
    assert sum(map(math.exp, card.logprobs.values())) == pytest.approx(1.0, abs=1e-6)
    assert card.text == max(card.logprobs, key=card.logprobs.get)
    assert predictor.note.endswith("features")


def test_characters_read_through_typing_mistakes(tmp_path):
    with load("tfidf-chars", LABELS, INTENTS, tmp_path) as predictor:
        assert [each.text for each in ask(predictor, "crad card?", "feee", "carrd")] == [
            "card",
            "fee",
            "card",
        ]


def test_one_label_in_train_is_the_answer(tmp_path):
    with load("tfidf", LABELS, INTENTS[:3], tmp_path) as predictor:
        assert ask(predictor, "fee")[0].text == "card"


def orders():
    rows = []
    for number in range(60):
        order, count = f"A-{100 + number}", number % 3 + 2
        rows.append(
            ("late", f"my order {order} is late", {"kind": "delivery", "order": order, "count": None})
        )
        rows.append(
            (
                "bill",
                f"I bought {count} and the bill is wrong",
                {"kind": "billing", "order": None, "count": count},
            )
        )
    return [pair(text, json.dumps({**target, "source": "mail"})) for _, text, target in rows]


def test_tfidf_classifies_closed_fields_and_copies_open_ones(tmp_path):
    with load("tfidf", FIELDS, orders(), tmp_path) as predictor:
        late, bill = ask(predictor, "my order A-997 is late", "I bought 3 and the bill is wrong")
    assert json.loads(late.text) == {"kind": "delivery", "order": "A-997", "count": None, "source": "mail"}
    assert json.loads(bill.text) == {"kind": "billing", "order": None, "count": 3, "source": "mail"}
    assert "copied: order" in predictor.note


def test_tfidf_copies_spans_in_the_form_of_the_training_rows(tmp_path):
    pairs = [
        pair(f"table for {count} at {hour} pm", json.dumps({"people": [str(count)], "time": [f"{hour} pm"]}))
        for count in range(2, 9)
        for hour in range(1, 12, 2)
    ] + [pair("thank you", "{}"), pair("hello there", "{}")]
    with load("tfidf", SPANS, pairs, tmp_path) as predictor:
        found, none = ask(predictor, "a table for 9 at 4 pm please", "thank you there")
    assert found.text == '{"people": ["9"], "time": ["4 pm"]}'
    assert none.text == "{}"


@pytest.mark.parametrize("reference", ["majority", "tfidf"])
def test_an_empty_train_split_is_an_error(reference, tmp_path):
    with pytest.raises(DataError, match="train split is empty"):
        load(reference, LABELS, [], tmp_path)


def test_free_text_has_no_linear_baseline(tmp_path):
    with pytest.raises(UsageError, match="no linear baseline"):
        load("tfidf", TaskSpec(profile="chat"), [pair("a", "b")], tmp_path)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("tfid", "no predictor is called"),
        ("run", "needs an argument: the id of a training run"),
        ("gguf:", "needs an argument: a path"),
        ("majority:5", "takes no argument"),
    ],
)
def test_wrong_references_are_refused(reference, message, tmp_path):
    with pytest.raises(UsageError, match=message) as caught:
        load(reference, LABELS, INTENTS, tmp_path)
    assert caught.value.exit_code == 2


@pytest.mark.shared_data
def test_tfidf_on_banking77_reaches_the_known_figure(shared_data, tmp_path):
    """10,003 train and 3,080 test rows of the official split, 77 intents."""
    import csv

    from narrowcast.core.example import Example
    from narrowcast.tasks import handler_for

    splits = {}
    for name in ("train", "test"):
        with (shared_data / "banking77" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            splits[name] = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    task = TaskSpec(profile="classification", labels=sorted({label for _, label in splits["train"]}))
    with load("tfidf", task, [pair(text, label) for text, label in splits["train"]], tmp_path) as predictor:
        predictions = ask(predictor, *(text for text, _ in splits["test"]))
    examples = [Example({"text": text}, label, "s", i) for i, (text, label) in enumerate(splits["test"])]
    scores = handler_for(task).score(examples, predictions)
    assert scores.metrics["macro_f1"] == pytest.approx(0.8945, abs=0.002)
