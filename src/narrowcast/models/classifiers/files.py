"""A linear classifier as files: tables in safetensors, vocabularies and classes in JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from narrowcast.errors import DataError, ModelError
from narrowcast.faults import first_line
from narrowcast.models.classifiers.bag import Bag, Vocabulary
from narrowcast.models.classifiers.linear import LinearClassifier
from narrowcast.models.classifiers.ngrams import BagKind
from narrowcast.plugins.optional import require
from narrowcast.store.files import read_json, write_json

TABLES = "classifier.safetensors"
DESCRIPTION = "classifier.json"
OWN_ENCODER = "encoder"
"""Folder of the encoder, where it was trained with the classifier."""


class ClassifierDescription(BaseModel):
    """`classifier.json`: what the tables' rows and columns stand for."""

    model_config = ConfigDict(extra="forbid")

    classes: list[str] = Field(description="By column of the scores.")
    several: bool = Field(description="A text may belong to several classes: those with a score above 0.")
    temperature: float | None = Field(description="Scores are divided by it; null: no probabilities.")
    ngrams: dict[BagKind, list[str]] = Field(description="Vocabulary of each bag, by row of its weights.")


def describe(classifier: LinearClassifier) -> ClassifierDescription:
    """The classifier without its tables."""
    return ClassifierDescription(
        classes=list(classifier.classes),
        several=classifier.several,
        temperature=classifier.temperature,
        ngrams={bag.kind: list(bag.ngrams) for bag in classifier.bags},
    )


def tables_of(classifier: LinearClassifier) -> dict[str, Any]:
    """Its arrays, by name: `bias`, and `KIND.weight` and `KIND.idf` for each kind of feature."""
    weights = {f"{name}.weight": table for name, table in classifier.blocks.items()}
    return {"bias": classifier.bias, **weights, **{f"{bag.kind}.idf": bag.idf for bag in classifier.bags}}


def save_classifier(folder: Path, classifier: LinearClassifier) -> None:
    """Write both files."""
    from safetensors.numpy import save_file

    save_file(tables_of(classifier), folder / TABLES)
    write_json(folder / DESCRIPTION, describe(classifier).model_dump(mode="json"))


def stored_bytes(folder: Path) -> int:
    """The size of both files.

    Raises:
        ModelError: if one is missing.
    """
    try:
        return sum((folder / name).stat().st_size for name in (TABLES, DESCRIPTION))
    except OSError as error:
        raise _damaged(folder, first_line(error)) from error


def load_classifier(folder: Path) -> LinearClassifier:
    """Read both files.

    Raises:
        ModelError: if one is missing, damaged, or they do not belong together.
        MissingExtraError: without safetensors.
    """
    require("safetensors", "numpy", purpose="a linear classifier")
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        description = ClassifierDescription.model_validate(read_json(folder / DESCRIPTION))
        tables = load_file(folder / TABLES)
    except (DataError, ValidationError, SafetensorError, OSError) as error:
        raise _damaged(folder, first_line(error)) from error
    return assembled(description, tables, folder)


def assembled(description: ClassifierDescription, tables: dict[str, Any], where: Path) -> LinearClassifier:
    """The classifier that a description and tables make together.

    Raises:
        ModelError: if they do not belong together.
    """
    blocks = {name.removesuffix(".weight"): each for name, each in tables.items() if name != "bias"}
    blocks = {name: each for name, each in blocks.items() if not name.endswith(".idf")}
    fits = "bias" in tables and tables["bias"].shape == (len(description.classes),)
    fits = fits and all(
        each.ndim == 2 and each.shape[1] == len(description.classes) for each in blocks.values()
    )
    for kind, ngrams in description.ngrams.items():
        idf = tables.get(f"{kind}.idf")
        fits = fits and idf is not None and idf.shape == (len(ngrams),)
        fits = fits and kind in blocks and len(blocks[kind]) == len(ngrams)
    if not fits or set(blocks) - set(description.ngrams) - {"encoder"}:
        raise _damaged(where, "the tables do not fit the description")
    vocabularies = [Vocabulary(kind, ngrams) for kind, ngrams in description.ngrams.items()]
    return LinearClassifier(
        classes=tuple(description.classes),
        bags=tuple(Bag(each, tables[f"{each.kind}.idf"]) for each in vocabularies),
        blocks=blocks,
        bias=tables["bias"],
        several=description.several,
        temperature=description.temperature,
    )


def _damaged(folder: Path, why: str) -> ModelError:
    return ModelError(
        f"the classifier cannot be read: {why}",
        where=str(folder),
        next_command="narrowcast train --force",
        reason_code="model_adapter_missing",
    )
