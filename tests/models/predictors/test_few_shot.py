from collections.abc import Sequence

import pytest

from narrowcast.core.message import Message
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.names import AnswerKind
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.prediction import Prediction, PromptRequest
from narrowcast.core.settings import Settings
from narrowcast.errors import ModelError
from narrowcast.models.predictors.base import PredictorContext, TrainingPair
from narrowcast.models.predictors.few_shot import ShotPredictor, with_nearest
from narrowcast.models.predictors.load import fingerprint
from narrowcast.models.predictors.retrieval import nearest_rows
from narrowcast.models.predictors.shots import ShotPrompts, draw_shots, the_same
from narrowcast.testing.tiny import build_tiny_encoder, build_tiny_model
from tests.models.predictors.test_fitted_baselines import INTENTS, LABELS, ask


def pair(text: str, target: str) -> TrainingPair:
    return TrainingPair((Message("system", "Classify."), Message("user", text)), target)


PAIRS = [pair(f"{label} {number}", label) for label in ("a", "b", "c") for number in range(9)]


def fitted_context(folder, base: str) -> PredictorContext:
    return PredictorContext(
        project=ProjectPaths(folder),
        settings=Settings.from_environment(),
        task=LABELS,
        answer=AnswerKind.LABEL,
        base=base,
        train=lambda: INTENTS,
        shots=3,
    )


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


def test_the_nearest_rows_come_from_train_the_nearest_next_to_the_question(tmp_path):
    base, encoder = (
        build_tiny_model(tmp_path / "base", context=2048),
        build_tiny_encoder(tmp_path / "encoder"),
    )
    context = fitted_context(tmp_path, str(base))
    seen = {}
    for by in ("tfidf", str(encoder)):
        choose = nearest_rows(by, INTENTS, context)
        prompts = ShotPrompts(choose, (), characters, 2000, best_last=True)
        request = PromptRequest((Message("system", "Do it."), Message("user", "why was a fee charged")))
        turns = prompts.of([request, request])[1].messages
        assert turns[-1].content == "why was a fee charged"
        shots = [turn.content for turn in turns[1:-1:2]]
        assert len(shots) == context.shots == 3
        assert set(shots) <= {each.text for each in INTENTS}
        assert {each.text: each.target for each in INTENTS}[shots[-1]] == turns[-2].content
        seen[by] = shots
    assert seen["tfidf"][-1] == "a fee was charged"
    with with_nearest(context, "tfidf") as predictor:
        texts = ["where is my card", "a fee was charged", "where is my card"]
        answers = ask(predictor, *texts)
        assert answers[0].text == answers[2].text
        assert predictor.note == "3 shots, labels listed"
        assert predictor.predict([]) == []


def test_what_the_nearest_rows_are_found_by_is_part_of_the_fingerprint(tmp_path):
    base = build_tiny_model(tmp_path / "base")
    encoders = [build_tiny_encoder(tmp_path / f"encoder {seed}", seed=seed) for seed in (0, 1)]
    context = fitted_context(tmp_path, str(base))
    names = ["base-few-shot", "base-retrieval:tfidf", *(f"base-retrieval:{each}" for each in encoders)]
    assert len({fingerprint(ModelRef(each), context) for each in names}) == 4
    with pytest.raises(ModelError, match="minilm is not on this machine"):
        fingerprint(ModelRef("base-retrieval:minilm"), context)
