"""`bundle.json`: what an export holds, so that a file can be traced back and served as it was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.core.hashing import content_hash
from narrowcast.core.parity import ParityReport
from narrowcast.core.task import TaskSpec
from narrowcast.core.verdict import RunVerdict


class BundleFile(BaseModel):
    """One file of the bundle."""

    path: str = Field(description="Relative to the bundle.")
    size_bytes: int
    sha256: str
    format: str = Field("", description="f16, q8_0, ... for weights; empty for other files.")
    tensor_types: dict[str, int] = Field(default_factory=dict, description="Matrices by stored type.")
    fallbacks: dict[str, str] = Field(
        default_factory=dict, description="Matrices that llama.cpp stored as another type than asked for."
    )


class SmokeTrace(BaseModel):
    """A real prompt and what an exported file answered."""

    format: str
    prompt: str
    prompt_tokens: list[int]
    text: str
    tokens: list[int]
    finish: str


class BundleManifest(BaseModel):
    """Everything about a bundle but the bytes of its files."""

    model_config = ConfigDict(extra="forbid")

    api_version: Literal["narrowcast/v1"] = "narrowcast/v1"
    kind: Literal["Bundle"] = "Bundle"
    run_id: str
    project: str
    base: dict[str, Any] = Field(description="The base model's record from the run manifest.")
    method: str
    dataset_version: str
    task: TaskSpec = Field(description="The handler built from it asks what was asked in training.")
    inputs: dict[str, bool] = Field(
        default_factory=dict,
        description="Inputs of the held-out rows, and whether every row has them; empty in older bundles.",
    )
    formats: list[str]
    files: list[BundleFile]
    merged: str | None = Field(None, description="Folder of the merged weights, relative to the project.")
    sources: list[dict[str, Any]] = Field(description="Locator and licence of every import.")
    parity: ParityReport | None = Field(None, description="None where no GGUF file was asked for.")
    smoke: SmokeTrace | None = None
    verdict: RunVerdict | None = Field(None, description="None where the run was not evaluated before.")
    code_version: str
    created: str
    sha256: str = Field(default="", description="Of everything else in this manifest; see `manifest_sha256`.")


def manifest_sha256(manifest: Mapping[str, Any]) -> str:
    """The hash of `bundle.json` as a whole: of its canonical JSON without the hash itself."""
    return content_hash({name: value for name, value in manifest.items() if name != "sha256"})


def sealed_json(manifest: BundleManifest) -> str:
    """The text of `bundle.json`, with its hash: an edited prompt, label or figure no longer fits it."""
    values = json.loads(manifest.model_dump_json())
    return json.dumps({**values, "sha256": manifest_sha256(values)}, ensure_ascii=False, indent=2) + "\n"


def public_name(name: str) -> str:
    """A locator or model name without the folders of this machine: a bundle is made to be given away."""
    scheme, colon, rest = name.rpartition(":")
    local = rest.startswith(("/", "~", ".")) and not rest.startswith("//")
    return f"{scheme}{colon}{rest.rstrip('/').rpartition('/')[2]}" if local else name
