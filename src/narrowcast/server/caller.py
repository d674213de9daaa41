"""Who asks, and what they may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request as HttpRequest

from narrowcast.ops.operations import Operation, Role


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a token belongs to.

    Attributes:
        name: the actor of the events that the calls leave.
        role: the most that may be done.
        project: number of the only project that may be seen; None: all.
    """

    name: str
    role: Role
    project: int | None = None

    def refusal(self, operation: Operation, project: int | None) -> str:
        """Why the operation is refused; "" where it is not.

        Args:
            operation: what is asked for.
            project: number of the project that it is asked of; None where it is one of the workspace.
        """
        if self.role < operation.role:
            return (
                f"{operation.name} needs the role {operation.role.name.lower()}, and the token has the role "
                f"{self.role.name.lower()}"
            )
        if self.project is not None and project != self.project:
            return (
                "the token is for another project" if project is not None else "the token is for one project"
            )
        return ""


WhoAsks = Callable[[HttpRequest], Caller]
"""The caller of a request that the guard has let in."""
