"""Fitted baselines and the predictor of the example package pass the suite for authors."""

from narrowcast.core.example import Example
from narrowcast.core.task import TaskSpec
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
