"""The trail of the workspace: what happened to projects as a whole, kept outside all of them."""

from __future__ import annotations

from narrowcast.audit.trail import Trail
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.settings import Settings
from narrowcast.store.events import EventStore
from narrowcast.store.witness import Witness

_NO_PROJECT = 0


def workspace_trail(settings: Settings) -> Trail:
    """The events of deletions and restorations, in `registry/events.jsonl` of the workspace."""
    paths = ProjectPaths(settings.home)
    store = EventStore(None, _NO_PROJECT, paths, Witness(settings.home, settings.home))
    return Trail(store, _NO_PROJECT, paths, settings.actor)
