"""Duplicates to plant: a text as it is, nearly as it is, and in other words by rules that a person wrote."""

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
    reworded = text.lower().strip()
    for short, long in _CONTRACTIONS:
        reworded = reworded.replace(short, long)
    words = reworded.split()
    known = [place for place, word in enumerate(words) if re.sub(r"\W", "", word) in _SYNONYMS]
    for place in chance.sample(known, min(3, len(known))):
        bare = re.sub(r"\W", "", words[place])
        words[place] = words[place].replace(bare, _SYNONYMS[bare])
    reworded = " ".join(words)
    halves = re.split(r"(?<=[,.;?!]) ", reworded)
    if len(halves) > 1:
        chance.shuffle(halves)
    return chance.choice(_OPENINGS).format(" ".join(halves))
