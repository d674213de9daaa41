"""The row ledger: every row of every source ends in a split or in a named rejection."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, computed_field


class StageLedger(BaseModel):
    """Rows into and out of one stage. Balanced when nothing is missing and nothing was invented."""

    # `balanced` is written with the rest and computed again when read.
    model_config = ConfigDict(extra="ignore")

    stage: str
    rows_in: int = Field(ge=0)
    rows_out: int = Field(ge=0)
    rejected: dict[str, int] = Field(default_factory=dict)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def balanced(self) -> bool:
        """True where rows in = rows out + rejected rows."""
        return self.rows_in == self.rows_out + sum(self.rejected.values())


class Ledger(BaseModel):
    """The ledger of a project, stage by stage; `narrowcast data ledger --json` prints this."""

    stages: list[StageLedger] = Field(default_factory=list)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def balanced(self) -> bool:
        """True where every stage balances."""
        return all(stage.balanced for stage in self.stages)
