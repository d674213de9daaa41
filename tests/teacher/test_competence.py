"""A teacher or judge answers ten questions before it is paid for anything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from narrowcast.errors import StageError
from narrowcast.pipeline.project import Project
from narrowcast.teacher.competence import PASS_MARK, Question, questions
from tests.support.factory import ONE_ROW, Teachers, declare_labels, generate, judge, write_plan


@pytest.fixture
def teachers(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Teachers]:
    declare_labels(project, ["billing", "shipping"])
    write_plan(project, ONE_ROW)
    started = Teachers(project, monkeypatch)
    yield started
    started.close()


def _codes(project: Project) -> list[str]:
    return [event.reason_code for event in project.trail.events()]


def test_a_teacher_is_asked_once_and_its_cost_is_in_an_event(project: Project, teachers: Teachers) -> None:
    server = teachers.start()
    result = generate(project, price_prompt=1.0, price_completion=2.0)
    assert len(server.checks) == 10
    assert result.record.spending.calls == 1
    event = next(each for each in project.trail.events() if each.reason_code == "factory_teacher_checked")
    assert (event.payload["right"], event.payload["passed"], event.payload["model"]) == (10, True, "counting")
    assert event.payload["tokens"] > 100
    assert event.payload["cost"] > 0
    assert server.url not in str(event.payload)
    generate(project, seed=1)
    assert len(server.checks) == 10
    other = teachers.start(model="another")
    generate(project, seed=2)
    assert len(other.checks) == 10


def test_a_kept_outcome_that_is_damaged_is_asked_for_again(project: Project, teachers: Teachers) -> None:
    server = teachers.start()
    generate(project)
    for text in ("{", '{"right": 10}'):
        (kept,) = (project.settings.home / "teachers").iterdir()
        kept.write_text(text)
        generate(project, seed=len(text))
        assert '"passed": true' in kept.read_text()
    assert len(server.checks) == 10  # stored answers are not paid again


def test_a_teacher_that_fails_is_refused_unless_forced(project: Project, teachers: Teachers) -> None:
    server = teachers.start(competence=lambda question: f"The answer to {question.prompt} is 7.")
    with pytest.raises(StageError, match="answered 0 of 10 questions rightly; 8 are needed") as refused:
        generate(project)
    assert "--force" in refused.value.next_command
    assert server.bodies == []
    with pytest.raises(StageError, match="answered 0 of 10"):
        generate(project)
    assert len(server.checks) == 10  # not asked again
    assert generate(project, force=True).record.rows == 1
    assert "factory_teacher_forced" in _codes(project)


def test_a_judge_that_always_takes_the_second_place_is_refused(project: Project, teachers: Teachers) -> None:
    teachers.start()
    generate(project)
    judged = teachers.start(
        competence=lambda question: "B" if question.answer in ("A", "B") else question.answer
    )
    with pytest.raises(StageError, match="the judge counting answered 7 of 10"):
        judge(project)
    assert len(judged.checks) == 10


def test_a_cap_that_is_too_small_for_the_questions_is_said(project: Project, teachers: Teachers) -> None:
    server = teachers.start()
    with pytest.raises(StageError, match="leaves no room for the 10 questions"):
        generate(project, price_prompt=1e6, price_completion=1e6, cap_cost=0.01)
    assert server.checks == []


def test_what_other_models_answered_does_not_count_against_the_cap(
    project: Project, teachers: Teachers
) -> None:
    for number in range(5):  # each thinks aloud, some 500 tokens a question
        teachers.start(model=f"model {number}", competence=lambda _: "word " * 400)
        with pytest.raises(StageError, match="answered 0 of 10"):
            generate(project, seed=number)


def test_a_model_whose_outcome_cannot_be_read_is_asked_again(project: Project, teachers: Teachers) -> None:
    server = teachers.start()
    generate(project)
    (kept,) = (project.settings.home / "teachers").glob("*.json")
    kept.write_text("{torn")
    generate(project, seed=1)
    assert len(server.checks) == 10  # its answers are in the project
    assert '"passed"' in kept.read_text()


_SPELLINGS: list[tuple[str, Callable[[str], str]]] = [
    ("with a full stop", lambda text: f" {text}.\n" if not text.startswith("{") else text),
    ("after a thought", lambda text: f"<think>{{1}} or A?</think>\n{text}"),
    ("in a fence", lambda text: f"```json\n{text}\n```" if text.startswith("{") else text),
]


@pytest.mark.parametrize(("name", "spell"), _SPELLINGS)
def test_right_answers_are_taken_in_usual_spellings(name: str, spell: Callable[[str], str]) -> None:
    for role in ("teacher", "judge"):
        wrong = [each.prompt for each in questions(role) if not each.is_right(spell(each.answer))]  # type: ignore[arg-type]
        assert not wrong, name


@pytest.mark.parametrize("answer", ["", "I cannot answer that.", "B", "A", "billing", "43", "{}", "[]", "{"])
def test_no_single_answer_passes(answer: str) -> None:
    for role in ("teacher", "judge"):
        asked: tuple[Question, ...] = questions(role)  # type: ignore[arg-type]
        assert sum(each.is_right(answer) for each in asked) < PASS_MARK


def test_an_answer_nested_without_end_is_wrong() -> None:
    (question,) = [each for each in questions("teacher") if '"city"' in each.prompt]
    assert not question.is_right('{"a":' * 100_000 + "1" + "}" * 100_000)


def test_a_kept_outcome_passes_by_what_was_answered(project: Project, teachers: Teachers) -> None:
    teachers.start(competence=lambda question: f"The answer to {question.prompt} is 7.")
    with pytest.raises(StageError, match="0 of 10 questions"):
        generate(project)
    (kept,) = (project.settings.home / "teachers").iterdir()
    kept.write_text(kept.read_text().replace('"passed": false', '"passed": true'))
    with pytest.raises(StageError, match="0 of 10 questions"):
        generate(project)
