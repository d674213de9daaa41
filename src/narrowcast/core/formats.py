"""The formats that a run can be exported in, and the files that they have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["gguf", "onnx", "safetensors"]


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A format.

    Attributes:
        kind: of its file; also the name of a model reference to it, and the end of the file's name.
        quantised: its weights are rounded to fewer bits.
    """

    kind: Kind
    quantised: bool = False

    @property
    def answers(self) -> bool:
        """It is one file that can be run; adapter and merged weights have folders of their own."""
        return self.kind != "safetensors"


FORMATS: Mapping[str, ExportFormat] = {
    "q8_0": ExportFormat("gguf", quantised=True),
    "q4_k_m": ExportFormat("gguf", quantised=True),
    "q5_k_m": ExportFormat("gguf", quantised=True),
    "q6_k": ExportFormat("gguf", quantised=True),
    "f16": ExportFormat("gguf"),
    "bf16": ExportFormat("gguf"),
    "f32": ExportFormat("gguf"),
    "onnx": ExportFormat("onnx"),
    "adapter": ExportFormat("safetensors"),
    "merged": ExportFormat("safetensors"),
}
"""By name; what is served where none is named comes first."""
ANSWERING = tuple(name for name, each in FORMATS.items() if each.answers)
SAFETENSORS = tuple(name for name, each in FORMATS.items() if not each.answers)
FLOAT_FORMATS = tuple(name for name, each in FORMATS.items() if each.kind == "gguf" and not each.quantised)
"""GGUF files whose weights are not quantised."""
KINDS = tuple(dict.fromkeys(each.kind for each in FORMATS.values() if each.answers))
SUFFIXES = tuple(f".{kind}" for kind in KINDS)
"""Of files that answer."""


def kind_of(name: str) -> Kind:
    """The kind of an exported file, by its format or its path; GGUF where neither tells."""
    if name in FORMATS:
        return FORMATS[name].kind
    return next((kind for kind in KINDS if name.endswith(f".{kind}")), "gguf")


def file_name(name: str) -> str:
    """Of the file of a format in a bundle: `model-q8_0.gguf`, `model.onnx`."""
    kind = kind_of(name)
    return f"model.{kind}" if name == kind else f"model-{name}.{kind}"
