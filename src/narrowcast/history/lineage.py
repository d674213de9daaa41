"""Where a row came from and where it went: source, import, mapper, versions, models; its prompt where it was
generated.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from narrowcast.core.manifest import ImportRecord
from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.history.find_row import find_id
from narrowcast.history.requests import LineageRequest
from narrowcast.history.versions import runs_by_version
from narrowcast.pipeline.project import Project
from narrowcast.store.datasets import kept_manifests, rejections, splits_with
from narrowcast.store.generations import paid_call, row_origin
from narrowcast.store.import_rows import accepted_row, raw_row, rejected_row
from narrowcast.store.imports import read_records
from narrowcast.store.reviews import read_reviews


class VersionPlace(BaseModel):
    """A version that holds the row, and the models that were trained on that version."""

    version: str
    split: Split
    models: list[str] = Field(description="Runs that trained on the row; empty outside the train split.")


class RowLineage(BaseModel):
    """The story of one row."""

    id: str
    locator: str
    licence: str | None
    consent: str | None
    import_id: str
    mapper: str
    field_map: dict[str, str]
    raw: dict[str, Any] | None = Field(description="The record as its source gave it.")
    example: dict[str, Any] | None = Field(
        description="What the mapper made of it; None where it was rejected."
    )
    rejected: dict[str, str] | None = Field(None, description="Stage, reason and detail, where it was.")
    provenance: str | None
    parents: list[str]
    generated_by: dict[str, Any] | None = Field(
        None, description="Writer, prompt and call of a generated row."
    )
    versions: list[VersionPlace]
    reviews: list[dict[str, Any]] = Field(default_factory=list)


def lineage(project: Project, request: LineageRequest) -> RowLineage:
    """Follow one row through every file that holds it.

    Raises:
        DataError: if no row, or more than one, is meant.
    """
    paths = project.paths
    row_id = find_id(project, request.row)
    source = row_id.rpartition(":")[0]
    record = next(each for each in read_records(paths) if each.id == source)
    raw, example = raw_row(paths, row_id), accepted_row(paths, row_id)
    return RowLineage(
        id=row_id,
        locator=record.locator,
        licence=record.licence,
        consent=record.consent,
        import_id=record.id,
        mapper=record.mapper,
        field_map=record.field_map,
        raw=raw.get("data") or raw if raw else None,
        example={"inputs": example["inputs"], "target": example["target"]} if example else None,
        rejected=_rejection(paths, row_id),
        provenance=example["provenance"] if example else None,
        parents=list(example.get("parents", [])) if example else [],
        generated_by=_generation(paths, record, row_id),
        versions=_places(paths, row_id),
        reviews=_reviews(paths, row_id),
    )


def _rejection(paths: ProjectPaths, row_id: str) -> dict[str, str] | None:
    mapped = rejected_row(paths, row_id)
    if mapped is not None:
        return {"stage": "map", "reason": mapped["reason"], "detail": mapped["detail"]}
    for line in rejections(paths):
        if f"{line['source']}:{line['index']}" == row_id:
            return {"stage": "prepare", "reason": line["reason"], "detail": line["detail"]}
    return None


def _generation(paths: ProjectPaths, record: ImportRecord, row_id: str) -> dict[str, Any] | None:
    """The row's origin as its generation wrote it, and the call with the messages the teacher saw."""
    if record.generated_by is None:
        return None
    written: dict[str, Any] = record.generated_by.model_dump(mode="json")
    raw = raw_row(paths, row_id) or {}
    origin = raw.get("origin") or (raw.get("data") or {}).get("origin")
    if origin is None:
        number = int(row_id.rpartition(":")[2])
        origin = row_origin(paths, record.generated_by.generation, number)
    written["origin"] = origin
    call = (origin or {}).get("call")
    if call:
        written["call"] = paid_call(paths, call)
    return written


def _places(paths: ProjectPaths, row_id: str) -> list[VersionPlace]:
    models = runs_by_version(paths)
    places = []
    for manifest in kept_manifests(paths):
        for split in splits_with(paths, manifest, row_id):
            trained = models.get(manifest.version, []) if split is Split.TRAIN else []
            places.append(VersionPlace(version=manifest.version, split=split, models=trained))
    return places


def _reviews(paths: ProjectPaths, row_id: str) -> list[dict[str, Any]]:
    return [each.model_dump(mode="json") for each in read_reviews(paths) if each.id == row_id]
