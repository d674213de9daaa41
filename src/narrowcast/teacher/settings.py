"""Where the teacher is and what it costs. Address and key come from the environment alone.

A project folder can be copied from anywhere; were the address in it, the copy could send the key away.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from narrowcast.core.settings import Settings
from narrowcast.errors import UsageError

_NEXT = (
    "export NARROWCAST_TEACHER_URL=http://127.0.0.1:11434/v1 NARROWCAST_TEACHER_MODEL=NAME "
    "(and NARROWCAST_TEACHER_KEY for a hosted one)"
)


class Price(BaseModel):
    """What the provider charges, in any one currency, per million tokens."""

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
    def of(cls, settings: Settings, *, model: str | None = None) -> TeacherSettings:
        """The endpoint that `settings` name; `model` wins over theirs.

        Raises:
            UsageError: if address or model is missing or wrong, or the address is not loopback offline.
        """
        url, name = settings.teacher_url, model or settings.teacher_model
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
        teacher = cls(url=url.rstrip("/"), model=name, key=settings.teacher_key)
        teacher._check(settings.offline)
        return teacher

    def _check(self, offline: bool) -> None:
        parts = urlsplit(self.url)
        wrong = ""
        if parts.scheme not in ("http", "https") or not parts.hostname:
            wrong = "the teacher's address is not an http(s) URL"
        elif parts.username or parts.password:
            wrong = "the teacher's address contains a password; it belongs in NARROWCAST_TEACHER_KEY"
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
