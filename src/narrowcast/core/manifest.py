"""The data-set manifest: the source of truth for everything after preparation."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.core.ledger import StageLedger
from narrowcast.core.names import Provenance, Split
from narrowcast.core.task import TaskSpec

# Mapper of the imports that hold rows which reviewers brought back.
REVIEW_MAPPER = "review"


class GeneratedBy(BaseModel):
    """Of an import that the factory made: who wrote the rows, from what, for how much."""

    generation: str = Field(description="Id below data/generated.")
    writer: str = Field(description="The teacher's model, `templates`, or a file.")
    prompt_sha256: str = Field(default="", description="Of the template; each row names its own prompt.")
    tokens: int = 0
    cost: float | None = None
    gates: list[str] = Field(default_factory=list, description="Gates the rows went through, in order.")


class ImportRecord(BaseModel):
    """One committed import: where rows came from, how they were mapped, what was rejected."""

    id: str
    locator: str
    mapper: str
    field_map: dict[str, str] = Field(default_factory=dict)
    into: Split | None = None
    rows: int
    accepted: int
    rejected: dict[str, int] = Field(default_factory=dict)
    raw_sha256: str = Field(description="Of the rows as stored under data/raw.")
    accepted_sha256: str
    licence: str | None = None
    consent: str | None = Field(
        default=None,
        description="Why the rows may be used, such as a contract or the consent of their authors.",
    )
    confidence: float | None = Field(
        default=None, description="Of the mapping, where introspection proposed it."
    )
    forced: bool = False
    origin: dict[str, str] = Field(
        default_factory=dict, description="What names the source's content: sha256, etag, revision, query."
    )
    generated_by: GeneratedBy | None = None


class SplitFile(BaseModel):
    """One split on disk; the path is relative to the project."""

    path: str
    rows: int
    sha256: str


class SplitPolicy(BaseModel):
    """How rows were divided."""

    ratios: dict[Split, float]
    seed: int
    group_key: str | None = None
    near_duplicate_threshold: float | None = None
    edited_copies: bool = Field(
        default=True, description="Edited copies were kept together, where near-duplicates were."
    )
    clusters: float | None = Field(
        default=None, description="Least cosine of the vectors of rows that were kept together."
    )
    embedder: str = Field(default="tfidf", description="What made these vectors.")
    embedder_version: str = Field(default="", description="Hash of its weights; empty where it has none.")
    groups: int = Field(description="Connected groups that were kept whole.")


class LeakageReport(BaseModel):
    """What of a held-out split can be found in train. All counts must be 0 for a clean split."""

    exact_inputs_shared: int
    near_duplicates_shared: int
    groups_shared: int
    edited_copies_shared: int = Field(
        default=0,
        description="Held-out rows with an edited copy in train: joined, their group would be too large.",
    )
    semantic_shared: int | None = Field(
        default=None,
        description="Held-out rows that train has in other words; None where meanings were not compared.",
    )
    checked_pairs: int = Field(
        description="Comparisons of held-out rows with train rows that share rare parts."
    )


class DatasetManifest(BaseModel):
    """`data/prepared/<version>/manifest.json`."""

    model_config = ConfigDict(extra="forbid")

    api_version: Literal["narrowcast/v1"] = "narrowcast/v1"
    kind: Literal["Dataset"] = "Dataset"
    version: str = Field(description="SHA-256 over the row hashes of all splits.")
    parent_version: str | None = None
    task: TaskSpec
    splits: dict[Split, SplitFile]
    split_policy: SplitPolicy
    leakage: LeakageReport
    ledger: StageLedger
    imports: list[ImportRecord]
    provenance: dict[Provenance, int]
    forgotten: int = Field(default=0, description="Rows that were deleted from this version on request.")
    warnings: list[str] = Field(default_factory=list)
