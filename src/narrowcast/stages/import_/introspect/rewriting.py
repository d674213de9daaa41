"""Two columns of text of which one is made of the other: rewriting."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import permutations

from narrowcast.stages.import_.introspect.profile import Column, Profile
from narrowcast.stages.import_.introspect.report import ShapeHypothesis
from narrowcast.stages.import_.introspect.signs import LEAST_ROWS, aside, base_name, text_columns, with_split

_SEPARATOR = re.compile(r"(?<!\S)[^\w\s'\"().,;!?-]{3,}(?!\S)")
_SOURCES = ("source", "src", "input", "text", "original", "complex", "document", "article")
_OUTPUTS = (
    "target",
    "tgt",
    "output",
    "summary",
    "rewrite",
    "rewritten",
    "simple",
    "paraphrase",
    "translation",
)
_MOST_COLUMNS = 5
_LONGER = 30  # times as many words as the other text, as no rewritten form has


def rewriting(profile: Profile) -> Iterator[ShapeHypothesis]:
    """Pairs that share most of their words; a mark that is in one side alone tells the direction."""
    texts = text_columns(profile)[:2]
    if len(texts) < 2 or len(profile.leaves()) > _MOST_COLUMNS:
        return
    if {"chosen", "rejected"} <= {base_name(column) for column in profile.leaves()}:
        return  # the rejected answer is never what the chosen one becomes
    shared = _shared(texts[0], texts[1])
    if shared < 0.5:
        return
    lengths = sorted(max(1.0, column.mean_words) for column in texts)
    if lengths[1] > _LONGER * lengths[0]:
        return  # a document and its title
    source, output, separator, why = _direction(profile, texts)
    field_map = {"text": source.name, "output": output.name}
    if separator:
        field_map["separator"] = separator
    yield ShapeHypothesis(
        shape="texts with their rewritten form",
        mapper_id="text_pair",
        task_profile="seq2seq",
        field_map=with_split(profile, field_map),
        confidence=0.88 if why and profile.rows >= LEAST_ROWS else 0.6,
        rationale=(
            f"{source.name!r} and {output.name!r} share {shared:.0%} of their words"
            + (f"; {why}" if why else "")
        ),
        warnings=["the direction is a guess"] * (not why)
        + [f"only {profile.rows} rows to judge by"] * (profile.rows < LEAST_ROWS)
        + aside(profile, source.name, output.name),
    )


def _shared(left: Column, right: Column) -> float:
    """Mean share of the shorter text's words that are in the longer one, over the sample."""
    shares = []
    for one, other in zip(left.examples, right.examples, strict=False):
        words, others = Counter(str(one).lower().split()), Counter(str(other).lower().split())
        least = min(words.total(), others.total())
        shares.append((words & others).total() / least if least else 0.0)
    return sum(shares) / len(shares) if shares else 0.0


def _direction(profile: Profile, texts: list[Column]) -> tuple[Column, Column, str | None, str]:
    """Source, output, the separator inside outputs, and what tells which is which (empty: nothing does)."""
    for source, output in permutations(texts, 2):
        mark = _separator(output)
        if mark and not any(mark in str(example) for example in source.examples):
            return source, output, mark, f"{mark!r} is in every {output.name!r} alone"
    for source, output in permutations(texts, 2):
        if base_name(source) in _SOURCES and base_name(output) in _OUTPUTS:
            return source, output, None, f"they are called {source.name!r} and {output.name!r}"
    order = list(profile.columns)
    first, second = sorted(texts, key=lambda column: order.index(column.name))
    return first, second, None, ""


def _separator(column: Column) -> str | None:
    marks = Counter(mark for example in column.examples for mark in set(_SEPARATOR.findall(str(example))))
    if not marks:
        return None
    mark, count = marks.most_common(1)[0]
    return mark if count >= 0.95 * len(column.examples) else None
