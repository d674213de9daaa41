"""Seeds, and what makes a text look as if a person had typed it in a hurry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from random import Random

CATEGORIES = ("delivery", "defect", "return", "billing", "account", "question", "cancel")

_CHOICE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
_SHORT_FORMS = {
    "please": "pls",
    "thanks": "thx",
    "you": "u",
    "because": "cause",
    "about": "abt",
    "do not": "dont",
    "does not": "doesnt",
    "cannot": "cant",
    "I am": "im",
    "it is": "its",
    "have not": "havent",
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One hand-written matter, with what it decides about the ticket.

    Marks in the seed file before a bar: `!` priority high, `~` priority low, `$` asks for the money back,
    `x` speaks of money and does not want it back. Without a mark the fragments around it decide.
    """

    id: str
    category: str
    marks: str
    text: str


@cache
def scenarios() -> tuple[Scenario, ...]:
    """All scenarios in the order of the files."""
    entries = []
    for category in CATEGORIES:
        for number, line in enumerate(_lines(f"{category}.txt")):
            marks, bar, text = line.partition("| ")
            plain = not bar or set(marks) - set("!~$x")
            entries.append(
                Scenario(f"{category}-{number:02}", category, "" if plain else marks, line if plain else text)
            )
    return tuple(entries)


@cache
def fragments() -> dict[str, tuple[str, ...]]:
    """Section → its lines: what goes around a scenario."""
    return _sections("fragments.txt")


@cache
def requests() -> dict[str, tuple[str, ...]]:
    """Category → ways to ask for what it is about."""
    return _sections("requests.txt")


def _sections(name: str) -> dict[str, tuple[str, ...]]:
    sections: dict[str, list[str]] = {}
    for line in _lines(name):
        if line.startswith("[") and line.endswith("]") and line[1:-1].replace("_", "").isalpha():
            sections[line[1:-1]] = []
        else:
            list(sections.values())[-1].append(line)
    return {name: tuple(lines) for name, lines in sections.items()}


@cache
def products() -> dict[str, tuple[str, ...]]:
    """Value in the ticket → what customers call it."""
    pairs = (line.split(": ", 1) for line in _lines("products.txt"))
    return {value: tuple(names.split(", ")) for value, names in pairs}


def _lines(name: str) -> list[str]:
    text = (files("narrowcast.demo") / "seeds" / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("# ")]


def choose(chance: Random, text: str) -> str:
    """Settle `[this|that]`."""
    return _CHOICE.sub(lambda found: chance.choice(found[1].split("|")), text)


def misspell(chance: Random, text: str, rate: float) -> str:
    """Typing errors in a share of the longer words; words with digits or signs stay readable."""
    words = text.split(" ")
    for place, word in enumerate(words):
        if len(word) > 3 and word.isalpha() and chance.random() < rate:
            words[place] = _slip(chance, word)
    return " ".join(words)


def _slip(chance: Random, word: str) -> str:
    at = chance.randrange(1, len(word) - 1)
    kind = chance.randrange(3)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    return word[:at] + word[at] + word[at:]


def shorten(chance: Random, text: str) -> str:
    """`please` becomes `pls`: some of the usual short forms."""
    for long, short in _SHORT_FORMS.items():
        if chance.random() < 0.6:
            text = re.sub(rf"\b{long}\b", short, text)
    return text


def recase(chance: Random, text: str) -> str:
    """Mostly as written; some never press shift, a few never let go of it."""
    draw = chance.random()
    if draw < 0.17:
        return text.lower()
    if draw < 0.2:
        return text.upper()
    return re.sub(r"[.,;](?=\s|$)", "", text) if draw < 0.24 else text
