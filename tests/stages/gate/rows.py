"""Rows that no gate rejects: every sentence has words of its own."""

from __future__ import annotations

import random
from typing import Any

WORDS = """
account address answer apple autumn balance basket battery bicycle blanket border bottle branch
bridge bucket button cabin camera candle carpet castle chair cheese circle cloud coffee corner
cotton courier credit cup curtain customs damage deposit desk doctor door dress driver earth engine
envelope evening exchange fabric factory farm feather fence finger flight flower forest garden glass
glove grain hammer harbour hat hotel house ink invoice island jacket kettle key kitchen ladder lamp
laptop leather letter library lock machine market meadow metal mirror moment mountain needle number
office orange oven package paper parcel pencil phone picture pillow pocket postcard price printer
receipt refund river road roof router saddle sand school screen shelf shirt shoe silver soap spoon
station stone street summer table taxi ticket tower train tunnel umbrella valley village voucher
wallet window winter wire wool yard
""".split()  # noqa: SIM905
LABELS = ["billing", "shipping"]
VERBS = ["lost", "broke", "moved", "found", "sold", "shut", "sent", "cleaned", "lifted", "dropped", "painted"]


def sentence(number: int, words: int = 11) -> str:
    """A sentence of its own vocabulary for each number."""
    chance = random.Random(number)
    picked = chance.sample(WORDS, words)
    return f"I {chance.choice(VERBS)} the {' '.join(picked[:5])} and then the {' '.join(picked[5:])}"


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {"text": sentence(number), "label": LABELS[number % 2], **changes}
