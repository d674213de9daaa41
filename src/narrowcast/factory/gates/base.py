"""What a gate is given, and what it returns: the rows it rejects, by number, each with a reason in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from narrowcast.core.example import Example
from narrowcast.core.generation import GeneratedRow
from narrowcast.core.message import Message
from narrowcast.core.task import TaskSpec
from narrowcast.factory.options import GateOptions
from narrowcast.factory.shapes import row_shape
from narrowcast.similarity.shingles import normalised
from narrowcast.tasks import handler_for
from narrowcast.tasks.base import TaskHandler
from narrowcast.tasks.prompt import user_text
from narrowcast.tasks.row_shape import RowShape


@dataclass
class GateRow:
    """A generated row as the gates see it; `example` and what is built on it need the right schema."""

    generated: GeneratedRow
    shape: RowShape
    handler: TaskHandler

    @property
    def index(self) -> int:
        """Number of the row within its generation."""
        return self.generated.index

    @cached_property
    def example(self) -> Example:
        """The row as an example of the task.

        Raises:
            ValueError: if its parts do not fit each other.
        """
        inputs, target = self.shape.read(self.generated.data)
        return Example(inputs, target, index=self.index)

    @cached_property
    def messages(self) -> list[Message]:
        """The training conversation."""
        return self.handler.to_messages(self.example.inputs, self.example.target)

    @property
    def output(self) -> str:
        """What the model must answer, verbatim."""
        return self.messages[-1].content

    @cached_property
    def text(self) -> str:
        """The input as one text, for comparison."""
        return input_text(self.example.inputs)

    @property
    def answer_key(self) -> str:
        """Equal for equal answers."""
        return normalised(self.output)


@dataclass
class GateContext:
    """What gates may know about the project.

    Attributes:
        accepted: rows the project already has, except held-out ones.
        held_out: rows no training row may resemble.
        prompts: the teacher's prompts, for finding what leaked out of them.
        quotas: rows wanted by cell; empty where no plan asked for the rows.
        judgements: row number → why the judge rejected it, or empty; None where nothing was judged.
        notes: what gates could not check, for the result to say.
    """

    task: TaskSpec
    options: GateOptions
    root: Path
    accepted: list[Example] = field(default_factory=list)
    held_out: list[Example] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    quotas: dict[str, int] = field(default_factory=dict)
    judgements: dict[int, str] | None = None
    tokenizer: Any = None
    max_tokens: int = 0
    notes: list[str] = field(default_factory=list)

    @cached_property
    def handler(self) -> TaskHandler:
        """Of the task."""
        return handler_for(self.task)

    @cached_property
    def shape(self) -> RowShape:
        """Of the task's rows."""
        return row_shape(self.task)


class Gate(Protocol):
    """One check of all rows that are left."""

    def __call__(self, rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
        """Row number → why it is rejected; rows not named pass."""


class GateSettings(BaseModel):
    """Base of the settings of a gate; attribute docstrings are what `narrowcast plugins` says of them."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


S = TypeVar("S", bound=GateSettings)


@dataclass(frozen=True, slots=True)
class ConfigurableGate(Generic[S]):
    """A gate with settings of its own, in `gate.settings` of `narrowcast.yaml`, under the name of the gate.

    Attributes:
        check: as a `Gate`, with the validated settings as its third argument.
        settings: their model.
    """

    check: Callable[[Sequence[GateRow], GateContext, S], Mapping[int, str]]
    settings: type[S]


def input_text(inputs: Mapping[str, Any]) -> str:
    """An input as one text; of a conversation, its turns."""
    if "messages" in inputs:
        return "\n".join(str(turn["content"]) for turn in inputs["messages"])
    return user_text(inputs)
