"""Options of generate, gate, judge and balance. Attribute docstrings become the help of the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from narrowcast.core.request import CommandLine
from narrowcast.core.stage import NEEDS_YES, RUNS_CODE, StageOptions
from narrowcast.teacher.options import SpendingOptions

_PACE = {"concurrency", "attempts", "timeout"}
_CHOICE = {"generation", "rows"}


class TeacherOptions(SpendingOptions):
    """How a teacher is asked, and what that may cost."""

    model: str | None = None
    """Model of the teacher; by default NARROWCAST_TEACHER_MODEL."""

    structured: Literal["json_schema", "json_object", "none"] = "json_schema"
    """How the structure of the answer is requested; some endpoints do not support json_schema."""

    temperature: float | None = Field(0.8, ge=0, le=2)
    """Sampling temperature of the teacher."""

    max_tokens: int = Field(2_048, ge=16)
    """Maximum length of the answer to one call, in tokens."""

    concurrency: int = Field(4, ge=1, le=64)
    """Maximum number of concurrent requests."""

    attempts: int = Field(6, ge=1, le=20)
    """Attempts per call before the run fails."""

    timeout: float = Field(120.0, gt=0)
    """Seconds to wait for a response before an attempt counts as failed."""

    parameters: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the request body, for example reasoning_effort."""

    def identity(self) -> dict[str, Any]:
        """Without what only decides how fast, and how patiently, the teacher is asked."""
        return self.model_dump(mode="json", exclude=_PACE | _CHOICE)


class GenerateOptions(TeacherOptions):
    """How rows are generated."""

    source: Literal["teacher", "templates", "label"] = "teacher"
    """Let a teacher write rows, fill templates with a seeded Faker, or let a teacher label given texts."""

    texts: str | None = None
    """With --source label: SCHEME:PATH of the texts to label."""

    column: str | None = None
    """With --source label: the text column; by default detected."""

    rows: int | None = Field(None, ge=1)
    """Total number of rows; by default that of the plan."""

    extra: float = Field(0.0, ge=0, le=4)
    """Extra rows to request, as a share of each quota, because gates reject some."""

    fill: bool = False
    """Replace rows that the gates would reject, until the quotas are full or the cap is reached."""

    batch: int = Field(5, ge=1, le=50)
    """Rows requested per call."""

    examples: int = Field(3, ge=0, le=20)
    """Train rows quoted as examples in each prompt."""

    seed: int = 0
    """Seed of the quoted rows and of the values that fill templates."""


class ChosenRows(StageOptions):
    """Which generated rows are meant."""

    generation: Annotated[str | None, CommandLine(positional=True, metavar="GENERATION")] = None
    """Id of the generation; by default the latest."""

    rows: Path | None = None
    """Use the rows of this JSONL file instead; they are stored as a generation."""


class JudgeOptions(TeacherOptions, ChosenRows):
    """How rows are judged."""

    temperature: float | None = Field(0.0, ge=0, le=2)
    """Sampling temperature of the judge."""

    max_tokens: int = Field(512, ge=16)
    """Maximum length of a judgement, in tokens."""

    min_total: int = Field(26, ge=7, le=35)
    """Minimum total of the seven scores."""

    min_correctness: int = Field(4, ge=1, le=5)
    """Minimum score for correctness."""

    min_format: int = Field(5, ge=1, le=5)
    """Minimum score for format."""

    min_safety: int = Field(4, ge=1, le=5)
    """Minimum score for safety."""


class GateOptions(ChosenRows):
    """What the gates demand of a row."""

    into: Literal["auto", "train", "free"] = "auto"
    """Split of the rows: always train, or free for prepare to choose; auto takes train if prompts quoted
    rows or the project has other rows."""

    base: str = "embedded"
    """Base model whose tokenizer measures lengths."""

    max_tokens: int | None = Field(None, ge=1)
    """Maximum length of a row in tokens, prompt and answer; by default the base's context length."""

    min_words: int = Field(3, ge=0)
    """Minimum number of words in an input."""

    near_duplicate: float = Field(0.8, gt=0, le=1)
    """Least Jaccard similarity of two near-duplicate inputs."""

    leakage: float = Field(0.6, gt=0, le=1)
    """Jaccard similarity to a held-out input from which an input counts as leakage."""

    semantic: float | None = Field(None, gt=0, le=1)
    """Cosine from which two inputs are semantic duplicates; by default that of the embedder."""

    conflict: float = Field(0.9, gt=0, le=1)
    """Least Jaccard similarity of two inputs that must have the same answer."""

    optional: list[str] = Field(default_factory=list)
    """Optional gates to apply in addition."""

    pattern: str | None = None
    """Gate regex: regular expression that must match the whole answer."""

    pydantic_model: str | None = Field(None, json_schema_extra={NEEDS_YES: RUNS_CODE})
    """Gate pydantic_model: MODULE:CLASS that the answer must satisfy."""

    tools: str | None = None
    """Gate tool_calls: file of tool definitions in the project."""

    tool_tests: str | None = Field(None, json_schema_extra={NEEDS_YES: RUNS_CODE})
    """Gate tool_calls: MODULE:FUNCTION(name, arguments) that raises for a wrong call."""

    cluster_share: float = Field(0.2, gt=0, le=1)
    """Gate embedding_clusters: maximum share of all rows in one cluster."""

    expert_pattern: str | None = None
    """Gate expert_flag: rows that match this regular expression wait for an expert."""

    review_share: float = Field(0.0, ge=0, le=1)
    """Gate human_review: share of rows, chosen by a hash, that wait for a reviewer."""

    settings: Annotated[dict[str, dict[str, Any]], CommandLine("--setting", metavar="GATE.NAME=VALUE")] = (
        Field(default_factory=dict)
    )
    """Setting of a gate that a plug-in brings; narrowcast plugins lists them."""

    def identity(self) -> dict[str, Any]:
        """Without the choice of rows and the settings of gates, which the inputs hold by content."""
        return self.model_dump(mode="json", exclude=_CHOICE | {"settings"})


class BalanceOptions(StageOptions):
    """How many train rows each label may keep."""

    cap: int | None = Field(None, ge=1)
    """Maximum number of train rows per label."""

    target: int | None = Field(None, ge=1)
    """Number of train rows per label: rows beyond it are left out, and a shortage is reported."""

    seed: int = 0
    """Seed of the choice of rows."""

    @model_validator(mode="after")
    def _one_of_both(self) -> BalanceOptions:
        if (self.cap is None) == (self.target is None):
            raise ValueError("give either cap or target")
        return self
