from collections.abc import Sequence

from narrowcast.core.message import Message
from narrowcast.core.prediction import Prediction, PromptRequest
from narrowcast.models.predictors.base import TrainingPair
from narrowcast.models.predictors.few_shot import ShotPredictor
from narrowcast.models.predictors.shots import ShotPrompts, draw_shots, the_same


def pair(text: str, target: str) -> TrainingPair:
    return TrainingPair((Message("system", "Classify."), Message("user", text)), target)


PAIRS = [pair(f"{label} {number}", label) for label in ("a", "b", "c") for number in range(9)]


class Recorder:
    """Answers nothing of interest and keeps the prompts; stands where a model would."""

    name, size_bytes = "base", 7

    def __init__(self):
        self.seen: list[PromptRequest] = []

    def predict(self, requests: Sequence[PromptRequest]) -> list[Prediction]:
        self.seen += requests
        return [Prediction("a") for _ in requests]

    def close(self):
        self.seen.clear()


def characters(messages):
    return sum(len(message.content) for message in messages)


def wrapped(context_length=2000, labels=("a", "b", "c"), count=4):
    return ShotPrompts(the_same(draw_shots(PAIRS, count, 0)), labels, characters, context_length)


def question(text="q", max_tokens=10):
    return PromptRequest((Message("system", "Classify."), Message("user", text)), max_tokens)


def test_a_choice_needs_room_for_its_longest_label_alone():
    request = PromptRequest((Message("user", "q"),), 10_000, ("a", "longest"))
    assert len(wrapped(context_length=200).of([request])[0].messages) == 10


def test_shots_are_reproducible_and_spread_over_the_answers():
    shots = draw_shots(PAIRS, 6, seed=1)
    assert shots == draw_shots(PAIRS, 6, seed=1)
    assert shots != draw_shots(PAIRS, 6, seed=2)
    assert sorted(shot.target for shot in shots) == ["a", "a", "b", "b", "c", "c"]
    assert len({shot.text for shot in shots}) == 6


def test_the_most_frequent_answers_come_first_where_not_all_fit():
    pairs = [*PAIRS, pair("b more", "b")]
    assert [shot.target for shot in draw_shots(pairs, 1, 0)] == ["b"]


def test_shots_of_answers_that_never_repeat_are_drawn_at_random():
    pairs = [pair(f"text {number}", f"answer {number}") for number in range(50)]
    drawn = {draw_shots(pairs, 3, seed)[0].target for seed in range(20)}
    assert len(drawn) > 5
    assert len(draw_shots(pairs[:2], 8, 0)) == 2


def test_the_prompt_is_system_shots_question():
    request = wrapped().of([question("where?")])[0]
    system, *turns = request.messages
    assert system.content == "Classify.\nLabels: a, b, c"
    assert [turn.role for turn in turns] == ["user", "assistant"] * 4 + ["user"]
    assert turns[-1].content == "where?"
    train = {(each.text, each.target) for each in PAIRS}
    assert all(
        (ask.content, answer.content) in train for ask, answer in zip(turns[:-1:2], turns[1::2], strict=True)
    )
    assert (request.labels, request.max_tokens) == (None, 10)


def test_all_questions_share_the_same_beginning():
    model = Recorder()
    predictor = ShotPredictor("base-few-shot", model, wrapped())
    predictor.predict([question("one"), question("two")])
    first, second = model.seen
    assert first.messages[:-1] == second.messages[:-1]


def test_labels_are_listed_once():
    listed = PromptRequest((Message("system", "Pick.\nLabels: a, b, c"), Message("user", "q")))
    assert wrapped().of([listed])[0].messages[0].content == "Pick.\nLabels: a, b, c"


def test_a_long_question_gets_fewer_shots_never_a_cut_one():
    prompts = wrapped(context_length=120)
    assert len(prompts.of([question("q")])[0].messages) == 10
    request = prompts.of([question("q" * 75)])[0]
    assert characters(request.messages) + request.max_tokens <= 120
    assert 2 <= len(request.messages) < 10
    assert request.messages[-1].content == "q" * 75
    assert prompts.note.startswith(f"{(len(request.messages) - 2) // 2} to 4 shots")


def test_a_label_list_beyond_half_the_context_is_left_out_and_said():
    prompts = wrapped(context_length=20)
    assert "Labels" not in prompts.of([question()])[0].messages[0].content
    assert prompts.note.endswith("no label list")
