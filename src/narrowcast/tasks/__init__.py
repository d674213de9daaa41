"""What is learned: one handler a task profile."""

from __future__ import annotations

from narrowcast.core.names import TaskProfile
from narrowcast.core.task import TaskSpec
from narrowcast.plugins.registry import Registry
from narrowcast.tasks.base import TaskHandler

HANDLERS: Registry[type[TaskHandler]] = Registry(
    "task",
    {
        TaskProfile.CLASSIFICATION: "narrowcast.tasks.classification:ClassificationHandler",
        TaskProfile.STRUCTURED_EXTRACTION: "narrowcast.tasks.extraction:ExtractionHandler",
        TaskProfile.QA: "narrowcast.tasks.generation:GenerationHandler",
        TaskProfile.INSTRUCTION: "narrowcast.tasks.generation:GenerationHandler",
        TaskProfile.CHAT: "narrowcast.tasks.generation:GenerationHandler",
        TaskProfile.SEQ2SEQ: "narrowcast.tasks.generation:GenerationHandler",
        TaskProfile.RAG: "narrowcast.tasks.rag:RagHandler",
        TaskProfile.TOOL_CALLING: "narrowcast.tasks.tool_calling:ToolCallingHandler",
        TaskProfile.ALIGNMENT: "narrowcast.tasks.alignment:AlignmentHandler",
        TaskProfile.UNLABELLED: "narrowcast.tasks.unlabelled:UnlabelledHandler",
    },
)


def handler_for(spec: TaskSpec) -> TaskHandler:
    """The handler of a task, built from its specification."""
    return HANDLERS.get(spec.profile.value)(spec)  # type: ignore[call-arg]
