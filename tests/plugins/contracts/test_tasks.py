"""Built-in task handlers and that of the example package pass the suite for authors."""

import json
import math

from narrowcast.core.example import Example
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.tasks.base import TaskHandler
from narrowcast.testing.contracts.task import TaskContract


class LabelContract(TaskContract):
    labels: tuple[str, ...]
    profile: str

    def spec(self) -> TaskSpec:
        return TaskSpec(profile=self.profile, labels=list(self.labels))

    def examples(self) -> list[Example]:
        return [
            Example({"text": f"text number {index}"}, self.labels[index % len(self.labels)], "s", index)
            for index in range(6)
        ]

    def unusable(self) -> list[Example]:
        return [Example({"text": "  "}, self.labels[0]), Example({"text": "a text"}, "no such label")]


class TestRating(LabelContract):
    profile = "rating"
    labels = ("1", "2", "3", "4", "5")

    def test_a_near_miss_is_better_than_a_far_one(self) -> None:
        handler, example = self._handler(), Example({"text": "bad"}, "1", "s", 0)
        near, far = (handler.score([example], [Prediction(text)]).metrics["closeness"] for text in "25")
        assert (near, far) == (0.75, 0.0)


class TestClassification(LabelContract):
    profile = "classification"
    labels = ("billing", "delivery", "other")


class TestFields(TaskContract):
    def spec(self) -> TaskSpec:
        kinds = {"kind": {"enum": ["billing", "delivery"]}, "order": {"type": ["string", "null"]}}
        schema = {"type": "object", "properties": kinds, "required": ["kind", "order"]}
        return TaskSpec(profile="structured_extraction", scoring_mode="field_match", output_schema=schema)

    def examples(self) -> list[Example]:
        kinds, orders = ("billing", "delivery"), ("A-1", None)
        return [
            Example({"text": f"text {i}"}, {"kind": kinds[i % 2], "order": orders[i // 2]}, "s", i)
            for i in range(4)
        ]

    def unusable(self) -> list[Example]:
        return [Example({"text": " "}, {"kind": "billing", "order": None}), Example({"text": "x"}, "billing")]


class TestQuestions(TaskContract):
    def spec(self) -> TaskSpec:
        return TaskSpec(profile="qa")

    def examples(self) -> list[Example]:
        return [
            Example({"context": f"Room {i} is {colour}.", "question": "Which colour?"}, colour, "s", i)
            for i, colour in enumerate(["green", "dark blue", "red", "white"])
        ]

    def unusable(self) -> list[Example]:
        return [Example({"context": "", "question": ""}, "x"), Example({"question": "Why?"}, " ")]


class TestToolCalls(TaskContract):
    def spec(self) -> TaskSpec:
        return TaskSpec(profile="tool_calling")

    def examples(self) -> list[Example]:
        tool = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {}}}}
        return [
            Example(
                {"tools": [tool], "messages": [{"role": "user", "content": f"Weather in {city}?"}]},
                {"tool_calls": [{"name": "weather", "arguments": {"city": city}}]},
                "s",
                index,
            )
            for index, city in enumerate(["Oslo", "Rome", "Lima", "Bonn"])
        ]

    def unusable(self) -> list[Example]:
        return [Example({"tools": [], "messages": []}, {"tool_calls": []})]

    def wrong(self, handler: TaskHandler, example: Example) -> Prediction:
        return Prediction(json.dumps([{"name": "weather", "arguments": {"city": "Atlantis"}}]))


class TestPreferences(TaskContract):
    def spec(self) -> TaskSpec:
        return TaskSpec(profile="alignment")

    def examples(self) -> list[Example]:
        return [
            Example({"prompt": f"Ask for {i}."}, {"chosen": f"{i}, please.", "rejected": f"{i}!"}, "s", i)
            for i in range(4)
        ]

    def unusable(self) -> list[Example]:
        return [Example({"prompt": "x"}, "a"), Example({"prompt": "x"}, {"chosen": "a", "rejected": "a"})]

    def right(self, handler: TaskHandler, example: Example) -> Prediction:
        return _likelier(example, "chosen")

    def wrong(self, handler: TaskHandler, example: Example) -> Prediction:
        return _likelier(example, "rejected")


def _likelier(example: Example, which: str) -> Prediction:
    assert isinstance(example.target, dict)
    shares = {text: 0.9 if name == which else 0.1 for name, text in example.target.items()}
    return Prediction(example.target[which], logprobs={text: math.log(p) for text, p in shares.items()})
