"""A quick look at a line says which detectors to ask; those that are passed over would have found nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from narrowcast.stages.clean import credentials
from narrowcast.stages.clean.credential_formats import has_key
from narrowcast.stages.clean.credentials import SecretScanner
from tests.stages.clean.planted import personal, secret


class AsksAll(SecretScanner):
    """Asks every detector about every line."""

    def _worth_asking(self, line: str) -> Iterator[tuple[str, Any]]:
        yield from (*self._words, *self._formats, *self._entropy, *self._keyword)


def _lines() -> Iterator[str]:
    """Secrets, personal data and words, whole and cut off, beside each other."""
    chance = random.Random(3)
    said = [form.format(value) for _, value, form in map(secret, range(40))]
    said += [value for _, value in map(personal, range(20))]
    said += ["it's 5 o'clock, isn't it?", 'he said "no"', "password: forgotten", "my secret; 'x'"]
    for _ in range(400):
        parts = [each[chance.randrange(len(each)) // 2 :] for each in chance.choices(said, k=3)]
        yield chance.choice([" ", "=", ": ", '"', "; ", "\n"]).join(parts)


def test_nothing_that_a_detector_finds_is_passed_over() -> None:
    quick, thorough, found = SecretScanner(), AsksAll(), 0
    for text in _lines():
        expected = {(each.start, each.end, each.kind) for each in thorough.scan(text)}
        assert {(each.start, each.end, each.kind) for each in quick.scan(text)} == expected, text
        found += bool(expected)
    assert found > 100


def test_of_an_ordinary_line_hardly_any_detector_is_asked() -> None:
    scanner = SecretScanner()
    asked = [name for name, _ in scanner._worth_asking("When will my card arrive, in 3 days?")]
    assert asked == ["PrivateKeyDetector"]
    assert not has_key("On 3 May 2024 there were 15 of us", credentials._LEAST)
    assert has_key("the code is a1b2c3d4", credentials._LEAST)
