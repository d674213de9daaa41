"""`<scheme>:<rest>`: how a source is named on a command line, in a request and in `narrowcast.yaml`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from narrowcast.errors import UsageError


@dataclass(frozen=True, slots=True)
class Locator:
    """A parsed locator; which schemes exist is the connectors' business."""

    scheme: str
    rest: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.rest}"

    @property
    def public(self) -> str:
        """The locator without passwords and tokens: what files, events, errors and ledgers may hold.

        A variable (`${NAME}`) in the place of a secret stays, so that the recorded locator can be read again.
        """
        address, statement, password = self.rest, "", _PASSWORD
        if self.scheme == "sql":
            password = _ANY_PASSWORD
            match = _STATEMENT.search(self.rest)
            if match:  # a statement, to be kept exactly
                address, statement = self.rest[: match.start()], match[0]
        address = _SECRET_OPTION.sub(_without_value, password.sub(_without_password, address))
        return f"{self.scheme}:{address}{statement}"

    @classmethod
    def redacted(cls, text: str) -> str:
        """`public` of a text that may not be a locator at all."""
        scheme, _, rest = text.partition(":")
        return cls(scheme, rest).public

    def expanded(self) -> Locator:
        """With `${NAME}` replaced from the environment.

        Raises:
            UsageError: if a variable is not set.
        """
        return Locator(self.scheme, _VARIABLE.sub(_variable, self.rest))

    @classmethod
    def parse(cls, text: str) -> Locator:
        """Split at the first colon.

        Raises:
            UsageError: if there is no scheme or nothing after it.
        """
        scheme, colon, rest = text.partition(":")
        if not colon or not rest or not scheme.isidentifier():
            raise UsageError(
                "this is not a locator",
                where=text or "(empty)",
                next_command="write SCHEME:PATH, for example csv:train.csv or file:rows.parquet; "
                "`narrowcast data sources` lists the schemes",
                reason_code="dataset_request_invalid",
            )
        return cls(scheme, rest)


_VARIABLE = re.compile(r"\$\{(\w+)\}")
# `//user:password@`; a password may hold an @, a host cannot.
_PASSWORD = re.compile(r"(//[^/?#:@\s]*):([^/?#\s]*)@")
# A database URL holds no other @; a password that was not encoded may hold anything.
_ANY_PASSWORD = re.compile(r"(//[^/?#:@\s]*):(.*)@", re.DOTALL)
_SECRET_OPTION = re.compile(
    r"(?i)([?&#;](?:[\w.-]*(?:token|secret|passw(?:or)?d|pwd|signature|credential|api_?key|access_?key(?:_?id)?)"
    r"|key|sig|auth|authorization|bearer|code|cookie|hmac|jwt|otp|pass|pin|sas|session(?:_?id)?|sid|ticket)=)"
    r"([^&#;\s]*)"
)
_STATEMENT = re.compile(r"[?&](?:query|table)=.*", re.DOTALL)


def _without_password(found: re.Match[str]) -> str:
    kept = f":{found[2]}" if _VARIABLE.fullmatch(found[2]) else ""
    return f"{found[1]}{kept}@"


def _without_value(found: re.Match[str]) -> str:
    return found[0] if _VARIABLE.fullmatch(found[2]) else f"{found[1]}***"


def _variable(found: re.Match[str]) -> str:
    value = os.environ.get(found[1])
    if value is None:
        raise UsageError(
            f"the locator names a variable that is not set: {found[1]}",
            where="the environment",
            next_command=f"export {found[1]}=…, then the same command again",
            reason_code="dataset_request_invalid",
        )
    return value
