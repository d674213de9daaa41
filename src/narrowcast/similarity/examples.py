"""What of examples is compared: their texts, and which of them are equal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from narrowcast.core.example import Example
from narrowcast.similarity.shingles import normalised


def comparison_texts(examples: Sequence[Example]) -> list[str]:
    """What of each input is compared: its strings, without fields that are the same in every row.

    A document that all questions share would otherwise make all rows near-duplicates.
    """
    values: dict[str, set[str]] = defaultdict(set)
    strings = [dict(input_strings(example.inputs)) for example in examples]
    for row in strings:
        for key, text in row.items():
            if len(values[key]) < 2:
                values[key].add(text)
    seen = Counter(key for row in strings for key in row)
    constant = {key for key, texts in values.items() if len(texts) == 1 and seen[key] == len(examples)}
    if len(constant) == len(values):
        constant = set()
    return ["\n".join(text for key, text in row.items() if key not in constant) for row in strings]


def input_strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every value of an example's inputs that is not None, as text, with its path."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name in sorted(value):
            yield from input_strings(value[name], f"{key}.{name}")
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from input_strings(each, f"{key}.{place}")
    elif value is not None:
        yield key, str(value)


def exact_groups(texts: Sequence[str]) -> list[list[int]]:
    """Rows with equal normal forms, two and more."""
    rows: dict[str, list[int]] = defaultdict(list)
    for number, text in enumerate(texts):
        rows[normalised(text)].append(number)
    return [group for group in rows.values() if len(group) > 1]
