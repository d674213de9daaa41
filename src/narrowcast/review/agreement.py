"""How far two reviewers agree beyond chance."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from pydantic import BaseModel, Field

from narrowcast.core.hashing import content_hash
from narrowcast.store.reviews import Review, latest


class Agreement(BaseModel):
    """Two reviewers on the rows that both have decided."""

    reviewers: tuple[str, str]
    rows: int
    agreed: float = Field(description="Share of rows with the same decision and the same edit.")
    kappa: float | None = Field(
        description="Cohen's kappa over these answers; None where chance alone would agree always."
    )
    differing: list[str] = Field(description="Rows they differ on.")


def agreement(reviews: Sequence[Review]) -> list[Agreement]:
    """Every pair of reviewers with rows in common, by scikit-learn's `cohen_kappa_score`."""
    by_row = latest(reviews)
    people = sorted({review.reviewer for review in reviews})
    pairs = []
    for first, second in combinations(people, 2):
        both = {row: given for row, given in by_row.items() if first in given and second in given}
        if not both:
            continue
        left = [_answer(given[first]) for given in both.values()]
        right = [_answer(given[second]) for given in both.values()]
        differing = [row for row, one, other in zip(both, left, right, strict=True) if one != other]
        pairs.append(
            Agreement(
                reviewers=(first, second),
                rows=len(both),
                agreed=1 - len(differing) / len(both),
                kappa=_kappa(left, right),
                differing=differing,
            )
        )
    return pairs


def _answer(review: Review) -> str:
    """The decision; of an edit also what it was edited to."""
    edit: list[Any] = [review.inputs, review.target] if review.decision == "edit" else []
    return f"{review.decision} {content_hash(edit)}" if edit else review.decision


def _kappa(left: Sequence[str], right: Sequence[str]) -> float | None:
    from sklearn.metrics import cohen_kappa_score

    with warnings.catch_warnings():
        # One answer throughout leaves nothing to correct for chance; that is said by None.
        warnings.simplefilter("ignore")
        value = float(cohen_kappa_score(left, right))
    return None if math.isnan(value) else value
