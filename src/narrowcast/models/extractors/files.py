"""An extractor as files: tables in safetensors; fields, vocabularies and names of features in JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from narrowcast.errors import DataError, ModelError
from narrowcast.faults import first_line
from narrowcast.models.classifiers import files as of_classifiers
from narrowcast.models.classifiers.ngrams import BagKind
from narrowcast.models.extractors.extractor import Extractor, FieldAnswer, column_names
from narrowcast.models.extractors.tagger import WordFeatures, WordTagger
from narrowcast.plugins.optional import require
from narrowcast.store.files import read_json, write_json

TABLES = "extractor.safetensors"
DESCRIPTION = "extractor.json"
TAG_WEIGHT, TAG_BIAS = "tags.weight", "tags.bias"


class FieldDescription(BaseModel):
    """A field of the answer."""

    model_config = ConfigDict(extra="forbid")

    name: str
    values: list[Any] = Field(
        description="Any JSON; of two or more each has a column of the scores, a single one is always the "
        "answer. None: the field is copied, and is null where there is no piece."
    )
    number: bool = Field(description="A copied piece of decimal digits is answered as a number.")


class ExtractorDescription(BaseModel):
    """`extractor.json`: what the tables' rows and columns stand for."""

    model_config = ConfigDict(extra="forbid")

    fields_: list[FieldDescription] = Field(
        alias="fields", description="In the order of the answer; none: the answer is the spans by kind."
    )
    ngrams: dict[BagKind, list[str]] = Field(description="Vocabulary of each bag, by row of its weights.")
    tags: list[str] = Field(description="Of words, by column; none: nothing is copied.")
    features: list[str] = Field(description="Of words, by row of the weights of tags.")


def described_fields(fields: Sequence[FieldAnswer]) -> list[FieldDescription]:
    """As they are stored."""
    return [FieldDescription(name=each.name, values=list(each.values), number=each.number) for each in fields]


def fields_of(described: Sequence[FieldDescription]) -> tuple[FieldAnswer, ...]:
    """From what is stored."""
    return tuple(FieldAnswer(each.name, tuple(each.values), each.number) for each in described)


def word_tagger(extractor: Extractor) -> WordTagger | None:
    """Its tagger, which has tables wherever an extractor is stored."""
    assert extractor.tagger is None or isinstance(extractor.tagger, WordTagger)
    return extractor.tagger


def describe(extractor: Extractor) -> ExtractorDescription:
    """The extractor without its tables."""
    tagger, bags = word_tagger(extractor), extractor.classifier.bags if extractor.classifier else ()
    return ExtractorDescription(
        fields=described_fields(extractor.fields),
        ngrams={bag.kind: list(bag.ngrams) for bag in bags},
        tags=list(tagger.tags) if tagger else [],
        features=list(tagger.features.names) if tagger else [],
    )


def tables_of(extractor: Extractor) -> dict[str, Any]:
    """Its arrays by name: those of the classifier, `tags.weight` and `tags.bias`."""
    tables = of_classifiers.tables_of(extractor.classifier) if extractor.classifier else {}
    tagger = word_tagger(extractor)
    return tables | ({TAG_WEIGHT: tagger.weight, TAG_BIAS: tagger.bias} if tagger else {})


def save_extractor(folder: Path, extractor: Extractor) -> None:
    """Write both files."""
    from safetensors.numpy import save_file

    save_file(tables_of(extractor), folder / TABLES)
    write_json(folder / DESCRIPTION, describe(extractor).model_dump(mode="json", by_alias=True))


def load_extractor(folder: Path) -> Extractor:
    """Read both files.

    Raises:
        ModelError: if one is missing, damaged, or they do not belong together.
        MissingExtraError: without safetensors.
    """
    require("safetensors", "numpy", purpose="an extractor")
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        description = ExtractorDescription.model_validate(read_json(folder / DESCRIPTION))
        tables = load_file(folder / TABLES)
    except (DataError, ValidationError, SafetensorError, OSError) as error:
        raise _damaged(folder, first_line(error)) from error
    tagger = _tagger(description, tables, folder)
    rest = {name: each for name, each in tables.items() if name not in (TAG_WEIGHT, TAG_BIAS)}
    fields = fields_of(description.fields_)
    if not rest and not any(each.columns for each in fields):
        return Extractor(fields, None, tagger)
    parts = of_classifiers.ClassifierDescription(
        classes=column_names(fields), several=False, temperature=None, ngrams=description.ngrams
    )
    return Extractor(fields, of_classifiers.assembled(parts, rest, folder), tagger)


def _tagger(description: ExtractorDescription, tables: Mapping[str, Any], folder: Path) -> WordTagger | None:
    shapes = {name: tables[name].shape for name in (TAG_WEIGHT, TAG_BIAS) if name in tables}
    tags, features = len(description.tags), len(description.features)
    expected = {TAG_WEIGHT: (features, tags), TAG_BIAS: (tags,)} if tags else {}
    if shapes != expected or (tags and not features):
        raise _damaged(folder, "the tables do not fit the description")
    if not tags:
        return None
    names = WordFeatures(description.features)
    return WordTagger(tuple(description.tags), names, tables[TAG_WEIGHT], tables[TAG_BIAS])


def _damaged(folder: Path, why: str) -> ModelError:
    return ModelError(
        f"the extractor cannot be read: {why}",
        where=str(folder),
        next_command="narrowcast train --force",
        reason_code="model_adapter_missing",
    )
