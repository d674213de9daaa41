"""The catalogue of base models: list, show, pull."""

from __future__ import annotations

from pydantic import BaseModel

from narrowcast.core.settings import Settings
from narrowcast.core.work import Work
from narrowcast.errors import ModelError
from narrowcast.models.catalogue import (
    Catalogue,
    CatalogueEntry,
    catalogue,
    find,
    looks_like_hub_id,
    near_names,
)
from narrowcast.ops.requests import ModelRequest


class ModelDetails(BaseModel):
    """A base model: its catalogue entry (None for a folder or an uncatalogued id), and what lies here."""

    name: str
    entry: CatalogueEntry | None
    path: str | None
    architecture: str | None = None
    parameters: int | None = None
    context: int | None = None
    size_bytes: int | None = None
    fingerprint: str | None = None


def list_models() -> Catalogue:
    """Everything in the catalogue, with the advice on sizes."""
    return catalogue()


def show_model(settings: Settings, request: ModelRequest) -> ModelDetails:
    """What is known of a model; nothing is downloaded.

    Raises:
        ModelError: for a name that is neither in the catalogue nor on this machine.
    """
    from narrowcast.models.loading import resolve_base

    name = request.name
    entry = find(name)
    try:
        base = resolve_base(name, settings.model_copy(update={"offline": True}))
    except ModelError as error:
        if entry is None or error.reason_code == "model_unusable":
            raise
        return ModelDetails(name=name, entry=entry, path=None)
    return ModelDetails(
        name=name,
        entry=entry,
        path=base.path_or_id,
        architecture=base.architecture,
        parameters=base.parameters,
        context=base.context_length,
        size_bytes=base.size_bytes,
        fingerprint=base.fingerprint,
    )


def pull_model(settings: Settings, request: ModelRequest, work: Work | None = None) -> ModelDetails:
    """Download a model into the standard Hub cache, and check that it can be used.

    Raises:
        ModelError: unknown name, offline, gated, or a model that cannot be used.
    """
    from narrowcast.models.hub import pull

    name = request.name
    entry = find(name)
    hub_id = entry.hub_id if entry else name
    if hub_id is None:
        return show_model(settings, request)
    if not looks_like_hub_id(hub_id):
        near = near_names(name)
        raise ModelError(
            f"no base model is called {name!r}",
            where=f"near: {', '.join(near)}" if near else "",
            next_command="narrowcast models list",
        )
    work = work or Work()
    work.progress.start(f"fetching {hub_id}")
    try:
        pull(hub_id, settings)
    finally:
        work.progress.finish()
    return show_model(settings, request)
