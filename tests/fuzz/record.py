"""One input and what became of it, as they are passed between processes and kept for replay."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

PROBLEMS = ("traceback", "imbalance", "left-over", "trail", "hang", "died")
GENERIC = ("system_error", "system_unexpected")
"""Codes of an error that has none of its own."""


@dataclass(frozen=True)
class Input:
    """What is tried.

    Attributes:
        kind: decides who runs it (`tests.fuzz.kinds`).
        files: path in the input's own folder → content.
        commands: command lines; `{folder}` and `{site}` stand for the folder and the server on loopback.
    """

    kind: str
    files: dict[str, bytes] = field(default_factory=dict)
    commands: list[list[str]] = field(default_factory=list)

    def save(self, path: Path, about: dict[str, Any]) -> None:
        """Keep it for `--replay`."""
        files = {name: base64.b64encode(content).decode() for name, content in self.files.items()}
        value = {"kind": self.kind, "commands": self.commands, "files": files, "outcome": about}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=1))

    @classmethod
    def read(cls, path: Path) -> Input:
        """What `save` wrote."""
        value = json.loads(path.read_text())
        files = {name: base64.b64decode(content) for name, content in value["files"].items()}
        return cls(value["kind"], files, value["commands"])


@dataclass
class Outcome:
    """What became of an input.

    Attributes:
        accepted: whether it was taken.
        code: the reason code of the refusal.
        problem: one of `PROBLEMS`, or empty.
        note: what was seen.
        cpu: seconds of the processor, those of ended children included.
    """

    accepted: bool = False
    code: str = ""
    problem: str = ""
    note: str = ""
    cpu: float = 0.0

    def found(self, problem: str, note: str) -> Outcome:
        """Name a problem; the first one stays."""
        if not self.problem:
            self.problem, self.note = problem, note[-4000:]
        return self

    def to_dict(self) -> dict[str, Any]:
        """For the log."""
        return asdict(self)
