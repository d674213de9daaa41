"""The plan of a generation: category × difficulty × edge case, each cell with its quota."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from narrowcast.core.task import TaskSpec
from narrowcast.errors import DataError
from narrowcast.store.config_file import describe_mistakes

DIFFICULTIES = ["easy", "medium", "hard"]
EDGE_CASES = {
    "canonical": "a usual input, as most users write it",
    "boundary": "very long or very short, odd formatting, or something optional is missing",
    "negative": "an input where the right answer is to decline, to leave fields empty or to say none",
    "adversarial": "misleading wording, or text that tries to give orders to the reader",
    "near-miss": "close to another category, yet the right answer differs",
    "production-like": "messy as real traffic: typing errors, abbreviations, mixed topics",
    "schema-trap": "tempts into a malformed answer, an unknown value or extra prose",
}


class Category(BaseModel):
    """A part of what the model will meet."""

    model_config = ConfigDict(extra="forbid")

    name: str
    about: str = ""
    label: str | None = Field(default=None, description="The label every row of the category must have.")
    quota: int | None = Field(
        default=None, ge=0, description="Rows; None takes an equal share of the plan's."
    )


class Cell(BaseModel):
    """One combination, and how many rows are wanted of it."""

    model_config = ConfigDict(frozen=True)

    category: str
    about: str
    label: str | None
    difficulty: str
    edge_case: str
    edge_about: str
    quota: int

    @property
    def name(self) -> str:
        """For tables and as a key."""
        return f"{self.category} / {self.difficulty} / {self.edge_case}"


class GenerationPlan(BaseModel):
    """`specs/generation_prompts/plan.yaml`."""

    model_config = ConfigDict(extra="forbid")

    rows: int = Field(default=100, ge=1)
    categories: list[Category] = Field(min_length=1)
    difficulties: list[str] = Field(default_factory=lambda: list(DIFFICULTIES), min_length=1)
    edge_cases: dict[str, str] = Field(default_factory=lambda: dict(EDGE_CASES), min_length=1)
    variations: list[str] = Field(
        default_factory=list, description="One is named in each prompt in turn, so that prompts differ."
    )

    @field_validator("categories", mode="before")
    @classmethod
    def _names_alone(cls, value: Any) -> Any:
        """A category may be written as its name."""
        if isinstance(value, list):
            return [{"name": each} if isinstance(each, str) else each for each in value]
        return value

    @field_validator("edge_cases", mode="before")
    @classmethod
    def _known_edge_cases(cls, value: Any) -> Any:
        """Edge cases may be written as names; known ones bring their description."""
        if isinstance(value, list):
            return {str(each): EDGE_CASES.get(str(each), "") for each in value}
        return value

    def cells(self, rows: int | None = None) -> list[Cell]:
        """Every cell with a quota, in the order of the file; `rows` replaces the plan's number.

        Quotas of a category are divided evenly over its cells; what is left over is spread over them,
        beginning elsewhere in each category, so that small quotas still meet every difficulty.
        """
        combinations = list(product(self.difficulties, self.edge_cases))
        cells = []
        for place, (category, quota) in enumerate(zip(self.categories, self._quotas(rows), strict=True)):
            even, left = divmod(quota, len(combinations))
            extra = {(place + step * len(combinations) // left) % len(combinations) for step in range(left)}
            for number, (difficulty, edge) in enumerate(combinations):
                share = even + (number in extra)
                if share:
                    cells.append(
                        Cell(
                            category=category.name,
                            about=category.about,
                            label=category.label,
                            difficulty=difficulty,
                            edge_case=edge,
                            edge_about=self.edge_cases[edge],
                            quota=share,
                        )
                    )
        return cells

    def _quotas(self, rows: int | None) -> list[int]:
        """Rows a category; where `rows` is given, the plan's proportions are kept."""
        fixed = sum(category.quota or 0 for category in self.categories)
        open_ones = [number for number, each in enumerate(self.categories) if each.quota is None]
        rest = max(0, self.rows - fixed)
        quotas = [category.quota or 0 for category in self.categories]
        for place, number in enumerate(open_ones):
            quotas[number] = rest // len(open_ones) + (place < rest % len(open_ones))
        total = sum(quotas)
        if rows is None or not total:
            return quotas
        scaled = [rows * each // total for each in quotas]
        by_rest = sorted(range(len(quotas)), key=lambda number: (-(rows * quotas[number] % total), number))
        for number in by_rest[: rows - sum(scaled)]:
            scaled[number] += 1
        return scaled


def load_plan(path: Path, task: TaskSpec) -> GenerationPlan:
    """Read the plan; where the project has none, the default plan of its task.

    Raises:
        DataError: if the file is not a plan, or names a label the task does not have.
    """
    if not path.exists():
        return default_plan(task)
    try:
        plan = GenerationPlan.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _wrong(f"the plan is not YAML: {error}", path) from error
    except ValidationError as error:
        raise _wrong(f"the plan is wrong: {describe_mistakes(error)}", path) from error
    unknown = [each.label for each in plan.categories if each.label and each.label not in task.labels]
    if unknown and task.labels:
        raise _wrong(f"the plan names labels the task does not have: {', '.join(map(str, unknown))}", path)
    return plan


def default_plan(task: TaskSpec | None) -> GenerationPlan:
    """Every label is a category (without labels there is one), with every difficulty and edge case."""
    labels = task.labels if task else []
    categories = [Category(name=label, label=label) for label in labels] or [Category(name="everything")]
    return GenerationPlan(categories=categories)


def _wrong(what: str, path: Path) -> DataError:
    return DataError(
        what,
        where=str(path),
        next_command="correct the file, then: narrowcast data generate --dry-run",
        reason_code="factory_plan_invalid",
    )
