"""A tagger as files: tables in safetensors, kinds of spans in JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from narrowcast.errors import DataError, ModelError
from narrowcast.faults import first_line
from narrowcast.models.taggers.tagger import TokenTagger, tags_count
from narrowcast.models.taggers.words import SURFACES
from narrowcast.plugins.optional import require
from narrowcast.store.files import read_json, write_json

TABLES = "tagger.safetensors"
DESCRIPTION = "tagger.json"


class TaggerDescription(BaseModel):
    """`tagger.json`: what the tables' columns stand for."""

    model_config = ConfigDict(extra="forbid")

    kinds: list[str] = Field(description="Of spans; columns are outside, then begin and inside of each.")


def tables_of(tagger: TokenTagger) -> dict[str, Any]:
    """Its arrays, by name."""
    return {"bias": tagger.bias, "encoder.weight": tagger.weight, "surface.weight": tagger.surface}


def save_tagger(folder: Path, tagger: TokenTagger) -> None:
    """Write both files."""
    from safetensors.numpy import save_file

    save_file(tables_of(tagger), folder / TABLES)
    write_json(folder / DESCRIPTION, TaggerDescription(kinds=list(tagger.kinds)).model_dump(mode="json"))


def load_tagger(folder: Path) -> TokenTagger:
    """Read both files.

    Raises:
        ModelError: if one is missing, damaged, or they do not belong together.
        MissingExtraError: without safetensors.
    """
    require("safetensors", "numpy", purpose="a tagger")
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        kinds = TaggerDescription.model_validate(read_json(folder / DESCRIPTION)).kinds
        tables = load_file(folder / TABLES)
        bias, weight, surface = (tables[name] for name in ("bias", "encoder.weight", "surface.weight"))
    except (DataError, ValidationError, SafetensorError, OSError, KeyError) as error:
        raise _damaged(folder, first_line(error)) from error
    tags = tags_count(kinds)
    fits = bias.shape == (tags,) and weight.ndim == surface.ndim == 2
    if not fits or weight.shape[1] != tags or surface.shape[0] != SURFACES + 1:
        raise _damaged(folder, "the tables do not fit the description")
    return TokenTagger(tuple(kinds), weight, bias, surface)


def _damaged(folder: Path, why: str) -> ModelError:
    return ModelError(
        f"the tagger cannot be read: {why}",
        where=str(folder),
        next_command="narrowcast train --force",
        reason_code="model_adapter_missing",
    )
