"""Gate: neither answer nor input gives away how the row was made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from narrowcast.factory.gates.base import GateContext, GateRow
from narrowcast.similarity.shingles import words_of

# Words of the making, wherever they stand.
_ANYWHERE = re.compile(
    r"""
    \b(?:synthetic|training|fine[- ]?tun\w*|few[- ]shot|generated|made[- ]up)\s+
        (?:data|dataset|set|example|row|sample)s?\b
    | \bteacher\s+model\b | \bstudent\s+model\b | \boutput\s+contract\b | \bjson\s+schema\b
    | \b(?:quality|scoring|grading)\s+rubric\b | \bhidden\s+(?:rules?|instructions?|prompt)\b
    | \bas\s+an?\s+(?:ai|large|artificial)\b(?:\s+\w+){0,2}\s+(?:model|assistant|intelligence)\b
    | \bas\s+an?\s+(?:ai|language\s+model)\b
    | \b(?:difficulty|edge[ _-]case)\s*:\s*\w
    | \bhere\s+(?:is|are)\s+(?:an?|the|your|\d+)?\s*(?:\w+\s+){0,3}(?:example|row|sample|record)s?\b
    | \bthis\s+(?:example|row|sample)\s+(?:shows|tests|teaches|demonstrates|illustrates|covers)\b
    | \b(?:generate|write|produce)\s+\d+\s+(?:\w+\s+){0,2}(?:rows|examples|records)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
# In an answer these are leaks as well; an input may well be a user who speaks of them.
_IN_ANSWERS = re.compile(
    r"""
    \b(?:system|this|your|the|my)\s+prompt\b | \b(?:my|the\s+given|these|the\s+above)\s+instructions\b
    | \brubric\b | \bthe\s+teacher\b | \bas\s+(?:instructed|requested)\s+(?:above|in)\b
    | \bi\s+was\s+(?:told|instructed|asked)\s+to\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_RUN = 8  # equal words in a row with the prompt's rules are no accident


def leaked_instructions(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """Look for words of the making, and for runs of eight words that are in the prompt's rules."""
    known = {run for prompt in context.prompts for run in _runs(prompt)}
    rejections = {}
    for row in rows:
        why = _leak(row.output, known, _IN_ANSWERS) or _leak(row.text, known, None)
        if why:
            rejections[row.index] = why
    return rejections


def _leak(text: str, known: set[str], more: re.Pattern[str] | None) -> str | None:
    match = _ANYWHERE.search(text) or (more.search(text) if more else None)
    if match:
        return f"says {match.group().strip()!r}"
    run = next((each for each in _runs(text) if each in known), None)
    return f"repeats the prompt: {run!r}" if run else None


def _runs(text: str) -> list[str]:
    words = words_of(text).split()
    return [" ".join(words[start : start + _RUN]) for start in range(len(words) - _RUN + 1)]
