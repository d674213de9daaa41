"""Whether an exported file is the model that was measured: what is compared, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field

from narrowcast.core.formats import FLOAT_FORMATS
from narrowcast.core.metric import MetricValue, Verdict

Cause = Literal[
    "file", "run", "weights", "metadata", "template", "tokenizer", "eos", "numerics", "quantisation"
]

FLOAT_TOP1 = 0.99
"""Least top-1 agreement of a file whose weights are not quantised."""
FLOAT_KL = {"f32": 1e-4, "f16": 1e-4, "bf16": 1e-2}
"""Largest mean KL divergence of such a file, in nats."""
REQUANTISED_KL = 1.5
"""How many times the divergence of the model quantised today a quantised file may have."""
QUANTISED_FROM = "quantised from"
"""Key of the report's `runtime`: the float type that quantisation began from."""
CLASSIFIER_DIFFERENCE = 1e-4
"""Largest difference of a class in the file of a classifier: of its probability, and of its log-probability
or score relative to the largest one."""
_KL_FLOOR = 1e-6  # nats; below it, two divergences are alike


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first thing in which a file is not the model."""

    cause: Cause
    detail: str


class FileFacts(BaseModel):
    """What was seen of one exported file and the measured model, on the same held-out prompts."""

    format: str
    rows: int
    groups: int | None = Field(
        default=None,
        description="Groups of rows that are alike; None in reports of versions that compared rows.",
    )
    positions: int = Field(description="Answer positions whose next-token distributions were compared.")
    templates_equal: bool = Field(description="Both sides render every prompt to the same text.")
    prompt_ids_equal: bool = Field(description="Both sides tokenise every prompt and answer to the same ids.")
    eos_equal: bool = Field(description="End of sequence, end of turn and stop tokens are the same.")
    top1_agreement: float | None = Field(
        default=None,
        description="Share of positions where both prefer the same token; None where nothing was run.",
    )
    mean_kl: float | None = Field(
        default=None, description="Mean KL divergence, measured model to exported file, in nats."
    )
    requantised_top1: float | None = Field(
        default=None,
        description="Top-1 agreement of the measured model quantised today; None for float formats.",
    )
    requantised_kl: float | None = Field(default=None, description="Its mean KL divergence.")
    metric: str = ""
    measured: float | None = Field(
        default=None, description="The metric of the measured model on these rows."
    )
    exported: float | None = None
    metric_difference: MetricValue | None = Field(
        default=None,
        description="Exported minus measured, paired over groups; the rule of three where none differs.",
    )
    answers_equal: float | None = Field(default=None, description="Share of rows with the very same answer.")
    largest_difference: float | None = Field(
        default=None,
        description="Of a class's probability, and of its log-probability relative to the largest one; of "
        "its score so where there are no probabilities. None of language models.",
    )
    graph_equal: bool | None = Field(
        default=None,
        description="The file of a classifier computes, node by node, what is written of the model today; "
        "false where it was written by other versions, and then its answers alone are judged.",
    )
    size_bytes: int
    median_latency_s: float | None = None


class FormatParity(FileFacts):
    """One exported file against the measured model, judged."""

    identical: bool | None = Field(
        default=None,
        description="Every tensor is within the bound of its type, every token and setting is equal; None "
        "in reports of versions that did not look.",
    )
    detail: str = Field(default="", description="The first thing that is wrong or missing, for people.")
    cause: Cause | None = None
    verdict: Verdict


class ParityReport(BaseModel):
    """What `narrowcast parity --json` prints: the worst over the files, and each file.

    `top1_agreement` is that of the file with float weights where there is one (quantised files are judged
    by their metric), `metric_difference` that of the file whose interval reaches lowest. A file that is not
    the model is not run: the report then holds the files that failed, and no figures.
    """

    run_id: str
    split: str
    rows: int
    tolerance: float
    prompt_ids_equal: bool
    eos_equal: bool
    top1_agreement: float | None
    metric_difference: MetricValue | None
    cause: Cause | None
    detail: str = ""
    verdict: Verdict
    formats: list[FormatParity]
    runtime: dict[str, str] = Field(
        default_factory=dict, description="With what the files were made and run: versions and settings."
    )


def rule_of_three(difference: MetricValue, groups: int) -> MetricValue:
    """An interval that says something where no fall was seen.

    A bootstrap of groups none of which got worse never falls, and one of equal groups has no width. Of an
    event that was not seen in n groups, a share of up to 3 / n is possible at 95 % (Hanley and Lippman-Hand,
    1983).
    """
    room = min(1.0, 3 / groups)
    low, high = difference.low, difference.high
    if low >= 0 or low == high:
        low = max(-1.0, low - room)
    if difference.low == high:
        high = min(1.0, high + room)
    return MetricValue(value=difference.value, low=low, high=high)


def judge(facts: FileFacts, tolerance: float) -> tuple[Verdict, Cause | None, str]:
    """The verdict on a file that is identical, with the first thing that explains it.

    Template, ids and stop tokens must be equal, whatever the numbers say. Float weights must prefer the
    same token at 99 % of the positions and diverge by `FLOAT_KL` at most; quantised ones may diverge
    `REQUANTISED_KL` times as much as the model quantised today. The metric may fall by `tolerance`: the
    interval of the difference above `-tolerance` passes, below it fails, across it there is not enough data.

    Float weights that are identical and prefer the same tokens are the model, so for them no number of rows
    is too small; quantised weights are another model, which only its answers to enough rows can prove.
    """
    if not facts.templates_equal:
        return "fail", "template", "a prompt is rendered otherwise"
    if not facts.prompt_ids_equal:
        return "fail", "tokenizer", "a prompt or an answer is tokenised otherwise"
    if not facts.eos_equal:
        return "fail", "eos", "the tokens that end an answer differ"
    numbers: Cause = "numerics" if facts.format in FLOAT_FORMATS else "quantisation"
    detail = _distributions(facts)
    if detail:
        return "fail", numbers, detail
    return _metric(facts, tolerance, numbers)


def judge_classifier(facts: FileFacts, tolerance: float) -> tuple[Verdict, Cause | None, str]:
    """The same on the file of a classifier: nothing in it is rounded, so every answer must be the same.

    Where the graph is the one that is written today as well, no number of rows is too small.
    """
    if not facts.prompt_ids_equal:
        return "fail", "tokenizer", "a text has other tokens or n-grams"
    if facts.answers_equal is None or facts.largest_difference is None:
        return "fail", "numerics", "nothing was run"
    if not facts.largest_difference <= CLASSIFIER_DIFFERENCE:  # nan as well
        return (
            "fail",
            "numerics",
            f"a class differs by {facts.largest_difference:.1e}, {CLASSIFIER_DIFFERENCE:.0e} is allowed",
        )
    if facts.answers_equal < 1:
        return "fail", "numerics", f"{1 - facts.answers_equal:.1%} of the answers differ"
    return _metric(facts, tolerance, "numerics")


def _distributions(facts: FileFacts) -> str:
    """What is wrong with the next-token distributions; empty where nothing is."""
    top1, divergence = facts.top1_agreement, facts.mean_kl
    if top1 is None or divergence is None:
        return "nothing was run"
    if facts.format in FLOAT_FORMATS:
        if top1 < FLOAT_TOP1:
            return f"the same token is preferred at {top1:.2%} of the positions, {FLOAT_TOP1:.0%} are needed"
        bar = FLOAT_KL[facts.format]
    elif facts.requantised_kl is None:
        return ""
    else:
        bar = REQUANTISED_KL * facts.requantised_kl + _KL_FLOOR
    return "" if divergence <= bar else f"the KL divergence is {divergence:.1e}, at most {bar:.1e} is allowed"


def _metric(facts: FileFacts, tolerance: float, numbers: Cause) -> tuple[Verdict, Cause | None, str]:
    difference = facts.metric_difference
    if difference is None:
        return "fail", numbers, "nothing was run"
    if difference.high < -tolerance:
        return "fail", numbers, f"{facts.metric} fell by {-difference.value:.3f}"
    if facts.format in FLOAT_FORMATS or facts.graph_equal:
        return "pass", None, ""
    if facts.measured == 0 and facts.exported == 0:
        return "not_enough_data", None, f"{facts.metric} is 0 on both sides and cannot fall"
    if difference.low < -tolerance:
        grouped = facts.groups is not None and facts.groups < facts.rows
        seen = f"{facts.rows} rows in {facts.groups} groups" if grouped else f"{facts.rows} rows"
        return "not_enough_data", None, f"{seen} cannot exclude a fall of {-difference.low:.3f}"
    return "pass", None, ""


def summarise(
    run_id: str, split: str, tolerance: float, formats: list[FormatParity], runtime: dict[str, str]
) -> ParityReport:
    """The report over all files; at least one."""
    floats = [each for each in formats if each.format in FLOAT_FORMATS] or formats
    order: list[Verdict] = ["fail", "not_enough_data", "pass"]
    worst = min(formats, key=lambda each: order.index(each.verdict))
    agreements = [each.top1_agreement for each in floats if each.top1_agreement is not None]
    differences = [each.metric_difference for each in formats if each.metric_difference is not None]
    return ParityReport(
        run_id=run_id,
        split=split,
        rows=formats[0].rows,
        tolerance=tolerance,
        prompt_ids_equal=all(each.prompt_ids_equal for each in formats),
        eos_equal=all(each.eos_equal for each in formats),
        top1_agreement=min(agreements, default=None),
        metric_difference=min(differences, key=lambda each: each.low, default=None),
        cause=worst.cause,
        detail=worst.detail,
        verdict=worst.verdict,
        formats=formats,
        runtime=runtime,
    )


@dataclass(frozen=True, slots=True)
class ComparedColumn:
    """A figure of the comparison in tables for people."""

    head: str
    form: str
    name: str

    def of(self, file: FileFacts) -> str:
        """The figure of a file."""
        value = getattr(file, self.name)
        return "-" if value is None else format(value, self.form)


_OF_DISTRIBUTIONS = [ComparedColumn("top-1", ".4f", "top1_agreement"), ComparedColumn("KL", ".1e", "mean_kl")]
_OF_SCORES = [
    ComparedColumn("same answer", ".2%", "answers_equal"),
    ComparedColumn("largest difference", ".1e", "largest_difference"),
]


def compared_columns(report: ParityReport) -> list[ComparedColumn]:
    """The figures that a report has: of next tokens, or of the scores of classes."""
    scores = any(each.largest_difference is not None for each in report.formats)
    return _OF_SCORES if scores else _OF_DISTRIBUTIONS
