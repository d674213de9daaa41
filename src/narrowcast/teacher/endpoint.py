"""One attempt over HTTP: `POST {url}/chat/completions` of the OpenAI protocol.

httpx rather than the openai client: the protocol is one request, and retries must be ours, because each
attempt is written down before it leaves. Redirects are not followed, so the key goes nowhere else.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any

from narrowcast.errors import StageError
from narrowcast.faults import first_line
from narrowcast.plugins.optional import require
from narrowcast.teacher.call import Answer, Call
from narrowcast.teacher.settings import TeacherSettings

_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_LARGEST_ANSWER = 8 << 20  # bytes
_MOST_TOKENS = 10_000_000  # in one answer; what counts more has not counted
_LONGEST_ANSWER = 5  # times the time limit between two parts of an answer


class UnreadableAnswerError(StageError):
    """An answer that came, and may have been paid, but is not of the protocol."""

    default_reason_code = "factory_teacher_refused"


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """An attempt that may be repeated.

    Attributes:
        why: for the log and the last error.
        wait: seconds the endpoint asked for; None leaves it to the backoff.
        billed: whether the attempt may have been paid (the connection broke after the request was out).
    """

    why: str
    wait: float | None = None
    billed: bool = False


class Endpoint:
    """A connection pool to the teacher; `attempt` may be called from several threads."""

    def __init__(self, settings: TeacherSettings, *, timeout: float, connections: int) -> None:
        require("httpx", purpose="asking a teacher")
        import httpx

        self._settings = settings
        self._longest = _LONGEST_ANSWER * timeout
        headers = {"authorization": f"Bearer {settings.key.get_secret_value()}"} if settings.key else {}
        self._client = httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            limits=httpx.Limits(max_connections=connections),
            follow_redirects=False,
            trust_env=False,  # no proxy from the environment sees prompts or key
        )

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def attempt(self, call: Call) -> Answer | TurnedAway:
        """Send the request once.

        Raises:
            StageError: if the endpoint refuses for a reason that repeating does not cure.
        """
        import httpx

        began = time.monotonic()
        try:
            # An endpoint that knows the header bills a repetition after a kill once.
            with self._client.stream(
                "POST",
                f"{self._settings.url}/chat/completions",
                json=call.body(),
                headers={"idempotency-key": call.key},
            ) as response:
                body = _bounded(response, began + self._longest)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return TurnedAway(f"no connection: {error}")
        except httpx.TransportError as error:
            return TurnedAway(f"{type(error).__name__}: {error}", billed=True)
        except httpx.DecodingError as error:
            raise _unreadable(f"cannot be decompressed: {first_line(error)}") from error
        if response.status_code in _RETRIED:
            return TurnedAway(f"HTTP {response.status_code}", _retry_after(response.headers))
        if response.status_code != httpx.codes.OK:
            raise _refused(response.status_code, body)
        return _answer(call, body, time.monotonic() - began)


def _bounded(response: Any, until: float) -> bytes:
    """The whole body; an endpoint that sends a little at a time is not waited for without end."""
    import httpx

    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if time.monotonic() > until:
            raise httpx.ReadTimeout("the answer did not end in time")
        if len(body) > _LARGEST_ANSWER:
            raise UnreadableAnswerError(
                "the teacher's answer is larger than 8 MiB",
                where="NARROWCAST_TEACHER_URL",
                next_command="check that the address is an OpenAI-compatible endpoint",
            )
    return bytes(body)


def _answer(call: Call, body: bytes, seconds: float) -> Answer:
    try:
        value = json.loads(body)
        choice = value["choices"][0]
        text: str = "" + (choice["message"]["content"] or "")
        usage = value.get("usage") or {}
        prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    except RecursionError as error:
        raise _unreadable("is nested too deeply") from error
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise _unreadable(f"does not follow the OpenAI protocol: {type(error).__name__} {error}") from error
    counted = prompt is not None and completion is not None
    if prompt is None or completion is None:
        prompt, completion = call.prompt_bound, call.completion_bound
    return Answer(
        text=text,
        finish=str(choice.get("finish_reason") or ""),
        prompt_tokens=prompt,
        completion_tokens=completion,
        counted=counted,
        seconds=round(seconds, 3),
    )


def _count(value: Any) -> int | None:
    """A number of tokens, None where it cannot be one; a negative one would make room under the cap."""
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None


def _unreadable(why: str) -> UnreadableAnswerError:
    return UnreadableAnswerError(
        f"the teacher's answer {why}",
        where="NARROWCAST_TEACHER_URL",
        next_command="check that the address ends where /chat/completions begins, usually /v1",
    )


def _retry_after(headers: Any) -> float | None:
    """Seconds, from either form of the header (RFC 9110, section 10.2.3)."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _refused(status: int, body: bytes) -> StageError:
    hints = {
        400: "if it names response_format: --structured json_object, or --structured none",
        401: "check NARROWCAST_TEACHER_KEY",
        402: "check the account's credit",
        403: "check NARROWCAST_TEACHER_KEY and what it may use",
        404: "check NARROWCAST_TEACHER_URL (it usually ends in /v1) and NARROWCAST_TEACHER_MODEL",
        422: "if it names response_format: --structured json_object, or --structured none",
    }
    reason = " ".join(body.decode("utf-8", "replace").split())[:300]
    return StageError(
        f"the teacher refused the request with HTTP {status}: {reason or 'no text'}",
        where="NARROWCAST_TEACHER_URL",
        next_command=hints.get(status, "read what the endpoint says"),
        reason_code="factory_teacher_refused",
    )
