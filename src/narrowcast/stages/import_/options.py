"""What an import is asked for, what it reads, and what it returns."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_serializer

from narrowcast.connectors.base import SourceDescription
from narrowcast.core.config import SourceSpec
from narrowcast.core.locator import Locator
from narrowcast.core.names import Provenance, Split
from narrowcast.core.stage import StageInputs, StageOptions, StageResult
from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.introspect.report import IntrospectionReport


class Options(SourceSpec, StageOptions):
    """A source, and how its mapping is found. What decides the result is settled in `Inputs`."""

    auto: bool = False
    """Use the mapping that introspection proposes."""
    keep_unreadable: bool = False
    """Where the source cannot be read, keep its imported rows, as `narrowcast run` does."""

    @field_serializer("locator")
    def _without_secrets(self, locator: str) -> str:
        return Locator.redacted(locator)

    def identity(self) -> dict[str, Any]:
        """Nothing: a mapping that was proposed and the same one written out are the same import."""
        return {}

    def attempt(self) -> dict[str, Any]:
        """The source."""
        return self.model_dump(mode="json", include={"locator", "into"})


class ImportPlan(BaseModel):
    """What was decided before the first row was mapped."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    source: SourceDescription
    report: IntrospectionReport | None
    """What introspection found; None where the mapping was given in full."""
    mapper: str
    field_map: dict[str, str]
    """Field of the mapper → column of the source."""
    confidence: float | None
    """Of introspection's proposal; None where the mapping was given in full."""
    forced: bool
    """The confidence is under the threshold."""
    warnings: list[str] = Field(default_factory=list)
    """What is against the mapping, the columns it leaves aside, and what else the rows may be."""


class Inputs(StageInputs):
    """Everything that decides which rows an import holds, and in what form."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    locator: str
    """As it is recorded: without secrets, the same from every folder."""
    content: str
    """Fingerprint of what the source holds; see `narrowcast.connectors.base.Connector`."""
    mapper: str
    field_map: dict[str, str]
    into: Split | None
    limit: int | None
    licence: str | None
    consent: str | None
    declared: str
    """Hash of the labels or fields that the user declared for rows to keep to; empty where none are."""

    # Not part of the content: what `read_inputs` knows besides it.
    opened: Locator = Field(exclude=True)
    """The locator to open where `connector` is not at hand."""
    shape: SourceSpec = Field(exclude=True)
    """What is done to rows before they are mapped; `content` names it as well."""
    plan: ImportPlan | None = Field(default=None, exclude=True)
    """None where the source cannot be read and its rows are kept."""
    connector: Any = Field(default=None, exclude=True)
    """The open source, which gives the rows that were introspected, whatever happens to it meanwhile."""

    @property
    def expected_rows(self) -> int | None:
        """For progress: what introspection counted, at most the limit; None where nobody counted."""
        counted = self.plan.report.rows if self.plan and self.plan.report else None
        return min((each for each in (counted, self.limit) if each is not None), default=None)

    @property
    def subject(self) -> str:
        """A source has one import for each split it is imported into."""
        return f"{self.locator} into {self.into or 'any split'}"

    @property
    def provenance(self) -> Provenance:
        """Answers in a traffic log were given by a model in production, not written by a person."""
        return Provenance.PRODUCTION if self.opened.scheme == "logs" else Provenance.HUMAN

    @property
    def spec(self) -> SourceSpec:
        """The source as `narrowcast.yaml` holds it."""
        return SourceSpec(
            locator=self.locator,
            mapper=self.mapper,
            map={role: column for role, column in self.field_map.items() if role != "group"},
            explode=self.shape.explode,
            derive=self.shape.derive,
            where=self.shape.where,
            group=self.field_map.get("group"),
            into=self.into,
            limit=self.limit,
            licence=self.licence,
            consent=self.consent,
        )


class Result(StageResult):
    """What an import did."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    import_id: str
    locator: str
    into: Split | None
    content: str
    """As in `Inputs`."""
    declared: str
    """As in `Inputs`."""
    replaced: list[str] = Field(default_factory=list)
    """Imports of the same source whose place this one took."""
    unchanged: bool = False
    """The rows and their mapping are those of the import before; it was kept."""
    plan: ImportPlan | None = Field(default=None, exclude=True)
    """Not kept: introspection quotes rows, which may have to be deleted one day."""
    notes: list[str] = Field(default_factory=list, exclude=True)
    """What the mapper converted or left aside, and the labels that are new, in plain words."""


class RejectionSample(BaseModel):
    """A rejected row to look at."""

    index: int
    detail: str
    data: dict[str, Any] | None = None
    raw: str | None = None


class ImportPreview(BaseModel):
    """What an import would do; nothing was written and no event recorded."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    dry_run: bool = True
    plan: ImportPlan
    rows: int
    accepted: int
    rejected: dict[str, int]
    """Reason → rows."""
    sample: list[dict[str, Any]]
    """The first accepted rows: inputs and target."""
    rejected_sample: dict[str, list[RejectionSample]]
    task: TaskSpec
    """The project's task after the import."""
    notes: list[str] = Field(default_factory=list)
    """What the mapper converted or left aside, and the labels that are new, in plain words."""
    would_fail: str = ""
    """Why the import itself would be refused; "" where it would not."""
