"""Built-in gates and that of the example package pass the suite for authors."""

from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.factory.options import GateOptions
from narrowcast.testing.contracts.gate import GateContract


class Reviews(GateContract):
    """Rows of a text and a label."""

    def spec(self) -> TaskSpec:
        return TaskSpec(profile="rating", labels=["1", "5"])

    def passing(self) -> list[dict[str, Any]]:
        return [
            {"text": "the parcel came a week after the promised day", "label": "1"},
            {"text": "friendly people and a quick answer on the phone", "label": "5"},
        ]


class TestNoLinks(Reviews):
    name = "no_links"

    def rejected(self) -> list[dict[str, Any]]:
        return [
            {"text": "read more at https://example.org/offer", "label": "5"},
            {"text": "see www.example.org for the rest", "label": "1"},
        ]


class TestNoLinksButOne(TestNoLinks):
    def options(self) -> GateOptions:
        return GateOptions(settings={"no_links": {"allowed": ["shop.example"]}})

    def passing(self) -> list[dict[str, Any]]:
        return [*super().passing(), {"text": "the shop www.shop.example was friendly", "label": "5"}]


class TestTriviality(Reviews):
    name = "triviality"

    def rejected(self) -> list[dict[str, Any]]:
        return [{"text": "ok", "label": "5"}]


class TestRegex(Reviews):
    name = "regex"

    def options(self) -> GateOptions:
        return GateOptions(pattern="[15]")

    def rejected(self) -> list[dict[str, Any]]:
        return [{"text": "neither good nor bad, simply a shop", "label": "3"}]


class TestExactDuplicates(Reviews):
    name = "exact_duplicates"

    def rejected(self) -> list[dict[str, Any]]:
        return [self.passing()[0]]
