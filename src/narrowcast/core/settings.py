"""The environment, read once and in one place: by an interface, which passes the settings on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr

from narrowcast.errors import UsageError


class Settings(BaseModel):
    """What the environment decides.

    Attributes:
        home: the workspace (`NARROWCAST_HOME`, default `~/.narrowcast`).
        database_url: SQLAlchemy URL of the index (`NARROWCAST_DATABASE_URL`, default SQLite in `home`).
        offline: no socket but loopback is opened (`NARROWCAST_OFFLINE`).
        actor: who acts, for events (`NARROWCAST_ACTOR`, default the system user).
        allow_private: remote sources may be at private and loopback addresses
            (`NARROWCAST_ALLOW_PRIVATE_ADDRESSES`).
        max_download: bytes that one remote file may have (`NARROWCAST_MAX_DOWNLOAD_BYTES`, default 20 GiB).
        project: the project commands work on when none is named (`NARROWCAST_PROJECT`).
        teacher_url: OpenAI-compatible endpoint of the teacher, up to and including `/v1`
            (`NARROWCAST_TEACHER_URL`).
        teacher_model: the teacher's model, as the endpoint calls it (`NARROWCAST_TEACHER_MODEL`).
        teacher_key: bearer token for it (`NARROWCAST_TEACHER_KEY`); None sends none.
        serve_token: bearer token that requests to `narrowcast serve` must carry (`NARROWCAST_SERVE_TOKEN`).
        processes: how many train one model together (`WORLD_SIZE`, which torchrun and accelerate set).
        process: which of them this is (`RANK`); 0 writes, tells and decides, the others compute alone.
    """

    model_config = ConfigDict(frozen=True)

    home: Path
    database_url: str
    offline: bool = False
    actor: str = "local"
    project: str | None = None
    allow_private: bool = False
    max_download: int = 20 << 30
    teacher_url: str = ""
    teacher_model: str = ""
    teacher_key: SecretStr | None = None
    serve_token: SecretStr | None = None
    processes: int = 1
    process: int = 0

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] | None = None, *, home: Path | None = None
    ) -> Settings:
        """Read the variables; `home` (from `--home`) wins over the environment.

        Raises:
            UsageError: if a variable that is a number does not hold one.
        """
        env = os.environ if environment is None else environment
        root = (home or Path(env.get("NARROWCAST_HOME", "~/.narrowcast"))).expanduser().absolute()
        return cls(
            home=root,
            database_url=env.get("NARROWCAST_DATABASE_URL") or f"sqlite:///{root / 'narrowcast.db'}",
            offline=_is_on(env.get("NARROWCAST_OFFLINE")),
            actor=env.get("NARROWCAST_ACTOR") or env.get("USER") or "local",
            project=env.get("NARROWCAST_PROJECT") or None,
            allow_private=_is_on(env.get("NARROWCAST_ALLOW_PRIVATE_ADDRESSES")),
            max_download=_number(env, "NARROWCAST_MAX_DOWNLOAD_BYTES", 20 << 30),
            teacher_url=env.get("NARROWCAST_TEACHER_URL") or "",
            teacher_model=env.get("NARROWCAST_TEACHER_MODEL") or "",
            teacher_key=_secret(env.get("NARROWCAST_TEACHER_KEY")),
            serve_token=_secret(env.get("NARROWCAST_SERVE_TOKEN")),
            processes=_number(env, "WORLD_SIZE", 1),
            process=_number(env, "RANK", 0),
        )

    def to_environment(self) -> dict[str, str]:
        """The variables that give a child process these settings; `processes` are torchrun's to say."""
        return {
            "NARROWCAST_HOME": str(self.home),
            "NARROWCAST_DATABASE_URL": self.database_url,
            "NARROWCAST_OFFLINE": "1" if self.offline else "",
            "NARROWCAST_ACTOR": self.actor,
            "NARROWCAST_PROJECT": self.project or "",
            "NARROWCAST_ALLOW_PRIVATE_ADDRESSES": "1" if self.allow_private else "",
            "NARROWCAST_MAX_DOWNLOAD_BYTES": str(self.max_download),
            "NARROWCAST_TEACHER_URL": self.teacher_url,
            "NARROWCAST_TEACHER_MODEL": self.teacher_model,
            "NARROWCAST_TEACHER_KEY": _plain(self.teacher_key),
            "NARROWCAST_SERVE_TOKEN": _plain(self.serve_token),
        }


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    try:
        return int(text)
    except ValueError as error:
        raise UsageError(
            f"{name} is not a whole number: {text!r}",
            where="environment",
            next_command=f"unset {name}, or set it to a number",
        ) from error


def _secret(value: str | None) -> SecretStr | None:
    return SecretStr(value) if value else None


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def _is_on(value: str | None) -> bool:
    return value not in (None, "", "0", "false")
