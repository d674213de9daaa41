"""What is learned: one handler per task profile, built-in or from a plug-in."""

from __future__ import annotations

from narrowcast.core.names import AnswerKind
from narrowcast.core.task import TaskSpec
from narrowcast.plugins.contract import subclass_of
from narrowcast.plugins.registry import Registry
from narrowcast.tasks.base import TaskHandler

HANDLERS: Registry[type[TaskHandler]] = Registry(
    "task",
    {
        "classification": "narrowcast.tasks.classification:ClassificationHandler",
        "multi_label": "narrowcast.tasks.multi_label:MultiLabelHandler",
        "structured_extraction": "narrowcast.tasks.extraction:ExtractionHandler",
        "qa": "narrowcast.tasks.generation:QuestionHandler",
        "instruction": "narrowcast.tasks.generation:InstructionHandler",
        "chat": "narrowcast.tasks.generation:ChatHandler",
        "seq2seq": "narrowcast.tasks.generation:RewritingHandler",
        "rag": "narrowcast.tasks.rag:RagHandler",
        "tool_calling": "narrowcast.tasks.tool_calling:ToolCallingHandler",
        "alignment": "narrowcast.tasks.alignment:AlignmentHandler",
        "unlabelled": "narrowcast.tasks.unlabelled:UnlabelledHandler",
    },
    subclass_of(TaskHandler, "answer"),
)


def handler_for(spec: TaskSpec) -> TaskHandler:
    """The handler of a task, built from its specification.

    Raises:
        UsageError: if no handler has the name of the task's profile; it names the nearest ones.
    """
    return HANDLERS.get(spec.profile)(spec)


def has_labels(spec: TaskSpec) -> bool:
    """Whether the answers of a task are labels."""
    return HANDLERS.get(spec.profile).answer is AnswerKind.LABEL


def family_of(profile: str) -> str:
    """The built-in task that a profile resembles: its own name, or what a plug-in's handler declares.

    What is made for the family also serves the profile: mappers, bases of the catalogue, search dimensions.

    Raises:
        UsageError: for an unknown profile.
    """
    return HANDLERS.get(profile).family or profile
