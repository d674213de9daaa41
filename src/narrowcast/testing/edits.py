"""Realistic edits of short texts, to measure which of them a search for duplicates sees through."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Sequence

Edit = Callable[[str, random.Random, Sequence[str]], str]
"""The edited text, of a text, a source of chance and other texts to take words from."""

_ACCENTS = str.maketrans("aeiouc", "áéíóüç")
_LOOK_ALIKE = str.maketrans("aeocpx", "аеосрх")
_GREETINGS = ("Hi there!", "Hello,", "Good morning,", "Dear team,")
_THANKS = ("Thanks a lot for your help.", "Thank you very much in advance!", "Many thanks, kind regards.")
_SIGNATURES = (
    "Best regards,\nJohn Smith\nSent from my phone",
    "Anna Meyer\nHead of Sales, ACME Ltd\n+44 20 7946 0958",
    "Kind regards\nMaria Gonzalez\nmaria@example.com",
)


def _letters_swapped(text: str, chance: random.Random, _: Sequence[str]) -> str:
    places = [n for n in range(len(text) - 1) if text[n : n + 2].isalpha() and text[n] != text[n + 1]]
    if not places:
        return text
    at = chance.choice(places)
    return f"{text[:at]}{text[at + 1]}{text[at]}{text[at + 2 :]}"


def _word_replaced(text: str, chance: random.Random, others: Sequence[str]) -> str:
    words = text.split()
    at = chance.randrange(len(words))
    words[at] = next(
        word
        for word in iter(lambda: chance.choice(chance.choice(others).split() or ["x"]), None)
        if word.lower() != words[at].lower()
    )
    return " ".join(words)


def _typo(text: str, chance: random.Random) -> str:
    at, letter = chance.randrange(len(text)), chance.choice(string.ascii_lowercase)
    forms = (text[:at] + text[at + 1 :], text[:at] + letter + text[at:], text[:at] + letter + text[at + 1 :])
    return chance.choice([*forms, _letters_swapped(text, chance, ())])


def _three_typos(text: str, chance: random.Random, _: Sequence[str]) -> str:
    for _time in range(3):
        text = _typo(text, chance)
    return text


def _word_dropped(text: str, chance: random.Random, _: Sequence[str]) -> str:
    words = text.split()
    at = chance.randrange(len(words))
    return " ".join([*words[:at], *words[at + 1 :]]) if len(words) > 1 else text


def _html(text: str, chance: random.Random, _: Sequence[str]) -> str:
    first, _space, rest = text.partition(" ")
    forms = (f"<p>{text}&nbsp;</p>", f'<div class="m"><b>{first}</b> {rest}<br/></div>')
    return chance.choice(forms)


def _halves_exchanged(text: str) -> str:
    words = text.split()
    return " ".join([*words[len(words) // 2 :], *words[: len(words) // 2]])


def _first_half(text: str) -> str:
    words = text.split()
    return " ".join(words[: max(1, len(words) // 2)])


EDITS: dict[str, Edit] = {
    "letter swap": _letters_swapped,
    "one word replaced": _word_replaced,
    "one word dropped": _word_dropped,
    "three typos": _three_typos,
    "greeting and thanks": lambda text, chance, _: (
        f"{chance.choice(_GREETINGS)} {text} {chance.choice(_THANKS)}"
    ),
    "signature": lambda text, chance, _: f"{text}\n\n-- \n{chance.choice(_SIGNATURES)}",
    "html": _html,
    "first half": lambda text, _, __: _first_half(text),
    "half, cut in a word": lambda text, _, __: text[: len(text) // 2],
    "accents": lambda text, _, __: text.translate(_ACCENTS),
    "look-alike letters": lambda text, _, __: text.translate(_LOOK_ALIKE),
    "halves exchanged": lambda text, _, __: _halves_exchanged(text),
    "quoted in a reply": lambda text, _, __: f"> {text}\n\nAny news on this?",
    "upper case": lambda text, _, __: text.upper(),
}
"""Name of an edit → what makes it."""
