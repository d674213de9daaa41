"""Leaks to plant: a text as it is, nearly as it is, and said in other words by rules that a person wrote."""

from __future__ import annotations

import random
import re

_SYNONYMS = {
    "card": "bank card",
    "money": "funds",
    "cash": "banknotes",
    "transfer": "payment",
    "transferred": "sent",
    "payment": "transaction",
    "account": "bank account",
    "top": "fill",
    "topped": "filled",
    "help": "assist",
    "need": "require",
    "want": "would like",
    "get": "obtain",
    "got": "received",
    "received": "gotten",
    "arrived": "come",
    "arrive": "come",
    "lost": "misplaced",
    "stolen": "taken by a thief",
    "phone": "mobile",
    "charged": "billed",
    "charge": "bill",
    "fee": "cost",
    "fees": "costs",
    "extra": "additional",
    "buy": "purchase",
    "bought": "purchased",
    "change": "alter",
    "changed": "altered",
    "wrong": "incorrect",
    "not": "never",
    "working": "functioning",
    "work": "function",
    "declined": "refused",
    "when": "at what time",
    "long": "many days",
    "still": "even now",
    "yet": "so far",
    "check": "verify",
    "verify": "confirm",
    "many": "a lot of",
    "much": "a lot",
    "show": "display",
    "showing": "appearing",
    "use": "make use of",
    "order": "request",
    "delivered": "brought",
    "delivery": "shipping",
    "find": "locate",
    "see": "notice",
    "tell": "inform",
    "why": "for what reason",
    "where": "in which place",
    "rate": "price",
    "refund": "repayment",
}
_OPENINGS = ("Hello, {}", "Quick question: {}", "{} Thanks.", "Hi there! {}", "{} Please advise.")
_CONTRACTIONS = (
    ("can't", "cannot"),
    ("won't", "will not"),
    ("n't", " not"),
    ("i'm", "i am"),
    ("i've", "i have"),
    ("'s", " is"),
)


def exactly(text: str, chance: random.Random) -> str:
    """Other case, other white space."""
    return f"  {text.upper()} " if chance.random() < 0.5 else text.replace(" ", "   ", 1)


def nearly(text: str, chance: random.Random) -> str:
    """A letter is missing, or a mark and a short word were added."""
    if chance.random() < 0.5:
        place = chance.randrange(len(text) // 3, len(text))
        return text[:place] + text[place + 1 :]
    return f"{text} ok"


def in_other_words(text: str, chance: random.Random) -> str:
    """Contractions written out, up to three words replaced, halves exchanged, a greeting around it."""
    said = text.lower().strip()
    for short, long in _CONTRACTIONS:
        said = said.replace(short, long)
    words = said.split()
    known = [place for place, word in enumerate(words) if re.sub(r"\W", "", word) in _SYNONYMS]
    for place in chance.sample(known, min(3, len(known))):
        bare = re.sub(r"\W", "", words[place])
        words[place] = words[place].replace(bare, _SYNONYMS[bare])
    said = " ".join(words)
    halves = re.split(r"(?<=[,.;?!]) ", said)
    if len(halves) > 1:
        chance.shuffle(halves)
    return chance.choice(_OPENINGS).format(" ".join(halves))


_FUNCTION_WORDS = (
    *("i", "my", "the", "a", "to", "is", "for", "in", "it", "of", "on", "you", "can", "do", "how", "what"),
    *("when", "why", "not", "and", "this", "with", "have", "be", "from"),
)
_LETTERS = "eeeeeeeeeeetttttttaaaaaaoooooiiiiinnnnnssssshhhhrrrrddllcumwfgypbvk"


def questions(count: int, seed: int = 0) -> list[str]:
    """Texts of 7 to 14 words, half of them frequent words; no two are edits of each other."""
    chance = random.Random(seed)
    content = ["".join(chance.choices(_LETTERS, k=chance.randint(4, 9))) for _ in range(1_500)]
    weights = [1 / (rank + 20) for rank in range(len(content))]

    def text() -> str:
        size = chance.randint(7, 14)
        rare = chance.choices(content, weights, k=size)
        usual = chance.choices(_FUNCTION_WORDS, k=size)
        return " ".join(
            one if chance.random() < 0.5 else other for one, other in zip(rare, usual, strict=True)
        )

    return [text() for _ in range(count)]
