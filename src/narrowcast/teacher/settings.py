"""Where the teacher is and what it costs. Address and key come from the environment alone.

A project folder can be copied from anywhere; were the address in it, the copy could send the key away.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from narrowcast.errors import UsageError

_NEXT = (
    "export NARROWCAST_TEACHER_URL=http://127.0.0.1:11434/v1 NARROWCAST_TEACHER_MODEL=NAME "
    "(and NARROWCAST_TEACHER_KEY for a hosted one)"
)


class Price(BaseModel):
    """What the provider asks, in any one currency for each million tokens."""

    model_config = ConfigDict(frozen=True)

    prompt: float
    completion: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The cost of one answer."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1_000_000


class TeacherSettings(BaseModel):
    """An endpoint.

    Attributes:
        url: up to and including `/v1` (`NARROWCAST_TEACHER_URL`).
        model: as the endpoint calls it (`NARROWCAST_TEACHER_MODEL`).
        key: bearer token (`NARROWCAST_TEACHER_KEY`); None sends none.
    """

    model_config = ConfigDict(frozen=True)

    url: str
    model: str
    key: SecretStr | None = None

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str] | None = None,
        *,
        model: str | None = None,
        offline: bool = False,
    ) -> TeacherSettings:
        """Read the variables; `model` wins over the environment's.

        Raises:
            UsageError: where address or model is missing or wrong, or the address is not loopback offline.
        """
        env = os.environ if environment is None else environment
        url, name = env.get("NARROWCAST_TEACHER_URL", ""), model or env.get("NARROWCAST_TEACHER_MODEL", "")
        missing = [
            variable
            for variable, value in (("NARROWCAST_TEACHER_URL", url), ("NARROWCAST_TEACHER_MODEL", name))
            if not value
        ]
        if missing:
            raise UsageError(
                f"no teacher is set: {' and '.join(missing)}",
                where="the environment",
                next_command=f"{_NEXT}; or without a teacher: narrowcast data generate --source templates",
                reason_code="factory_teacher_missing",
            )
        key = env.get("NARROWCAST_TEACHER_KEY")
        settings = cls(url=url.rstrip("/"), model=name, key=SecretStr(key) if key else None)
        settings._check(offline)
        return settings

    def _check(self, offline: bool) -> None:
        parts = urlsplit(self.url)
        wrong = ""
        if parts.scheme not in ("http", "https") or not parts.hostname:
            wrong = "the teacher's address is no http(s) URL"
        elif parts.username or parts.password:
            wrong = "the teacher's address holds a password; it belongs into NARROWCAST_TEACHER_KEY"
        elif offline and not _is_loopback(parts.hostname):
            wrong = "NARROWCAST_OFFLINE allows a teacher on this machine only"
        elif self.key and parts.scheme == "http" and not _is_private(parts.hostname):
            wrong = "the key would cross the network unencrypted; use https"
        if wrong:
            # The address may hold a secret, so it is not repeated.
            raise UsageError(
                wrong,
                where="NARROWCAST_TEACHER_URL",
                next_command=_NEXT,
                reason_code="factory_teacher_missing",
            )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_private(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or "." not in host
