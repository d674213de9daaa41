"""Asking one question: the store first, then the budget, then the endpoint with retries.

The waits are our own and not those of stamina, which sleeps where nothing can wake it: an endpoint may ask
for minutes, and `stop` must end the wait immediately.
"""

from __future__ import annotations

import threading
import uuid

from narrowcast.core.hashing import sha256_hex
from narrowcast.errors import StageError
from narrowcast.teacher.budget import Budget
from narrowcast.teacher.call import Answer, Call
from narrowcast.teacher.endpoint import Endpoint, TurnedAway, UnreadableAnswerError
from narrowcast.teacher.store import CallStore

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
# An endpoint that asks for more than this is not waited for: the run ends and is resumed later.
_LONGEST_RETRY_AFTER = 300.0


class Teacher:
    """Answers calls; `ask` may be called from several threads.

    Args:
        endpoint: where requests go.
        store: where answers are kept, and looked for first.
        budget: what may be spent.
        attempts: tries of one call before it is an error.
    """

    def __init__(self, endpoint: Endpoint, store: CallStore, budget: Budget, *, attempts: int) -> None:
        self._endpoint = endpoint
        self._store = store
        self._budget = budget
        self._attempts = attempts
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Let no further request leave; those under way are finished."""
        self._stopping.set()

    def ask(self, call: Call) -> Answer | None:
        """The stored answer, or a paid one that is stored; None where the caps leave no room, or on `stop`.

        Raises:
            StageError: if the teacher refuses or cannot be reached.
        """
        key = call.key
        stored = self._store.get(key)
        if stored is not None:
            return stored
        last = TurnedAway("not tried")
        for number in range(self._attempts):
            if self._stopping.is_set() or not self._budget.reserve(call):
                return None
            if self._stopping.is_set():  # while this call waited for room under the cap
                self._budget.settle(call, None)
                return None
            outcome = self._attempt(call, key)
            if isinstance(outcome, Answer):
                return outcome
            last = outcome
            if (outcome.wait or 0) > _LONGEST_RETRY_AFTER:
                break
            if number + 1 < self._attempts and self._stopping.wait(_delay(outcome, number, key)):
                return None
        raise StageError(
            f"the teacher did not answer in {self._attempts} attempts; the last: {last.why}"
            if (last.wait or 0) <= _LONGEST_RETRY_AFTER
            else f"the teacher asks to wait {last.wait:.0f} seconds ({last.why})",
            where="NARROWCAST_TEACHER_URL",
            next_command="run the same command again later; answers that arrived are not paid again",
            reason_code="factory_teacher_unavailable",
        )

    def _attempt(self, call: Call, key: str) -> Answer | TurnedAway:
        attempt = uuid.uuid4().hex
        outcome: Answer | TurnedAway | None = None
        lost = False
        try:
            self._store.sent(call, key, attempt)
            outcome = self._endpoint.attempt(call)
            if isinstance(outcome, Answer):
                self._store.answered(call, key, attempt, outcome)
            else:
                lost = outcome.billed
                self._store.record_failure(call, key, attempt, outcome.why, billed=lost)
            return outcome
        except StageError as error:
            lost = isinstance(error, UnreadableAnswerError)
            self._store.record_failure(call, key, attempt, error.what, billed=lost)
            raise
        finally:
            answer = outcome if isinstance(outcome, Answer) else None
            self._budget.settle(call, answer, lost=lost)


def _delay(outcome: TurnedAway, number: int, key: str) -> float:
    """What the endpoint asked for; else doubling, spread so that calls do not come together."""
    if outcome.wait is not None:
        return outcome.wait
    spread = 0.5 + int(sha256_hex(f"{key}:{number}".encode())[:8], 16) / 0xFFFFFFFF / 2
    return min(_FIRST_WAIT * 2.0**number, _LONGEST_WAIT) * spread
