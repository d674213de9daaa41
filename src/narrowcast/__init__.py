"""narrowcast compiles a narrow task into a small language model, and proves that it is worth shipping.

The layers, top to bottom; imports point down only (enforced by import-linter):

    cli, server     thin interfaces
    demo            the authored example task
    ops             the operations that CLI, server and Python call
    pipeline        plan (what is stale, by content hash) and runner (the sole loop)
    stages          ingest → introspect → mapping → prepare → train → evaluate → export
    connectors, tasks, models   what differs by source, by task, by model
    similarity      when two texts say the same: exactly, nearly, in other words
    plugins         registries, entry points, optional extras
    audit           events, reason codes, the hash-chained trail
    store           the only code that touches disk or database
    core            nouns, no input or output
    errors          the exception tree
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from narrowcast.version import __version__

__all__ = ["Project", "Settings", "__version__", "run"]

if TYPE_CHECKING:
    from narrowcast.core.settings import Settings
    from narrowcast.ops.run import run
    from narrowcast.pipeline.project import Project

_LAZY = {
    "Project": "narrowcast.pipeline.project",
    "Settings": "narrowcast.core.settings",
    "run": "narrowcast.ops.run",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
