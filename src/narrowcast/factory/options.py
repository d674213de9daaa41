"""What the factory's commands may be told. Field docstrings become their help."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from narrowcast.core.stage import StageOptions


class TeacherOptions(StageOptions):
    """How a teacher is asked, and what it may cost."""

    model: str | None = None
    """The teacher's model; NARROWCAST_TEACHER_MODEL where it is not given."""

    structured: Literal["json_schema", "json_object", "none"] = "json_schema"
    """How the endpoint is told the form of the answer; not every endpoint knows json_schema."""

    temperature: float | None = Field(0.8, ge=0, le=2)
    """Of the teacher's sampling."""

    max_tokens: int = Field(2_048, ge=16)
    """Longest answer of one call, in tokens."""

    concurrency: int = Field(4, ge=1, le=64)
    """Requests under way at a time."""

    attempts: int = Field(6, ge=1, le=20)
    """Tries of one call before the run ends."""

    timeout: float = Field(120.0, gt=0)
    """Seconds without a sign of life after which an attempt is given up."""

    price_prompt: float | None = Field(None, ge=0)
    """Price of a million prompt tokens, in your currency."""

    price_completion: float | None = Field(None, ge=0)
    """Price of a million completion tokens, in your currency."""

    cap_cost: float | None = Field(None, gt=0)
    """Most that this run may cost, over all its resumptions; needs both prices."""

    cap_tokens: int = Field(1_000_000, gt=0)
    """Most tokens this run may use, prompt and completion, over all its resumptions."""

    parameters: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the request body, for example reasoning_effort."""

    @model_validator(mode="after")
    def _prices_belong_together(self) -> TeacherOptions:
        prices = (self.price_prompt, self.price_completion)
        if None in prices and prices != (None, None):
            raise ValueError("price_prompt and price_completion are given together or not at all")
        if self.cap_cost is not None and None in prices:
            raise ValueError("cap_cost needs price_prompt and price_completion")
        return self


class GenerateOptions(TeacherOptions):
    """How rows are generated."""

    source: Literal["teacher", "templates", "label"] = "teacher"
    """A teacher writes rows, templates are filled with a seeded Faker, or a teacher answers given texts."""

    texts: str | None = None
    """Of `label`: SCHEME:PATH of the texts that have no answer yet."""

    column: str | None = None
    """Of `label`: the column with the text; found where it is not given."""

    rows: int | None = Field(None, ge=1)
    """How many rows in all; the plan's own number where it is not given."""

    extra: float = Field(0.0, ge=0, le=4)
    """Rows asked for beyond each quota, as a share of it, so that gates may reject some."""

    fill: bool = False
    """Ask again for what the gates would turn away, until quotas are full or the cap is reached."""

    batch: int = Field(5, ge=1, le=50)
    """Rows asked for in one call."""

    examples: int = Field(3, ge=0, le=20)
    """Train rows quoted in one prompt."""

    seed: int = 0
    """Decides which rows are quoted and what templates are filled with."""


class JudgeOptions(TeacherOptions):
    """How rows are judged."""

    temperature: float | None = Field(0.0, ge=0, le=2)
    """Of the judge's sampling."""

    max_tokens: int = Field(512, ge=16)
    """Longest judgement, in tokens."""

    min_total: int = Field(26, ge=7, le=35)
    """Least sum of the seven scores."""

    min_correctness: int = Field(4, ge=1, le=5)
    """Least score for correctness."""

    min_format: int = Field(5, ge=1, le=5)
    """Least score for format."""

    min_safety: int = Field(4, ge=1, le=5)
    """Least score for safety."""


class GateOptions(StageOptions):
    """What the gates ask of a row."""

    base: str = "embedded"
    """The base model in whose tokens length is counted."""

    max_tokens: int | None = Field(None, ge=1)
    """Longest row, prompt and answer together; the base's context where it is not given."""

    min_words: int = Field(3, ge=0)
    """Fewest words of an input that is not trivial."""

    near_duplicate: float = Field(0.8, gt=0, le=1)
    """From where on two inputs say the same (Jaccard over shingles)."""

    leakage: float = Field(0.6, gt=0, le=1)
    """From where on an input resembles a held-out one too much."""

    semantic: float | None = Field(None, gt=0, le=1)
    """Cosine from where on two inputs say the same in other words; the embedder's own where not given."""

    conflict: float = Field(0.9, gt=0, le=1)
    """From where on similar inputs must have the same answer."""

    optional: list[str] = Field(default_factory=list)
    """Optional gates to apply as well."""

    pattern: str | None = None
    """Gate `regex`: what the whole answer must match."""

    pydantic_model: str | None = None
    """Gate `pydantic_model`: MODULE:CLASS that the answer must satisfy."""

    tools: str | None = None
    """Gate `tool_calls`: file of tool definitions below the project."""

    tool_tests: str | None = None
    """Gate `tool_calls`: MODULE:FUNCTION(name, arguments) that raises for a wrong call."""

    cluster_share: float = Field(0.2, gt=0, le=1)
    """Gate `embedding_clusters`: largest share of all rows that one cluster may hold."""

    expert_pattern: str | None = None
    """Gate `expert_flag`: rows that match wait for an expert."""

    review_share: float = Field(0.0, ge=0, le=1)
    """Gate `human_review`: share of rows, drawn by content, that wait for a person."""


class BalanceOptions(StageOptions):
    """How many train rows each label may keep."""

    cap: int | None = Field(None, ge=1)
    """Most train rows of a label."""

    target: int | None = Field(None, ge=1)
    """Wanted train rows of a label: more are left out, and a lack is reported."""

    seed: int = 0
    """Decides which rows are left out."""

    @model_validator(mode="after")
    def _one_of_both(self) -> BalanceOptions:
        if (self.cap is None) == (self.target is None):
            raise ValueError("give either cap or target")
        return self
