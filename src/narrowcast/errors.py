"""Every error narrowcast raises on purpose: what went wrong, where, and the next command.

    NarrowcastError            exit 1, a failed operation
    ├── UsageError             exit 2, the command line, configuration or locator is wrong
    │   └── MissingExtraError  an optional dependency is not installed
    ├── DataError              a source or a row set cannot be used
    ├── ModelError             a base model, tokenizer or exported file cannot be used
    ├── WorkspaceError         the disk, the database or the project folder
    │   └── ProjectBusyError   another process works on the project
    ├── PluginError            third-party code failed
    ├── StageError             a stage of the pipeline failed
    ├── CancelledError         stopped on request; what was finished is kept
    └── GateError              exit 3, a gate said no

Imports nothing but the standard library and the taxonomy of codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from narrowcast.reasons import REASONS


class NarrowcastError(Exception):
    """The root of the tree.

    Args:
        what: one sentence that says what is wrong.
        where: the file, row, option or project concerned.
        next_command: what to run or do next; by default the fix of the reason code.
        reason_code: a code of the closed taxonomy (`narrowcast.reasons`), which says whose stage it is.
        details: what the sentence sums up, each in a line of its own on a terminal.
    """

    exit_code = 1
    default_reason_code = "system_error"

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        next_command: str = "",
        reason_code: str | None = None,
        details: Sequence[str] = (),
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.details = list(details)
        self.reason_code = reason_code or self.default_reason_code
        reason = REASONS.get(self.reason_code)
        self.next_command = next_command or (reason.fix if reason else "")

    @property
    def stage(self) -> str:
        """The stage that the reason code belongs to; `system` for a plug-in's own code."""
        reason = REASONS.get(self.reason_code)
        return reason.stage.value if reason else "system"

    @property
    def sentence(self) -> str:
        """What is wrong and where, without the details."""
        return f"{self.what} ({self.where})" if self.where else self.what

    def __str__(self) -> str:
        return f"{self.sentence}: {'; '.join(self.details)}" if self.details else self.sentence

    def to_dict(self) -> dict[str, Any]:
        """The machine-readable form that `--json` and the HTTP server print."""
        return {
            "reason_code": self.reason_code,
            "stage": self.stage,
            "message": str(self),
            "actionable_fix": self.next_command,
        }


class UsageError(NarrowcastError):
    """The request itself is wrong; nothing was started."""

    exit_code = 2
    default_reason_code = "system_config_invalid"


class MissingExtraError(UsageError):
    """An optional dependency is not installed; the next command installs it."""

    default_reason_code = "system_extra_missing"


class DataError(NarrowcastError):
    """A source or a set of rows cannot be used."""

    default_reason_code = "dataset_import_failed"


class ModelError(NarrowcastError):
    """A base model, tokenizer, adapter or exported file cannot be used."""

    default_reason_code = "model_unusable"


class WorkspaceError(NarrowcastError):
    """The disk, the database or the project folder refused."""

    default_reason_code = "system_io_error"


class ProjectBusyError(WorkspaceError):
    """Another process works on this project."""

    default_reason_code = "system_project_busy"


class PluginError(NarrowcastError):
    """A third party's plug-in failed, or is not what its registry expects."""

    default_reason_code = "system_plugin_failed"


class StageError(NarrowcastError):
    """A stage failed for a reason of its own, named by its reason code."""


class CancelledError(NarrowcastError):
    """The work was stopped on request; finished parts are kept."""

    exit_code = 1
    default_reason_code = "system_cancelled"


class GateError(NarrowcastError):
    """A gate said no: the numbers do not allow the next step."""

    exit_code = 3
    default_reason_code = "eval_gate_failed"
