"""Options of generate, gate, judge and balance. Attribute docstrings become the help of the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from narrowcast.core.request import CommandLine
from narrowcast.core.stage import StageOptions

_PACE = {"concurrency", "attempts", "timeout"}
_CHOICE = {"generation", "rows"}


class TeacherOptions(StageOptions):
    """How a teacher is asked, and what that may cost."""

    model: str | None = None
    """The teacher's model; NARROWCAST_TEACHER_MODEL by default."""

    structured: Literal["json_schema", "json_object", "none"] = "json_schema"
    """How the form of the answer is requested; not every endpoint supports json_schema."""

    temperature: float | None = Field(0.8, ge=0, le=2)
    """Sampling temperature of the teacher."""

    max_tokens: int = Field(2_048, ge=16)
    """Longest answer of one call, in tokens."""

    concurrency: int = Field(4, ge=1, le=64)
    """Requests in flight at the same time."""

    attempts: int = Field(6, ge=1, le=20)
    """Attempts at one call before the run fails."""

    timeout: float = Field(120.0, gt=0)
    """Seconds without a response after which an attempt is given up."""

    price_prompt: float | None = Field(None, ge=0)
    """Price per million prompt tokens, in your currency."""

    price_completion: float | None = Field(None, ge=0)
    """Price per million completion tokens, in your currency."""

    cap_cost: float | None = Field(None, gt=0)
    """The most this run may cost, over all its resumptions; needs both prices."""

    cap_tokens: int = Field(1_000_000, gt=0)
    """The most tokens this run may use, prompt and completion, over all its resumptions."""

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

    def identity(self) -> dict[str, Any]:
        """Without what only decides how fast, and how patiently, the teacher is asked."""
        return self.model_dump(mode="json", exclude=_PACE | _CHOICE)


class GenerateOptions(TeacherOptions):
    """How rows are generated."""

    source: Literal["teacher", "templates", "label"] = "teacher"
    """A teacher writes rows, templates are filled by a seeded Faker, or a teacher answers given texts."""

    texts: str | None = None
    """With source label: SCHEME:PATH of the texts without answers."""

    column: str | None = None
    """With source label: the column with the text; detected by default."""

    rows: int | None = Field(None, ge=1)
    """Rows in all; the plan's own number by default."""

    extra: float = Field(0.0, ge=0, le=4)
    """Rows requested beyond each quota, as a share of it, so that gates may reject some."""

    fill: bool = False
    """Ask again for what the gates would reject, until quotas are full or the cap is reached."""

    batch: int = Field(5, ge=1, le=50)
    """Rows requested per call."""

    examples: int = Field(3, ge=0, le=20)
    """Train rows quoted per prompt."""

    seed: int = 0
    """Seed of the choice of quoted rows, and of what templates are filled with."""


class ChosenRows(StageOptions):
    """Which generated rows are meant."""

    generation: Annotated[str | None, CommandLine(positional=True, metavar="[GENERATION]")] = None
    """Id of the generation; the last one written by default."""

    rows: Path | None = None
    """Take the rows of this JSONL file, written elsewhere, instead; they are stored as a generation."""


class JudgeOptions(TeacherOptions, ChosenRows):
    """How rows are judged."""

    temperature: float | None = Field(0.0, ge=0, le=2)
    """Of the judge's sampling."""

    max_tokens: int = Field(512, ge=16)
    """Longest judgement, in tokens."""

    min_total: int = Field(26, ge=7, le=35)
    """Minimum sum of the seven scores."""

    min_correctness: int = Field(4, ge=1, le=5)
    """Minimum score for correctness."""

    min_format: int = Field(5, ge=1, le=5)
    """Minimum score for format."""

    min_safety: int = Field(4, ge=1, le=5)
    """Minimum score for safety."""


class GateOptions(ChosenRows):
    """What the gates demand of a row."""

    into: Literal["auto", "train", "free"] = "auto"
    """Split of the rows: train fixes it, free lets prepare decide, auto takes train if prompts quoted rows
    or the project has rows of its own."""

    base: str = "embedded"
    """The base model whose tokenizer counts lengths."""

    max_tokens: int | None = Field(None, ge=1)
    """Longest row in tokens, prompt and answer together; the base's context length by default."""

    min_words: int = Field(3, ge=0)
    """Minimum number of words in an input."""

    near_duplicate: float = Field(0.8, gt=0, le=1)
    """Jaccard similarity of shingles at which two inputs are near-duplicates."""

    leakage: float = Field(0.6, gt=0, le=1)
    """Jaccard similarity of shingles at which an input leaks a held-out one."""

    semantic: float | None = Field(None, gt=0, le=1)
    """Cosine similarity at which two inputs are paraphrases; the embedder's own threshold by default."""

    conflict: float = Field(0.9, gt=0, le=1)
    """Similarity at which two inputs must have the same answer."""

    optional: list[str] = Field(default_factory=list)
    """Optional gates to apply as well, separated by commas."""

    pattern: str | None = None
    """Gate regex: pattern that the whole answer must match."""

    pydantic_model: str | None = None
    """Gate pydantic_model: MODULE:CLASS that the answer must satisfy."""

    tools: str | None = None
    """Gate tool_calls: file of tool definitions in the project."""

    tool_tests: str | None = None
    """Gate tool_calls: MODULE:FUNCTION(name, arguments) that raises for a wrong call."""

    cluster_share: float = Field(0.2, gt=0, le=1)
    """Gate embedding_clusters: largest share of all rows that one cluster may hold."""

    expert_pattern: str | None = None
    """Gate expert_flag: rows that match this pattern wait for an expert."""

    review_share: float = Field(0.0, ge=0, le=1)
    """Gate human_review: share of rows, drawn by content, that wait for a person."""

    def identity(self) -> dict[str, Any]:
        """Without the choice of rows, which the inputs hold by content."""
        return self.model_dump(mode="json", exclude=_CHOICE)


class BalanceOptions(StageOptions):
    """How many train rows each label may keep."""

    cap: int | None = Field(None, ge=1)
    """The most train rows per label."""

    target: int | None = Field(None, ge=1)
    """Wanted train rows per label: more are left out, and a shortage is reported."""

    seed: int = 0
    """Seed of the choice of rows to leave out."""

    @model_validator(mode="after")
    def _one_of_both(self) -> BalanceOptions:
        if (self.cap is None) == (self.target is None):
            raise ValueError("give either cap or target")
        return self
