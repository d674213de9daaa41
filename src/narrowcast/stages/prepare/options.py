"""Options of prepare, what it reads and what it returns."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from narrowcast.core.forecast import WorkForecast
from narrowcast.core.manifest import ImportRecord, LeakageReport
from narrowcast.core.names import Split
from narrowcast.core.stage import StageInputs, StageOptions, StageResult
from narrowcast.core.task import TaskSpec
from narrowcast.store.reviews import ReviewVerdict


class Options(StageOptions):
    """How rows are divided."""

    dev: float | None = Field(None, gt=0, lt=1)
    """Share of dev rows, for choosing between runs; by default 0.1, or 0.15 below 1,000 rows."""

    test: float | None = Field(None, gt=0, lt=1)
    """Share of test rows, for the final measurement; by default as for dev."""

    golden: float = Field(0.0, ge=0, lt=1)
    """Share of golden rows: held back for the final decision, never used for training or in prompts."""

    seed: int = 0
    """Seed of the assignment of groups to splits."""

    near_duplicates: Literal["together", "free"] = "together"
    """Keep near-duplicates in one split, or split them freely and count the leakage."""

    similarity: float = Field(0.8, gt=0, le=1)
    """Least Jaccard similarity of two near-duplicates."""

    copies: Literal["together", "free"] = "together"
    """Keep edited copies in one split too (typos, a changed word, a greeting, a half), or ignore them."""

    splits: Literal["keep", "new"] = "keep"
    """Keep rows in the split that they have in the current version, or divide all rows anew."""

    clusters: float | None = Field(None, gt=0, le=1)
    """Also keep two rows in one split if the cosine of their vectors is at least this, such as 0.6."""

    embedder: str | None = None
    """Embedder of the vectors: auto (the best on this machine), encoder-words:NAME, encoder:NAME, tfidf (the
    default) or model2vec:FOLDER. If given, held-out rows that train has in other words are counted, too."""

    groups: Literal["together", "free"] = "together"
    """Keep rows with equal group keys in one split, or ignore the keys."""

    on_conflict: Literal["warn", "reject"] = "warn"
    """What to do with equal inputs that have different targets: keep all and warn, or reject all."""

    @model_validator(mode="after")
    def _leaves_rows_for_training(self) -> Options:
        if sum(self.ratios(rows=1_000_000)[split] for split in (Split.DEV, Split.TEST, Split.GOLDEN)) > 0.9:
            raise ValueError("dev, test and golden leave less than a tenth of the rows for training")
        return self

    def identity(self) -> dict[str, Any]:
        """Without an embedder that was not chosen, so that earlier versions stay up to date."""
        return self.model_dump(mode="json", exclude={"embedder"} if self.embedder is None else None)

    def ratios(self, rows: int) -> dict[Split, float]:
        """Shares of all four splits for a data set of `rows` rows; they add up to 1."""
        usual = 0.15 if rows < _SMALL else 0.1
        dev = usual if self.dev is None else self.dev
        test = usual if self.test is None else self.test
        train = 1.0 - dev - test - self.golden
        return {Split.TRAIN: train, Split.DEV: dev, Split.TEST: test, Split.GOLDEN: self.golden}


_SMALL = 1_000


class UsedEmbedder(BaseModel):
    """The embedder that was asked for, and a hash of its weights."""

    name: str
    version: str


class Inputs(StageInputs):
    """The task, every committed import, the train rows that balancing leaves out, what reviewers said."""

    task: TaskSpec
    imports: list[ImportRecord]
    left_out: list[str] = Field(default_factory=list)
    reviews: dict[str, ReviewVerdict] = Field(default_factory=dict)
    embedder: UsedEmbedder | None = Field(default=None, exclude_if=lambda used: used is None)


class SplitSummary(BaseModel):
    """One line of the table that `narrowcast prepare` prints."""

    split: Split
    rows: int
    groups: int
    labels: int | None = Field(description="Different labels; None where targets are not labels.")


class PreparePreview(BaseModel):
    """What `prepare` would write.

    Attributes:
        version: of the data set.
        rows: in each split.
        rejected: reason to rows.
        forecast: of the whole stage.
    """

    version: str
    rows: dict[str, int]
    rejected: dict[str, int]
    warnings: list[str]
    forecast: WorkForecast | None = None


class PrepareResult(StageResult):
    """A prepared version."""

    version: str
    manifest: str = Field(description="Path of the manifest, relative to the project.")
    splits: list[SplitSummary]
    leakage: LeakageReport
    warnings: list[str]
