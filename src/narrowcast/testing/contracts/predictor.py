"""The contract of a predictor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from narrowcast.core.example import Example
from narrowcast.core.hashing import content_hash
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.prediction import Prediction, PromptRequest
from narrowcast.core.settings import Settings
from narrowcast.core.task import TaskSpec
from narrowcast.models.predictors.base import Predictor, PredictorContext, TrainingPair
from narrowcast.models.predictors.load import PREDICTORS, fingerprint, predictor_factory
from narrowcast.tasks import handler_for
from narrowcast.tasks.prompt import request_for
from narrowcast.testing.contracts.refusals import refusal


class PredictorContract:
    """Fill in a reference, and a small task that it can answer."""

    reference: ClassVar[str]
    """`NAME`, or `NAME:ARGUMENT`."""
    other: ClassVar[str] = ""
    """The same name with an argument that changes the answers, where it takes one."""
    wrong: ClassVar[str] = ""
    """The same name with an argument that cannot be used, where there is one."""
    fitted: ClassVar[bool] = True
    """Whether the answers depend on the train split."""

    def spec(self) -> TaskSpec:
        """The task."""
        raise NotImplementedError

    def examples(self) -> list[Example]:
        """Eight or more rows of it; they are the train split, and are asked as well."""
        raise NotImplementedError

    def test_it_is_registered_with_what_its_argument_means(self, tmp_path: Path) -> None:
        """An argument that is missing, or not wanted, is refused."""
        name, _, argument = self.reference.partition(":")
        assert bool(PREDICTORS.get(name).argument) == bool(argument), "see PredictorFactory.argument"
        for text in (name if argument else f"{name}:argument", self.wrong):
            error = refusal(partial(self._predictions, tmp_path, text)) if text else None
            assert error is not None or not text, f"{text} is accepted"

    def test_one_answer_for_each_question_in_order(self, tmp_path: Path) -> None:
        """Whatever else is in the batch; a second predictor of the same content answers the same."""
        together = self._predictions(tmp_path, self.reference)
        requests = self._requests()
        assert len(together) == len(requests), f"{len(together)} answers to {len(requests)} questions"
        with self._open(tmp_path, self.reference) as predictor:
            assert predictor.predict([]) == [], "no question, no answer"
            alone = [predictor.predict([request])[0] for request in reversed(requests)]
        texts = [each.text for each in together]
        assert texts == [each.text for each in reversed(alone)], "the batch changes answers"

    def test_answers_are_well_formed(self, tmp_path: Path) -> None:
        """Probabilities of a closed label set add up to one, and the likeliest label is the answer."""
        for request, each in zip(self._requests(), self._predictions(tmp_path, self.reference), strict=True):
            assert isinstance(each.text, str), f"the answer {each.text!r} is not a text"
            assert each.finish in ("stop", "length"), f"finish is {each.finish!r}"
            assert each.latency_s >= 0, f"latency is {each.latency_s}"
            assert each.tokens >= 0, f"tokens are {each.tokens}"
            if each.logprobs is not None and request.labels:
                assert set(each.logprobs) == set(request.labels), f"labels are {sorted(each.logprobs)}"
                total = sum(map(math.exp, each.logprobs.values()))
                assert math.isclose(total, 1, abs_tol=1e-6), f"probabilities add up to {total}"
                best = max(each.logprobs.values())
                assert math.isclose(each.logprobs[each.text], best, abs_tol=1e-9), f"answer {each.text!r}"

    def test_the_fingerprint_is_that_of_the_answers(self, tmp_path: Path) -> None:
        """The same for the same content; another one for another argument or other train rows."""
        first = self._fingerprint(tmp_path, self.reference)
        assert self._fingerprint(tmp_path, self.reference) == first, "nothing changed"
        if self.other:
            assert self._fingerprint(tmp_path, self.other) != first, "the argument changed"
        if self.fitted:
            less = fingerprint(ModelRef(self.reference), self._context(tmp_path, left_out=1))
            assert less != first, "the train split changed"

    def test_it_can_be_closed_twice(self, tmp_path: Path) -> None:
        """The end of a `with` block after `close` does no harm; reports have a name and a size."""
        with self._open(tmp_path, self.reference) as predictor:
            assert predictor.name, "it has a name"
            assert predictor.size_bytes is None or predictor.size_bytes > 0, "bytes, or None"
            predictor.close()

    def _open(self, folder: Path, reference: str) -> Predictor:
        ref = ModelRef(reference)
        return predictor_factory(ref).load(self._context(folder), ref.argument)

    def _fingerprint(self, folder: Path, reference: str) -> str:
        return fingerprint(ModelRef(reference), self._context(folder))

    def _predictions(self, folder: Path, reference: str) -> Sequence[Prediction]:
        with self._open(folder, reference) as predictor:
            return predictor.predict(self._requests())

    def _requests(self) -> list[PromptRequest]:
        handler = handler_for(self.spec())
        return [request_for(handler, each.inputs, target=each.target) for each in self.examples()]

    def _context(self, folder: Path, left_out: int = 0) -> PredictorContext:
        handler, rows = handler_for(self.spec()), self.examples()[left_out:]
        pairs = []
        for row in rows:
            *prompt, answer = handler.to_messages(row.inputs, row.target)
            pairs.append(TrainingPair(tuple(prompt), answer.content))
        return PredictorContext(
            project=ProjectPaths(folder),
            settings=Settings(home=folder / "home", database_url="sqlite://", offline=True),
            task=handler.spec,
            answer=handler.answer,
            base="embedded",
            train=lambda: pairs,
            train_sha256=content_hash([row.hash for row in rows]),
        )
