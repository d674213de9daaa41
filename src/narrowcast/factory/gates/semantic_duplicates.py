"""Gate: no row says what another says, nearly or in other words; the first one stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from narrowcast.factory.gates.base import GateContext, GateRow, input_text
from narrowcast.factory.gates.semantics import embedder_for
from narrowcast.similarity.near_duplicates import near_duplicates
from narrowcast.similarity.semantic import semantic_groups

# Like another input on purpose, with another answer.
_CONTRASTED = frozenset({"near-miss"})


def semantic_duplicates(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """Groups by shared shingles, then by meaning; one row of each stays, none where the project has one.

    Rows filled from templates are alike by design: of those, a group key keeps them together instead.
    """
    compared = [row for row in rows if row.generated.origin.writer != "templates"]
    known = [input_text(row.inputs) for row in context.accepted]
    found: dict[int, str] = {}
    texts = [*known, *(row.text for row in compared)]
    nearly = near_duplicates(texts, context.options.near_duplicate).groups
    _keep_first(nearly, compared, len(known), "nearly", found)
    left = [row for row in compared if row.index not in found]
    texts = [*known, *(row.text for row in left)]
    by = embedder_for(texts, context)
    if by is not None and left:
        _keep_first(
            semantic_groups(texts, by, context.options.semantic), left, len(known), "in other words", found
        )
    return found


def _keep_first(
    groups: Sequence[Sequence[int]], rows: Sequence[GateRow], known: int, how: str, found: dict[int, str]
) -> None:
    for group in groups:
        mine = [rows[number - known] for number in group if number >= known]
        if not mine:
            continue
        kept = [] if len(mine) < len(group) else [mine[0]]
        for row in mine[len(kept) :]:
            answers = {each.answer_key for each in kept}
            contrasted = row.generated.origin.edge_case in _CONTRASTED and row.answer_key not in answers
            if kept and contrasted:
                kept.append(row)
            else:
                of = f"row {kept[0].index}" if kept else "a row of the project"
                found.setdefault(row.index, f"says {how} what {of} says")
