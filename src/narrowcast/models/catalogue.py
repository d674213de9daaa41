"""The catalogue of base models: data in `catalogue.yaml`, read once and validated."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field, computed_field

ALL_LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

# Bytes a parameter: AdamW keeps weight, gradient and two moments, 16 in mixed precision or float32; LoRA
# keeps the frozen weight in 16 bit; QLoRA in 4 bit with its scales. Activations come on top of each.
_BYTES_PER_PARAMETER = {"full": 16.0, "lora": 2.2, "qlora": 0.65}
_ACTIVATIONS_GB = 0.5


class PackagedWeights(BaseModel):
    """Weights that lie in a wheel of the package index, where the Hub cannot be reached."""

    model_config = ConfigDict(extra="forbid")

    package: str
    version: str
    sha256: str = Field(min_length=64, max_length=64, description="Of the wheel.")
    size_mb: float = Field(gt=0, description="Of the wheel, in 10⁶ bytes.")
    folder: str = Field(description="Folder in the wheel that holds the model's files.")
    gguf: str = Field(default="", description="The file in it, where the weights are one GGUF file.")
    note: str = Field(default="", description="What differs from the original.")


class CatalogueEntry(BaseModel):
    """One base model."""

    model_config = ConfigDict(extra="forbid")

    id: str
    hub_id: str | None
    family: str = Field(description="transformers' model type.")
    parameters_m: float = Field(gt=0, description="Parameters in millions.")
    context: int = Field(gt=0, description="Longest sequence in tokens.")
    licence: str
    chat_template: str
    target_modules: list[str] = Field(default_factory=lambda: list(ALL_LINEAR))
    suggested_tasks: list[str]
    package: PackagedWeights | None = None
    gguf: bool = Field(default=True, description="Whether it can be exported as GGUF; `note` says why not.")
    note: str = ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def memory_gb(self) -> dict[str, float]:
        """Training memory by method (full, lora, qlora), estimated from the size and never measured."""
        billions = self.parameters_m / 1000
        return {
            method: round(billions * each * 1.1 + _ACTIVATIONS_GB, 1)
            for method, each in _BYTES_PER_PARAMETER.items()
        }


class EncoderEntry(BaseModel):
    """One sentence encoder: texts in, vectors out."""

    model_config = ConfigDict(extra="forbid")

    id: str
    hub_id: str
    parameters_m: float = Field(gt=0, description="Parameters in millions.")
    dimensions: int = Field(gt=0)
    longest: int = Field(gt=0, description="Tokens of a text that are read; the rest is cut off.")
    languages: str
    licence: str
    package: PackagedWeights | None = None
    note: str = ""
    meaning: dict[str, float] = Field(
        default_factory=dict,
        description="Kind of embedder to the measured cosine from which two texts say the same.",
    )


class SizeAdvice(BaseModel):
    """Where to begin for a kind of task."""

    task: str
    start: str
    note: str


class Catalogue(BaseModel):
    """Everything in `catalogue.yaml`."""

    models: list[CatalogueEntry]
    encoders: list[EncoderEntry]
    size_advice: list[SizeAdvice]


@cache
def catalogue() -> Catalogue:
    """The catalogue, validated."""
    import yaml

    text = files("narrowcast.models").joinpath("catalogue.yaml").read_text(encoding="utf-8")
    return Catalogue.model_validate(yaml.safe_load(text))


def find(name: str) -> CatalogueEntry | None:
    """The entry with this id or Hub id, in any case."""
    key = name.lower()
    for entry in catalogue().models:
        if key in (entry.id, (entry.hub_id or "").lower()):
            return entry
    return None


def find_encoder(name: str) -> EncoderEntry | None:
    """The encoder with this id or Hub id, in any case."""
    key = name.lower()
    return next((each for each in catalogue().encoders if key in (each.id, each.hub_id.lower())), None)


def near_names(name: str) -> list[str]:
    """Up to three catalogue ids that read like `name`."""
    tail = name.rpartition("/")[2].lower()
    known = [*(each.id for each in catalogue().models), *(each.id for each in catalogue().encoders)]
    return get_close_matches(tail, known, n=3, cutoff=0.4)


def looks_like_hub_id(name: str) -> bool:
    """True for `owner/name` as the Hub spells it."""
    return re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", name) is not None


def target_modules_of(architecture: str) -> list[str]:
    """LoRA target modules of an architecture, from the first entry of its family."""
    for entry in catalogue().models:
        if entry.family == architecture:
            return entry.target_modules
    return list(ALL_LINEAR)
