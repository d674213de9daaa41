"""The committed data is what its generator writes, and is as hard as its card says."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter, defaultdict
from statistics import median
from typing import Any

import pytest

from narrowcast.core.example import Example
from narrowcast.demo.generate import rows
from narrowcast.demo.project import DATA, task
from narrowcast.demo.text import CATEGORIES, fragments, products, scenarios
from narrowcast.tasks import handler_for

pytestmark = pytest.mark.nightly

Row = dict[str, Any]


@pytest.fixture(scope="module")
def data() -> list[Row]:
    return [json.loads(line) for line in gzip.decompress(DATA.read_bytes()).decode().splitlines()]


def test_the_generator_writes_the_committed_file_to_the_byte() -> None:
    written = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows())
    assert written.encode() == gzip.decompress(DATA.read_bytes())
    assert DATA.stat().st_size < 1_000_000


def test_size_and_variety(data: list[Row]) -> None:
    assert len(data) == 2_835
    assert len({row["message"] for row in data}) == len(data)
    assert len(scenarios()) == len({scenario.text for scenario in scenarios()}) == 315
    by_scenario = Counter(row["scenario"] for row in data)
    assert set(by_scenario.values()) == {9}
    words = [len(row["message"].split()) for row in data]
    assert 35 <= median(words) <= 60
    assert max(words) < 120


def test_every_ticket_fits_the_schema_of_the_task(data: list[Row]) -> None:
    handler = handler_for(task())
    for number, row in enumerate(data):
        assert handler.check(Example({"text": row["message"]}, row["ticket"], "demo", number)) is None
    tickets = [row["ticket"] for row in data]
    assert {ticket["category"] for ticket in tickets} == set(CATEGORIES)
    assert {ticket["product"] for ticket in tickets} == {None, *products()}
    for field in ("order_id", "product"):
        missing = sum(ticket[field] is None for ticket in tickets) / len(tickets)
        assert 0.2 < missing < 0.6
    assert 0.15 < sum(ticket["wants_refund"] for ticket in tickets) / len(tickets) < 0.35


def test_nothing_is_left_to_be_filled_in(data: list[Row]) -> None:
    slot = re.compile(r"\{\w{1,8}\}|\[[^\]]*\|")
    assert not [row["message"] for row in data if slot.search(row["message"])]


def test_order_numbers_are_in_the_message_and_so_are_near_misses(data: list[Row]) -> None:
    for row in data:
        digits = re.sub(r"\D", "", row["message"])
        if row["ticket"]["order_id"]:
            assert row["ticket"]["order_id"][3:] in digits
    misleading = [
        row for row in data if row["ticket"]["order_id"] is None and re.search(r"\d{4}", row["message"])
    ]
    assert len(misleading) > 100


def test_injections_change_no_ticket(data: list[Row]) -> None:
    marks = [re.escape(line.lower()[:30]) for line in fragments()["injection"]]
    injected = [row for row in data if re.search("|".join(marks), row["message"].lower())]
    assert len(injected) > 80
    claimed = [row for row in injected if "wf-1234" in row["message"].lower()]
    assert all(row["ticket"]["order_id"] != "WF-1234" for row in claimed)
    assert {row["ticket"]["category"] for row in injected} == set(CATEGORIES)


def test_one_word_does_not_give_the_answer_away(data: list[Row]) -> None:
    """The best single word for each value, even when chosen with the answers in hand, is far from enough."""
    words = [set(re.findall(r"[a-z]+", row["message"].lower())) for row in data]
    for field in ("category", "priority", "wants_refund"):
        found: dict[str, Counter[Any]] = defaultdict(Counter)
        for row, present in zip(data, words, strict=True):
            for word in present:
                found[word][row["ticket"][field]] += 1
        values = Counter(row["ticket"][field] for row in data)
        best: dict[Any, tuple[float, str]] = {}
        for word, counts in found.items():
            for value, hits in counts.items():
                f1 = 2 * hits / (sum(counts.values()) + values[value])
                best[value] = max(best.get(value, (0.0, "")), (f1, word))
        rare = [value for value in values if value != values.most_common(1)[0][0]]
        assert all(best[value][0] < 0.75 for value in rare), best


def test_contacts_are_fictional(data: list[Row]) -> None:
    text = "\n".join(row["message"] for row in data)
    addresses = [found.strip(".,()") for found in re.findall(r"\S+@\S+", text.lower())]
    assert len(addresses) > 10
    assert not [address for address in addresses if not address.endswith("@example.com")]
    phones = [found.strip() for found in re.findall(r"(?:020 7946|01632 960|\+44)[\d ]+", text)]
    assert len(phones) > 10
    fictional = re.compile(r"020 7946 0\d{3}|01632 960\d{3}|\+44 1632 960 \d{3}")
    assert not [phone for phone in phones if not fictional.fullmatch(phone)]
