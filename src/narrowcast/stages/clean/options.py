"""What cleaning is told, and the report that it writes."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from narrowcast.core.ledger import StageLedger
from narrowcast.core.stage import StageOptions

Policy = Literal["report", "redact", "block", "off"]


class Options(StageOptions):
    """How texts are cleaned."""

    column: str | None = None
    """Column with the text; found by its name or its length where it is left out."""

    markup: Literal["auto", "html", "markdown", "plain"] = "auto"
    """What the text is written in; auto looks at file name and content."""

    boilerplate: bool = True
    """Leave out navigation, footers, page numbers and repeated lines of documents."""

    pii: Policy = "report"
    """Personal data: report, redact, block (reject the row), or off."""

    secrets: Policy = "report"
    """Passwords, keys and tokens: report, redact, block or off."""

    kinds: list[str] = Field(default_factory=list)
    """Kinds of personal data to look for; the default kinds where empty."""

    languages: list[str] = Field(default_factory=list)
    """Keep these only, as two-letter codes; all where empty."""

    min_quality: float = Field(0.0, ge=0, le=1)
    """Reject texts whose quality score is lower."""

    outliers: Literal["report", "reject"] = "report"
    """Texts of unusual length: report or reject them."""

    outlier_share: float = Field(0.05, ge=0, le=1)
    """A larger share of outliers than this is a warning event."""

    chunk_size: int = Field(1_000, ge=50)
    """The most a chunk holds."""

    chunk_unit: Literal["characters", "tokens"] = "characters"
    """Characters, or tokens of the base model."""

    keep_originals: bool = True
    """Keep the rows as they came; the one file that still holds what was redacted."""


class FindingCount(BaseModel):
    """How often one kind was found; never a value."""

    family: Literal["pii", "secret"]
    kind: str
    findings: int
    rows: int


class CleanReport(BaseModel):
    """`data/cleaned/<id>/report.json`."""

    id: str
    locator: str
    folder: str = Field(description="Relative to the project.")
    column: str
    options: Options
    ledger: StageLedger
    changed_rows: int
    changes: dict[str, int] = Field(description="Rule → how often it changed something.")
    languages: dict[str, int]
    findings: list[FindingCount]
    chunks: int
    quality: dict[str, float] = Field(description="Lowest, median and highest score of the rows kept.")
    outliers: int
    outlier_bounds: tuple[int, int] | None = Field(description="Characters; None for fewer than 20 rows.")
    warnings: list[str] = Field(default_factory=list)


# Why a row leaves; closed, so that ledgers can be compared.
REJECTIONS = {
    "unparseable": "the source could not be parsed there",
    "no_text": "the column is missing or holds no text",
    "markup": "the markup can not be read to its end",
    "empty_after_cleaning": "nothing but markup, boilerplate or invisible characters",
    "language": "none of the languages that are kept",
    "low_quality": "the quality score is under the limit",
    "outlier": "far longer or shorter than the other texts",
    "pii": "holds personal data",
    "secret": "holds a password, key or token",
}
