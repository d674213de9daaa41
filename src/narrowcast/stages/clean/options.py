"""What cleaning can be asked for, what it reads, and what it returns."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, field_serializer

from narrowcast.core.config import MOST_ROWS
from narrowcast.core.locator import Locator
from narrowcast.core.stage import StageInputs, StageOptions, StageResult
from narrowcast.store.cleanings import CleanReport

Policy = Literal["report", "redact", "block", "off"]


class TextOptions(StageOptions):
    """How texts are cleaned. A report holds them, and the id of a cleaning is made of them."""

    column: str | None = None
    """Text column; by default detected by its name or its length."""

    markup: Literal["auto", "html", "markdown", "plain"] = "auto"
    """Markup of the text; auto detects it from file name and content."""

    boilerplate: bool = True
    """Remove navigation, footers, page numbers and repeated lines of documents."""

    pii: Policy = "report"
    """What to do with personal data; block rejects the row."""

    secrets: Policy = "report"
    """What to do with passwords, keys and tokens; block rejects the row."""

    kinds: list[str] = Field(default_factory=list)
    """Kinds of personal data to look for; empty for the default kinds."""

    languages: list[str] = Field(default_factory=list)
    """Languages to keep, as two-letter codes; empty for all."""

    min_quality: float = Field(0.0, ge=0, le=1)
    """Minimum quality score of a text; texts below it are rejected."""

    outliers: Literal["report", "reject"] = "report"
    """What to do with texts of unusual length."""

    outlier_share: float = Field(0.05, ge=0, le=1)
    """Share of outliers above which a warning event is recorded."""

    chunk_size: int = Field(1_000, ge=50)
    """Maximum size of a chunk."""

    chunk_unit: Literal["characters", "tokens"] = "characters"
    """Unit of the chunk size; tokens are those of the base model."""

    keep_originals: bool | None = None
    """Keep the original rows beside the cleaned ones; by default only if nothing is redacted or blocked."""

    @property
    def keeps_originals(self) -> bool:
        """Whether they are kept; a redaction leaves no copy that nobody asked for."""
        hides = {"redact", "block"} & {self.pii, self.secrets}
        return not hides if self.keep_originals is None else self.keep_originals


class Options(TextOptions):
    """A source, and how its texts are cleaned."""

    locator: str
    """SCHEME:PATH of the texts, for example csv:train.csv or docs:manuals."""

    base: str | None = None
    """Base model whose tokens measure chunks; by default the built-in base."""

    limit: int | None = Field(None, ge=1, le=MOST_ROWS)
    """Read at most N rows."""

    @field_serializer("locator")
    def _without_secrets(self, locator: str) -> str:
        return Locator.redacted(locator)

    @property
    def text_options(self) -> dict[str, Any]:
        """The options of `TextOptions`, as values."""
        return self.model_dump(mode="json", include=set(TextOptions.model_fields))

    def identity(self) -> dict[str, Any]:
        """All but the locator: the inputs hold the source and its content."""
        return self.model_dump(mode="json", exclude={"locator"})

    def attempt(self) -> dict[str, Any]:
        """The source too."""
        return self.model_dump(mode="json")


class Inputs(StageInputs):
    """The source, and what measures its chunks."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    locator: str
    """As it is recorded: without secrets, the same from every folder."""
    content: str
    """Fingerprint of what the source holds; see `narrowcast.connectors.base.Connector`."""
    tokenizer: str | None
    """Fingerprint of the base whose tokens are counted; None where characters are."""

    connector: Any = Field(default=None, exclude=True)
    """The open source; not part of the content."""


class Result(StageResult):
    """Which cleaning was made; its report is in the store."""

    cleaning: str


class CleanPreview(CleanReport):
    """What a cleaning would do; nothing was written and no event recorded."""

    dry_run: bool = True


# Why a row leaves; closed, so that ledgers can be compared.
REJECTIONS = {
    "unparseable": "the record could not be parsed",
    "no_text": "the column is missing or has no text",
    "markup": "the markup cannot be parsed",
    "empty_after_cleaning": "nothing but markup, boilerplate or invisible characters",
    "language": "not in one of the languages that are kept",
    "low_quality": "the quality score is below the minimum",
    "outlier": "far longer or shorter than the other texts",
    "pii": "contains personal data",
    "secret": "contains a password, key or token",
}
