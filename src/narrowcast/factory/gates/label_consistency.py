"""Gate: inputs that say the same have the same answer, among the rows and against the project's own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from narrowcast.factory.gates.base import GateContext, GateRow, input_text
from narrowcast.similarity.near_duplicates import near_duplicates
from narrowcast.similarity.shingles import normalised

# Contrasted on purpose: like another category's input, with another answer.
_CONTRASTED = frozenset({"near-miss"})


def label_consistency(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """Reject all generated rows of a contradiction: which of them is right is unknown.

    Answers in free words differ rightly; of those tasks, equal inputs alone are compared.
    """
    known = context.accepted
    texts = [*(row.text for row in rows), *(input_text(row.inputs) for row in known)]
    answers = [
        *(row.answer_key for row in rows),
        *(normalised(context.handler.to_messages(row.inputs, row.target)[-1].content) for row in known),
    ]
    rejections = dict.fromkeys(
        _contradicting(_equal(texts), answers, rows, contrast=False), "equal inputs have different answers"
    )
    if context.handler.answer.is_closed:
        groups = near_duplicates(texts, context.options.conflict).groups
        for index in _contradicting(groups, answers, rows, contrast=True):
            rejections.setdefault(index, "similar inputs have different answers")
    return rejections


def _contradicting(
    groups: Sequence[Sequence[int]], answers: Sequence[str], rows: Sequence[GateRow], *, contrast: bool
) -> list[int]:
    found: list[int] = []
    for group in groups:
        mine = [
            number
            for number in group
            if not (
                contrast and number < len(rows) and rows[number].generated.origin.edge_case in _CONTRASTED
            )
        ]
        if len({answers[number] for number in mine}) > 1:
            found += [rows[number].index for number in mine if number < len(rows)]
    return found


def _equal(texts: Sequence[str]) -> list[list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for number, text in enumerate(texts):
        places[normalised(text)].append(number)
    return [group for group in places.values() if len(group) > 1]
