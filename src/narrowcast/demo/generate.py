"""The demo's data: support messages of a shop that does not exist, each with its ticket.

    python -m narrowcast.demo.generate src/narrowcast/demo/data/tickets.jsonl.gz

Every label follows from how a message was put together, so none is a matter of opinion; the rules are in
`data/README.md`. Same seeds, same bytes; rows of one hand-written scenario share its id.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from narrowcast.demo.text import (
    Scenario,
    choose,
    fragments,
    misspell,
    products,
    recase,
    requests,
    scenarios,
    shorten,
)

VARIANTS = 9
_SEED = "wrenfield-1"
_NUMBERS = ("two", "three", "four", "five", "3", "4", "6")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "September", "October", "November")
# Asking for money fits these matters; an exchange, an open question or a lost password it contradicts.
_MONEY = {"delivery": r"", "defect": r"", "cancel": r"", "billing": r"taken|charge|price|paid|fee|total|took"}
_CONTRADICTS_MONEY = re.compile(r"exchange|swap|replace|trade|invoice|the bill\b|overdrawn|not delete|credit")
# What is said in passing is about another matter than the one at hand.
_MATTER = {
    "delivery": re.compile("deliver|parcel|courier|came"),
    "defect": re.compile("scratch|runs|working|trouble"),
    "return": re.compile("exchang|return"),
    "billing": re.compile("invoice|cheap|for less"),
    "account": re.compile("login|password|website"),
    "question": re.compile("answer|asked"),
    "cancel": re.compile("cancel"),
}


@dataclass(slots=True)
class Draft:
    """A message on its way, and the ticket it is going to have."""

    chance: Random
    scenario: Scenario
    product: str | None = None
    order: str | None = None
    refund: bool = False
    priority: str = "normal"
    parts: list[str] = field(default_factory=list)

    def ticket(self) -> dict[str, Any]:
        """What the message asks for, keys in the order of the schema."""
        return {
            "category": self.scenario.category,
            "priority": self.priority,
            "order_id": self.order,
            "product": self.product,
            "wants_refund": self.refund,
        }


def rows() -> Iterator[dict[str, Any]]:
    """All rows: `message`, `ticket`, `scenario`; scenarios follow each other, their variants apart."""
    for variant in range(VARIANTS):
        for scenario in scenarios():
            yield make_row(scenario, variant)


def make_row(scenario: Scenario, variant: int) -> dict[str, Any]:
    """One row, decided by the scenario's id and the variant's number alone."""
    chance = Random(f"{_SEED}:{scenario.id}:{variant}")  # noqa: S311 - repeatable, not secret
    draft = Draft(chance, scenario)
    draft.refund = "$" in scenario.marks
    draft.priority = "high" if "!" in scenario.marks else "low" if "~" in scenario.marks else "normal"
    _add_matter(draft)
    _add_order(draft)
    _add_money(draft)
    _add_time(draft)
    _add_noise(draft)
    _add_frame(draft)
    return {"message": _typed(draft), "ticket": draft.ticket(), "scenario": scenario.id}


def _add_matter(draft: Draft) -> None:
    chance, text = draft.chance, choose(draft.chance, draft.scenario.text)
    if chance.random() < 0.8:
        name = chance.choice(list(products()))
        if "{p}" in text:
            draft.product = name
            text = text.replace("{p}", chance.choice(products()[name]))
        elif draft.scenario.category in ("delivery", "billing", "cancel", "return") and chance.random() < 0.4:
            draft.product = name
            text += " " + _piece(chance, "product").replace("{p}", chance.choice(products()[name]))
    draft.parts.append(text.replace("{p}", _piece(chance, "generic")))
    if chance.random() < 0.8:
        draft.parts.append(chance.choice(requests()[draft.scenario.category]))


def _add_order(draft: Draft) -> None:
    chance = draft.chance
    named = 0.2 if draft.scenario.category in ("question", "account") else 0.72
    if chance.random() < named:
        draft.order = _order(chance)
        piece = _piece(chance, "order").replace("{o}", _spelled(chance, draft.order))
        draft.parts.insert(chance.choice((0, 1, 1)), piece)
    if chance.random() < (0.15 if draft.order else 0.3):
        draft.parts.append(_piece(chance, "other_number"))
    elif not draft.order and chance.random() < 0.3:
        draft.parts.append(_piece(chance, "no_order"))


def _add_money(draft: Draft) -> None:
    chance, scenario = draft.chance, draft.scenario
    if "$" in scenario.marks or "x" in scenario.marks:
        return
    fits = scenario.category in _MONEY and re.search(_MONEY[scenario.category], scenario.text)
    if fits and not _CONTRADICTS_MONEY.search(scenario.text) and chance.random() < 0.42:
        draft.refund = True
        draft.parts.append(_piece(chance, "refund_ask"))
    elif chance.random() < 0.2:
        draft.parts.append(_piece(chance, "refund_not"))


def _add_time(draft: Draft) -> None:
    chance, calm = draft.chance, draft.priority != "high"
    draw = chance.random()
    if draw < 0.14 and draft.priority == "normal":
        draft.priority = "high"
        draft.parts.append(_piece(chance, "deadline"))
    elif 0.14 <= draw < 0.28 and calm:
        draft.priority = "low"
        draft.parts.append(_piece(chance, "no_hurry"))
    elif draw > 0.8:
        draft.parts.insert(chance.randrange(len(draft.parts) + 1), _piece(chance, "shout"))


def _add_noise(draft: Draft) -> None:
    chance = draft.chance
    if chance.random() < 0.35:
        other = chance.choice([name for name in products() if name != draft.product])
        beside = [line for line in fragments()["aside"] if not _MATTER[draft.scenario.category].search(line)]
        piece = chance.choice(beside).replace("{q}", chance.choice(products()[other]))
        draft.parts.insert(chance.randrange(1, len(draft.parts) + 1), piece)
    if chance.random() < 0.07:
        draft.parts.insert(chance.randrange(len(draft.parts) + 1), _piece(chance, "injection"))


def _add_frame(draft: Draft) -> None:
    chance = draft.chance
    if chance.random() < 0.6:
        draft.parts.insert(0, _piece(chance, "greeting"))
    if chance.random() < 0.14:
        draft.parts.insert(0, _piece(chance, "subject"))
    if chance.random() < 0.5:
        draft.parts.append(_piece(chance, "closing"))
    if chance.random() < 0.45:
        draft.parts.append(_piece(chance, "name"))


def _typed(draft: Draft) -> str:
    """Fill in what is left, join the pieces and type them the way people do."""
    chance = draft.chance
    gap = chance.choice((" ", " ", "\n", "\n\n"))
    text = _fill(chance, gap.join(draft.parts))
    draw = chance.random()
    if draw < 0.15:
        text = misspell(chance, shorten(chance, text), 0.1)
    elif draw < 0.45:
        text = misspell(chance, text, 0.03)
    return recase(chance, text)


def _piece(chance: Random, section: str) -> str:
    return chance.choice(fragments()[section])


def _order(chance: Random) -> str:
    return f"WF-{chance.randrange(1_000, 10_000)}"


def _spelled(chance: Random, order: str) -> str:
    digits = order[3:]
    usual = [order] * 5
    forms = [*usual, f"WF{digits}", f"#{digits}", digits, f"WF {digits}", f"wf-{digits}"]
    return chance.choice(forms)


def _fill(chance: Random, text: str) -> str:
    makers = {
        "n": lambda: chance.choice(_NUMBERS),
        "day": lambda: chance.choice(_DAYS),
        "date": lambda: _date(chance),
        "amount": lambda: _amount(chance),
        "q": lambda: chance.choice(chance.choice(list(products().values()))),
        "x": lambda: _spelled(chance, _order(chance)),
        "phone": lambda: chance.choice(("020 7946 0{:03}", "01632 960{:03}", "+44 1632 960 {:03}")).format(
            chance.randrange(1_000)
        ),
        "invoice": lambda: f"INV-{chance.randrange(2023, 2027)}-{chance.randrange(1_000, 10_000)}",
        "tracking": lambda: f"PK {chance.randrange(10**9, 10**10)}",
        "serial": lambda: f"SN{chance.randrange(10, 100)}-{chance.randrange(10_000, 100_000)}",
        "four": lambda: str(chance.randrange(1_000, 10_000)),
        "mail": lambda: f"{chance.choice(('lucy', 'tom.p', 'office', 'holt77', 'noor'))}@example.com",
        "name": lambda: _piece(chance, "name"),
    }
    return re.sub(r"\{(\w+)\}", lambda found: makers[found[1]](), text)


def _date(chance: Random) -> str:
    day, month = chance.randrange(1, 29), chance.choice(_MONTHS)
    return chance.choice(
        (f"{day} {month}", f"{month} {day}", f"the {day}th" if day > 3 else f"{day} {month}")
    )


def _amount(chance: Random) -> str:
    pounds, pence = chance.randrange(9, 190), chance.choice(("00", "49", "90", "99"))
    return chance.choice((f"£{pounds}.{pence}", f"{pounds}.{pence}", f"€{pounds}", f"{pounds} pounds"))


def main() -> None:
    """Write the data as compressed JSONL to the path that is given."""
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows())
    Path(sys.argv[1]).write_bytes(gzip.compress("".join(lines).encode(), mtime=0))


if __name__ == "__main__":
    main()
