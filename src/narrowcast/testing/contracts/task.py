"""The contract of a task handler."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from narrowcast.core.example import Example
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.models.predictors.load import PREDICTORS
from narrowcast.tasks import HANDLERS, handler_for
from narrowcast.tasks.base import TaskHandler, TaskScores

_CODE = re.compile(r"[a-z][a-z0-9_]*")
_ODD = ("", " \n", "\x00", "{", "[]", "null", "NaN", '"', "🙂" * 100, "x" * 10_000)


class TaskContract:
    """Fill in a specification with examples that can serve and some that cannot."""

    def spec(self) -> TaskSpec:
        """A specification with all that the handler needs."""
        raise NotImplementedError

    def examples(self) -> list[Example]:
        """Four or more that can serve, with different targets."""
        raise NotImplementedError

    def unusable(self) -> list[Example]:
        """Some that cannot, each for another reason."""
        raise NotImplementedError

    def right(self, handler: TaskHandler, example: Example) -> Prediction:
        """The prediction of a model that answers rightly."""
        return Prediction(handler.to_messages(example.inputs, example.target)[-1].content)

    def wrong(self, handler: TaskHandler, example: Example) -> Prediction:  # noqa: ARG002 - for subclasses
        """The prediction of a model that answers wrongly."""
        return Prediction("")

    def test_it_is_registered(self) -> None:
        """The registry finds the handler by the profile, and its family where it has one."""
        family = HANDLERS.get(self.spec().profile).family
        assert not family or family in HANDLERS, f"there is no task {family!r}"

    def test_examples_are_checked(self) -> None:
        """Those that can serve pass; the others have a reason code."""
        handler = self._handler()
        for example in self.examples():
            assert handler.check(example) is None, f"{example} is rejected: {handler.check(example)}"
        for example in self.unusable():
            code = handler.check(example)
            assert code is not None, f"{example} passes"
            assert _CODE.fullmatch(code), f"{code!r} is not a reason code"

    def test_the_prompt_does_not_depend_on_the_answer(self) -> None:
        """Training shows what evaluation asks, and the assistant's turn after it."""
        handler, again = self._handler(), self._handler()
        for example in self.examples():
            prompt = handler.to_messages(example.inputs)
            *question, answer = handler.to_messages(example.inputs, example.target)
            assert question == prompt, "the target changes the prompt"
            assert answer.role == "assistant", f"the last turn is the {answer.role}'s"
            assert answer.content, "the answer is empty"
            assert again.to_messages(example.inputs) == prompt, "equal inputs have equal prompts"

    def test_any_text_can_be_parsed(self) -> None:
        """A model may write anything; what is not an answer has a reason code."""
        handler = self._handler()
        for text in _ODD:
            error = handler.parse(text).error
            assert error is None or _CODE.fullmatch(error), f"{error!r} is not a reason code"

    def test_right_answers_are_right(self) -> None:
        """Every row is, and the release gates of the task pass."""
        scores = self._scores(right=True)
        wrong = [row for row in scores.rows if not row.correct]
        assert not wrong, f"counted as wrong: {wrong}"
        for gate in self._handler().default_gates():
            assert gate.metric in scores.metrics, f"the gate {gate.gate_id} needs {gate.metric}"
            value = scores.metrics[gate.metric]
            passes = value >= gate.threshold if gate.operator == "gte" else value <= gate.threshold
            assert passes, f"right answers do not pass the gate {gate.gate_id}: {gate.metric} is {value}"

    def test_right_answers_score_higher_than_wrong_ones(self) -> None:
        """By the metric that decides."""
        right, wrong = self._scores(right=True), self._scores(right=False)
        assert right.primary in right.metrics, f"{right.primary} is not among the metrics"
        assert right.metrics[right.primary] > wrong.metrics[right.primary], f"{right.primary} is not higher"
        assert not any(row.correct for row in wrong.rows), "wrong answers count as right"

    def test_each_example_has_one_outcome(self) -> None:
        """In the order of the examples."""
        ids = [row.example_id for row in self._scores(right=True).rows]
        assert ids == [example.id for example in self.examples()], f"outcomes are of {ids}"

    def test_rows_can_be_drawn_again(self) -> None:
        """The bootstrap draws rows; all rows once give the metrics, in any order."""
        import numpy as np

        for right in (True, False):
            scores = self._scores(right=right)
            every = np.arange(len(scores.rows))
            for drawn in (every, every[::-1]):
                _assert_equal(scores.resample(drawn), scores.metrics)
            few = scores.resample(np.zeros(len(every), dtype=np.int64))
            assert set(few) == set(scores.metrics), f"another draw has the metrics {sorted(few)}"

    def test_generated_rows_become_the_examples_they_were_written_from(self) -> None:
        """Where a teacher can write rows: they fit their schema, and reading inverts writing."""
        from jsonschema import Draft202012Validator

        shape = self._handler().row_shape()
        if shape is None:
            return
        for example in self.examples():
            row = shape.write(example.inputs, example.target)
            Draft202012Validator(shape.schema).validate(row)
            inputs, target = shape.read(row)
            assert self._handler().check(Example(inputs, target)) is None, f"{row} cannot serve"
            assert shape.write(inputs, target) == row, f"{row} does not survive reading"

    def test_its_baselines_exist(self) -> None:
        """Each names a registered predictor."""
        for name in self._handler().baselines:
            assert name.partition(":")[0] in PREDICTORS, f"there is no predictor {name}"

    def _handler(self) -> TaskHandler:
        return handler_for(self.spec())

    def _scores(self, *, right: bool) -> TaskScores:
        handler, examples = self._handler(), self.examples()
        answer = self.right if right else self.wrong
        predictions: Sequence[Prediction] = [answer(handler, example) for example in examples]
        return handler.score(examples, predictions)


def _assert_equal(found: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
    assert set(found) == set(metrics), f"{sorted(found)} are not the metrics {sorted(metrics)}"
    for name, value in metrics.items():
        same = math.isclose(found[name], value, abs_tol=1e-12) or (
            math.isnan(found[name]) and math.isnan(value)
        )
        assert same, f"{name} is {found[name]} over all rows, {value} among the metrics"
