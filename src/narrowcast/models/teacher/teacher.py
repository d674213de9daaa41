"""Asking: the store first, then the budget, then the endpoint with retries; several calls at a time."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice

from narrowcast.core.hashing import sha256_hex
from narrowcast.core.progress import CancelToken
from narrowcast.errors import StageError
from narrowcast.models.teacher.budget import Budget
from narrowcast.models.teacher.call import Answer, Call
from narrowcast.models.teacher.endpoint import Endpoint, TurnedAway, UnreadableAnswerError
from narrowcast.models.teacher.store import CallStore

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
# An endpoint that asks for more than this is not waited for: the run ends and is resumed later.
_LONGEST_ASKED = 300.0


class Teacher:
    """Answers calls.

    Args:
        endpoint: where requests go.
        store: where answers are kept, and looked for first.
        budget: what may be spent.
        attempts: tries of one call before the run ends.
        concurrency: requests under way at a time.
        cancel: looked at between attempts and while waiting.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        store: CallStore,
        budget: Budget,
        *,
        attempts: int = 6,
        concurrency: int = 4,
        cancel: CancelToken | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._store = store
        self._budget = budget
        self._attempts = attempts
        self._concurrency = concurrency
        self._cancel = cancel or CancelToken()
        self._stopping = False

    def ask_all(self, calls: Iterable[Call], each: Callable[[Call, Answer], None]) -> None:
        """Ask every call; `each` is told of every answer, in this thread, in the order of arrival.

        Ends early, without an error, where the budget has no room left (`budget.exhausted`).

        Raises:
            StageError: where the teacher refuses or can not be reached; answers that came are stored.
            CancelledError: on request; requests under way are waited for and stored.
        """
        waiting = iter(calls)
        under_way: dict[Future[Answer | None], Call] = {}
        with ThreadPoolExecutor(self._concurrency, thread_name_prefix="teacher") as pool:
            try:
                while not self._budget.exhausted:
                    for call in islice(waiting, self._concurrency * 2 - len(under_way)):
                        under_way[pool.submit(self._ask, call)] = call
                    if not under_way:
                        return
                    done, _ = wait(under_way, timeout=0.2, return_when=FIRST_COMPLETED)
                    self._tell(done, under_way, each)
                    self._cancel.check(reason_code="factory_cancelled", stage="factory")
            except BaseException:
                self._stopping = True
                for future in under_way:
                    future.cancel()
                raise
            while under_way:
                done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                self._tell(done, under_way, each)

    @staticmethod
    def _tell(
        done: set[Future[Answer | None]],
        under_way: dict[Future[Answer | None], Call],
        each: Callable[[Call, Answer], None],
    ) -> None:
        for future in done:
            call = under_way.pop(future)
            answer = future.result()
            if answer is not None:
                each(call, answer)

    def _ask(self, call: Call) -> Answer | None:
        key = call.key
        stored = self._store.get(key)
        if stored is not None:
            return stored
        last = TurnedAway("not tried")
        for number in range(self._attempts):
            if self._stopping or not self._budget.reserve(call):
                return None
            outcome = self._attempt(call, key)
            if isinstance(outcome, Answer):
                return outcome
            last = outcome
            if (outcome.wait or 0) > _LONGEST_ASKED:
                break
            if number + 1 < self._attempts and not self._pause(_delay(outcome, number, key)):
                return None
        raise StageError(
            f"the teacher gave no answer in {self._attempts} attempts; the last: {last.why}"
            if (last.wait or 0) <= _LONGEST_ASKED
            else f"the teacher asks to wait {last.wait:.0f} seconds ({last.why})",
            where="NARROWCAST_TEACHER_URL",
            next_command="the same command again, later; answers that came are kept and not paid again",
            reason_code="factory_teacher_unavailable",
            stage="factory",
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
                self._store.turned_away(call, key, attempt, outcome.why, billed=lost)
            return outcome
        except StageError as error:
            lost = isinstance(error, UnreadableAnswerError)
            self._store.turned_away(call, key, attempt, error.what, billed=lost)
            raise
        finally:
            answer = outcome if isinstance(outcome, Answer) else None
            self._budget.settle(call, answer, lost=lost)

    def _pause(self, seconds: float) -> bool:
        """Wait; False where the run is being stopped."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._stopping or self._cancel.requested:
                return False
            time.sleep(min(left, 0.1))
        return True


def _delay(outcome: TurnedAway, number: int, key: str) -> float:
    """What the endpoint asked for; else doubling, spread so that calls do not come together."""
    if outcome.wait is not None:
        return outcome.wait
    spread = 0.5 + int(sha256_hex(f"{key}:{number}".encode())[:8], 16) / 0xFFFFFFFF / 2
    return min(_FIRST_WAIT * 2.0**number, _LONGEST_WAIT) * spread
