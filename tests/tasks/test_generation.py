import pytest

from narrowcast.core.example import Example
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.tasks import handler_for

QA = handler_for(TaskSpec(profile="qa"))
TEXT = handler_for(TaskSpec(profile="instruction"))
CHAT = handler_for(TaskSpec(profile="chat"))


def score(handler, target, answer):
    return handler.score([Example({"text": "q"}, target, "s", 0)], [Prediction(answer)]).metrics


@pytest.mark.parametrize(
    ("answer", "exact", "f1"),
    [
        ("The Eiffel Tower!", 1.0, 1.0),
        ("eiffel tower in Paris", 0.0, 2 * 2 / 6),
        ("Louvre", 0.0, 0.0),
        ("", 0.0, 0.0),
        ("Tower of Paris", 1.0, 1.0),
    ],
)
def test_qa_is_scored_like_squad_against_the_best_answer(answer, exact, f1):
    metrics = score(QA, {"answers": ["Eiffel Tower", "the tower of Paris"]}, answer)
    assert metrics["exact_match"] == exact
    assert metrics["token_f1"] == pytest.approx(f1)


def test_qa_learns_its_first_answer_and_shows_question_and_context():
    messages = QA.to_messages(
        {"context": "Paris is big.", "question": "What is big?"}, {"answers": ["Paris"]}
    )
    assert messages[1].content == "context: Paris is big.\n\nquestion: What is big?"
    assert messages[-1].content == "Paris"


def test_text_metrics_come_from_the_standard_libraries():
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import CHRF

    reference, answer = "the cat sat on the mat", "a cat sat on a mat"
    metrics = score(TEXT, reference, answer)
    assert metrics["rouge_l"] == RougeScorer(["rougeL"]).score(reference, answer)["rougeL"].fmeasure
    assert metrics["chrf"] == CHRF().sentence_score(answer, [reference]).score / 100
    assert score(TEXT, reference, reference)["rouge_l"] == 1.0
    assert score(TEXT, reference, " ")["answer_rate"] == 0.0


def test_a_conversation_keeps_its_turns():
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    messages = CHAT.to_messages({"messages": turns}, "Hello.")
    assert [(each.role, each.content) for each in messages] == [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Hello."),
    ]


def test_check_refuses_empty_targets():
    assert TEXT.check(Example({"text": "a"}, " ")) == "target_empty"
    assert QA.check(Example({"question": "a"}, {"answers": []})) == "target_empty"
    assert QA.check(Example({"question": ""}, "b")) == "empty_input"
