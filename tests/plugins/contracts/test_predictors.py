"""Baselines, an exported classifier and the predictor of the example package pass the suite for authors."""

from pathlib import Path

import pytest

from narrowcast.core.example import Example
from narrowcast.core.task import TaskSpec
from narrowcast.models.classifiers.fit import fit_label
from narrowcast.models.classifiers.loading import TrainedClassifier
from narrowcast.models.classifiers.recipe import LinearRecipe
from narrowcast.models.onnx.layout import Origin
from narrowcast.models.onnx.writer import write_onnx
from narrowcast.testing.contracts.predictor import PredictorContract

_WORDS = {"1": "late broken rude", "5": "quick friendly great"}


class Ratings(PredictorContract):
    """Reviews whose rating their words decide."""

    profile = "classification"

    def spec(self) -> TaskSpec:
        return TaskSpec(profile=self.profile, labels=list(_WORDS))

    def examples(self) -> list[Example]:
        labels = ["1", "5", "5", "1", "5", "1", "5", "5", "1", "5"]
        return [
            Example({"text": f"{_WORDS[label]} order {index}"}, label, "s", index)
            for index, label in enumerate(labels)
        ]


class TestNeighbours(Ratings):
    profile = "rating"
    reference = "neighbours:3"
    other = "neighbours:9"
    wrong = "neighbours:many"


class TestMajority(Ratings):
    reference = "majority"


class TestWords(Ratings):
    reference = "tfidf"


class TestRules(Ratings):
    wrong = "rules:no-such-file.py"
    fitted = False

    @pytest.fixture(autouse=True)
    def _files(self, tmp_path: Path) -> None:
        answer = "def answer(inputs):\n    return '1' if {} in inputs['text'] else '5'\n"
        for name, word in (("rules", "'late'"), ("other", "'rude'")):
            (tmp_path / f"{name}.py").write_text(answer.format(word))
        self.reference, self.other = f"rules:{tmp_path / 'rules.py'}", f"rules:{tmp_path / 'other.py'}"


class TestExportedClassifier(Ratings):
    wrong = "onnx:no-such-file.onnx"
    fitted = False

    @pytest.fixture(autouse=True)
    def _files(self, tmp_path: Path) -> None:
        texts, labels = zip(*((each.inputs["text"], each.target) for each in self.examples()), strict=True)
        for number, features in enumerate((("words",), ("characters",))):
            classifier = fit_label(LinearRecipe(features, "logistic"), texts, labels)
            write_onnx(TrainedClassifier(classifier), tmp_path / f"{number}.onnx", Origin("exp-0123456789"))
        self.reference, self.other = f"onnx:{tmp_path / '0.onnx'}", f"onnx:{tmp_path / '1.onnx'}"
