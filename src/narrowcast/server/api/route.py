"""A route as data: which operation answers which method and path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from narrowcast.ops.operations import OPERATIONS, Operation

PROJECT = "/api/projects/{project}"


@dataclass(frozen=True, slots=True)
class Route:
    """One method and path.

    Attributes:
        method: GET and DELETE take the request from the query, POST and PATCH from a JSON body.
        path: parts in braces are the project, arguments of the operation, or fields of its request.
        name: of the operation.
        key: field that identifies an entry of the list that the operation returns, which is then answered in
            pages; empty for results that are no list.
        example: a request that the OpenAPI document shows.
        fixed: fields of the request that the path itself decides.
    """

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    name: str
    key: str = ""
    example: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def operation(self) -> Operation:
        """What is called."""
        return OPERATIONS[self.name]
