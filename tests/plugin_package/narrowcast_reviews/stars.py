"""The mapper `stars_to_rating`: `4`, `4 of 5` or `★★★★` becomes the rating 4."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping.base import Role, getter, natural_order
from narrowcast.stages.import_.mapping.reasons import RejectRow, require_text

_NUMBER = re.compile(r"(\d+)([.,]\d+)?(?: of \d+)?")


class StarsToRating:
    """A mapper sees every row once, so it also knows the ratings of the whole source."""

    id = "stars_to_rating"
    meaning = "a text and its stars: 4, 4 of 5 or ★★★★"
    profile = "rating"
    roles = (Role("text", "the review"), Role("stars", "how many stars it gives"))
    # Beside the reasons that every mapper may give. Ledgers count them by name, so a name is kept for good.
    reasons: ClassVar[Mapping[str, str]] = {
        "half_a_star": "the rating is not a whole number of stars",
        "unreadable_stars": "the rating is neither a number nor a row of stars",
    }

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:
        self._text, self._stars = getter(field_map["text"]), getter(field_map["stars"])
        self._allowed = closed.labels if closed else None
        self._seen: set[str] = set()

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """`{"text": ...}` and the rating."""
        text = require_text(self._text(data), "missing_text")
        rating = _rating(require_text(self._stars(data), "missing_label").strip())
        if self._allowed is not None and rating not in self._allowed:
            raise RejectRow("label_not_allowed", rating)
        self._seen.add(rating)
        return {"text": text}, rating

    def task(self) -> TaskSpec:
        """The ratings of all accepted rows."""
        return TaskSpec(profile=self.profile, labels=natural_order(list(self._seen)))


def _rating(stars: str) -> str:
    if set(stars) == {"★"}:
        return str(len(stars))
    number = _NUMBER.fullmatch(stars)
    if number is None:
        raise RejectRow("unreadable_stars", stars[:40])
    if number[2]:
        raise RejectRow("half_a_star", stars)
    return number[1]
