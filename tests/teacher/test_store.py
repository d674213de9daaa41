"""Paid answers on disk: whole after a torn write, counted by run, never lost; and the budget's arithmetic."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.core.message import Message
from narrowcast.errors import WorkspaceError
from narrowcast.teacher.budget import Budget, Caps
from narrowcast.teacher.call import Answer, Call
from narrowcast.teacher.settings import Price
from narrowcast.teacher.store import CallStore, Spent


def _call(text: str, sample: int = 0, max_tokens: int = 100) -> Call:
    return Call("m", (Message("user", text),), {"max_tokens": max_tokens}, sample)


ANSWER = Answer("fine", "stop", prompt_tokens=7, completion_tokens=3)


def _answered(store: CallStore, call: Call, attempt: str) -> None:
    store.sent(call, call.key, attempt)
    store.answered(call, call.key, attempt, ANSWER)


def test_a_call_is_named_by_everything_that_decides_its_answer() -> None:
    same = {_call("a").key, _call("a").key}
    others = {
        _call("b").key,
        _call("a", sample=1).key,
        _call("a", max_tokens=99).key,
        Call("other", (Message("user", "a"),), {"max_tokens": 100}).key,
        Call("m", (Message("system", "a"),), {"max_tokens": 100}).key,
    }
    assert len(same) == 1
    assert len(same | others) == 6


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_torn_last_line_costs_that_line_alone(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "calls.jsonl"
    with CallStore(path, "gen-1") as store:
        _answered(store, _call("first"), "1")
        _answered(store, _call("second"), "2")
    path.write_bytes(path.read_bytes()[:-cut])
    with CallStore(path, "gen-1") as store:
        assert store.get(_call("first").key) is not None
        assert store.get(_call("second").key) is None
        assert store.spent.lost == 1, "its request was sent, so it may have been paid"
        _answered(store, _call("third"), "3")
    with CallStore(path, "gen-1") as store:
        assert store.get(_call("third").key) is not None
        assert store.spent.answered == 2


def test_spending_belongs_to_its_run_and_answers_to_all(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    with CallStore(path, "gen-1") as store:
        _answered(store, _call("shared"), "1")
        call = _call("refused")
        store.sent(call, call.key, "2")
        store.record_failure(call, call.key, "2", "HTTP 503", billed=False)
        store.sent(call, call.key, "3")
        store.record_failure(call, call.key, "3", "ReadTimeout", billed=True)
        assert (store.spent.answered, store.spent.retried, store.spent.lost) == (1, 1, 1)
    with CallStore(path, "gen-1") as again:
        assert (again.spent.answered, again.spent.retried, again.spent.lost) == (1, 1, 1)
        assert again.spent.tokens == 10 + call.prompt_bound + call.completion_bound
    with CallStore(path, "gen-2") as other:
        assert other.spent.tokens == 0
        assert other.get(_call("shared").key) is not None


def test_damage_in_the_middle_is_an_error_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    with CallStore(path, "gen-1") as store:
        _answered(store, _call("first"), "1")
    path.write_bytes(b'{"event": "sent"\n' + path.read_bytes())
    with pytest.raises(WorkspaceError, match="damaged"):
        CallStore(path, "gen-1")


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 300), st.integers(1, 100), st.booleans()), max_size=30),
    st.integers(1, 2_000),
)
def test_no_order_of_answers_and_losses_passes_a_cap(calls: list[tuple[int, int, bool]], cap: int) -> None:
    price = Price(prompt=1_000_000.0, completion=1_000_000.0)
    budget = Budget(Caps(tokens=cap, cost=cap / 2), price, Spent())
    for length, most, lost in calls:
        call = _call("x" * length, max_tokens=most)
        if not budget.reserve(call):
            break
        answer = Answer("", "stop", prompt_tokens=length // 4, completion_tokens=most)
        budget.settle(call, None if lost else answer, lost=lost)
    assert budget.tokens <= cap
    assert budget.cost is not None
    assert budget.cost <= cap / 2


def test_a_reservation_waits_for_room_that_an_answer_makes() -> None:
    call = _call("x" * 100, max_tokens=100)
    budget = Budget(Caps(tokens=call.prompt_bound + call.completion_bound + 50), None, Spent())
    assert budget.reserve(call)
    got = []
    waiting = threading.Thread(target=lambda: got.append(budget.reserve(call)))
    waiting.start()
    budget.settle(call, ANSWER)
    waiting.join(timeout=10)
    assert got == [True]
    budget.settle(call, ANSWER)
    assert not budget.exhausted
