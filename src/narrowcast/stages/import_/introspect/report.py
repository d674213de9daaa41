"""What introspection says: columns, hypotheses in order of confidence, and the mapping it proposes."""

from __future__ import annotations

from pydantic import BaseModel, Field

# Under this confidence a mapping is not used without --force.
THRESHOLD = 0.80


class ColumnSummary(BaseModel):
    """One column, or one value inside nested objects (`userInput.text`)."""

    name: str
    types: dict[str, int]
    empty: int = Field(description="Rows without a value.")
    distinct: int | None = Field(description="Different values; None where there are too many to count.")
    mean_words: float | None = None
    example: str


class ShapeHypothesis(BaseModel):
    """One reading of the rows."""

    shape: str = Field(description="What the rows seem to be, in plain words.")
    mapper_id: str | None = Field(default=None, description="None where no mapper can take them yet.")
    task_profile: str | None = None
    field_map: dict[str, str] = Field(default_factory=dict)
    confidence: float = Field(ge=0, le=1)
    rationale: str
    warnings: list[str] = Field(default_factory=list)
    label_counts: dict[str, int] = Field(
        default_factory=dict, description="Of all rows, most frequent first; for classification."
    )


class ProposedMapping(BaseModel):
    """The best hypothesis that can be imported."""

    mapper_id: str
    task_profile: str
    field_map: dict[str, str]
    confidence: float
    rationale: str
    warnings: list[str]
    needs_force: bool = Field(description=f"True under {THRESHOLD:.2f} confidence.")


class IntrospectionReport(BaseModel):
    """The whole finding."""

    rows: int
    unparseable: int
    first_error: str | None = Field(default=None, description="Of the first record that cannot be parsed.")
    columns: list[ColumnSummary]
    hypotheses: list[ShapeHypothesis]
    proposal: ProposedMapping | None
    notes: list[str] = Field(default_factory=list)
    blocks: list[str] = Field(
        default_factory=list,
        description="Columns that only the first row of each block fills, as merged cells do.",
    )

    def as_proposed(self, hypothesis: ShapeHypothesis) -> ShapeHypothesis:
        """The hypothesis; the one that is proposed with what other readings of the rows say against it."""
        proposal = self.proposal
        if proposal is None or (proposal.mapper_id, proposal.field_map) != (
            hypothesis.mapper_id,
            hypothesis.field_map,
        ):
            return hypothesis
        return hypothesis.model_copy(
            update={"confidence": proposal.confidence, "warnings": proposal.warnings}
        )

    @property
    def column_names(self) -> list[str]:
        """Every column a field map may name."""
        return [column.name for column in self.columns]
