"""Answering from passages, preferences, rewriting, and rows that wait for a label."""

import math

import pytest

from narrowcast.core.example import Example
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.errors import StageError, UsageError
from narrowcast.tasks import handler_for
from narrowcast.tasks.prompt import request_for

RAG = handler_for(TaskSpec(profile="rag"))
PAIR = handler_for(TaskSpec(profile="alignment"))
INPUTS = {"contexts": ["Paris is in France.", "Rome is in Italy."], "question": "Where is Rome?"}
PREFERENCE = {"chosen": "Please wait.", "rejected": "Wait!"}


def test_passages_are_numbered_and_the_question_comes_last() -> None:
    messages = RAG.to_messages(INPUTS, {"answers": ["Italy", "in Italy"]})
    assert (
        messages[1].content == "[1] Paris is in France.\n\n[2] Rome is in Italy.\n\nquestion: Where is Rome?"
    )
    assert messages[-1].content == "Italy"


@pytest.mark.parametrize(
    ("answer", "f1", "grounded"),
    [("Italy", 1.0, 1.0), ("in Spain", 0.0, 0.5), ("Italy of course", 0.5, 1 / 3), ("", 0.0, 0.0)],
)
def test_words_from_elsewhere_lower_the_grounding(answer: str, f1: float, grounded: float) -> None:
    metrics = RAG.score([Example(INPUTS, "Italy", "s", 0)], [Prediction(answer)]).metrics
    assert metrics["token_f1"] == pytest.approx(f1)
    assert metrics["k_precision"] == pytest.approx(grounded)


def test_rag_turns_rows_away_by_name() -> None:
    assert RAG.check(Example({**INPUTS, "contexts": []}, "x", "s", 0)) == "contexts_missing"
    assert RAG.check(Example({**INPUTS, "question": " "}, "x", "s", 0)) == "empty_input"
    assert RAG.check(Example(INPUTS, " ", "s", 0)) == "target_empty"
    assert RAG.check(Example(INPUTS, "Italy", "s", 0)) is None


def test_preferences_are_judged_by_probabilities_of_both_answers() -> None:
    inputs = {"prompt": "Say it politely.", "input": "Wait!"}
    request = request_for(PAIR, inputs, target=PREFERENCE)
    assert request.messages[-1].content == "Say it politely.\n\nWait!"
    assert request.labels == ("Please wait.", "Wait!")
    rows = [Example(inputs, PREFERENCE, "s", n) for n in range(2)]
    given = [
        Prediction("Please wait.", logprobs={"Please wait.": math.log(0.8), "Wait!": math.log(0.2)}),
        Prediction("Wait!", logprobs={"Please wait.": math.log(0.2), "Wait!": math.log(0.8)}),
    ]
    scores = PAIR.score(rows, given)
    assert scores.metrics == {"preference_accuracy": 0.5, "margin": pytest.approx(0.0)}
    assert [row.correct for row in scores.rows] == [True, False]
    with pytest.raises(StageError, match="no probabilities"):
        PAIR.score(rows[:1], [Prediction("Please wait.")])


def test_a_preference_pair_trains_on_the_chosen_answer() -> None:
    assert PAIR.to_messages({"prompt": "Say it."}, PREFERENCE)[-1].content == "Please wait."
    assert PAIR.check(Example({"prompt": "x"}, {"chosen": "a", "rejected": "a "}, "s", 0)) == "equal_answers"
    assert PAIR.check(Example({"prompt": "x"}, "a", "s", 0)) == "target_not_a_pair"
    assert PAIR.check(Example({"prompt": "x"}, PREFERENCE, "s", 0)) is None


def test_only_a_preference_shows_its_answers_to_the_question() -> None:
    assert request_for(RAG, INPUTS, target="Italy").labels is None


def test_rows_without_answers_are_neither_prepared_nor_scored() -> None:
    handler = handler_for(TaskSpec(profile="unlabelled"))
    row = Example({"text": "x"}, "", "s", 0)
    assert handler.check(row) == "unlabelled"
    with pytest.raises(UsageError, match="without answers"):
        handler.score([row], [Prediction("x")])


def test_rewriting_has_an_instruction_of_its_own() -> None:
    handler = handler_for(TaskSpec(profile="seq2seq"))
    assert handler.to_messages({"text": "a"}, "b")[0].content.startswith("Rewrite the text.")
    assert handler.score([Example({"text": "a"}, "b", "s", 0)], [Prediction("b")]).metrics["rouge_l"] == 1.0
