"""Whether an exported file is the model that was measured: what is compared, and the verdict."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from narrowcast.core.metric import MetricValue, Verdict

Cause = Literal[
    "file", "run", "weights", "metadata", "template", "tokenizer", "eos", "numerics", "quantisation"
]

FLOAT_FORMATS = ("f32", "f16", "bf16")
FLOAT_TOP1 = 0.99
"""Least top-1 agreement of a file whose weights are not quantised."""


class FormatParity(BaseModel):
    """One exported file against the measured model, on the same held-out prompts."""

    format: str
    rows: int
    positions: int = Field(description="Answer positions whose next-token distributions were compared.")
    templates_equal: bool = Field(description="Both sides render every prompt to the same text.")
    prompt_ids_equal: bool = Field(description="Both sides tokenise every prompt and answer to the same ids.")
    eos_equal: bool = Field(description="End of sequence, end of turn and stop tokens are the same.")
    top1_agreement: float = Field(description="Share of positions where both prefer the same token.")
    mean_kl: float = Field(description="Mean KL divergence, measured model to exported file, in nats.")
    metric: str
    measured: float = Field(description="The metric of the measured model on these rows.")
    exported: float
    metric_difference: MetricValue = Field(description="Exported minus measured, paired over rows.")
    answers_equal: float = Field(description="Share of rows with the very same answer.")
    size_bytes: int
    median_latency_s: float
    cause: Cause | None = None
    verdict: Verdict


class ParityReport(BaseModel):
    """What `narrowcast parity --json` prints: the worst over the files, and each file.

    `top1_agreement` is that of the file with float weights where there is one (quantised files are judged
    by their metric), `metric_difference` that of the file whose interval reaches lowest.
    """

    run_id: str
    split: str
    rows: int
    tolerance: float
    prompt_ids_equal: bool
    eos_equal: bool
    top1_agreement: float
    metric_difference: MetricValue
    cause: Cause | None
    verdict: Verdict
    formats: list[FormatParity]


def judge(
    file_format: str,
    *,
    templates_equal: bool,
    prompt_ids_equal: bool,
    eos_equal: bool,
    top1_agreement: float,
    difference: MetricValue,
    tolerance: float,
) -> tuple[Verdict, Cause | None]:
    """The verdict on one file, with the first thing that explains a failure.

    Template, ids and stop tokens must be equal, whatever the numbers say. Float weights must prefer the
    same token at 99 % of the positions. The metric may fall by `tolerance`: the interval of the difference
    above `-tolerance` passes, below it fails, across it there is not enough data.
    """
    if not templates_equal:
        return "fail", "template"
    if not prompt_ids_equal:
        return "fail", "tokenizer"
    if not eos_equal:
        return "fail", "eos"
    numbers: Cause = "numerics" if file_format in FLOAT_FORMATS else "quantisation"
    if file_format in FLOAT_FORMATS and top1_agreement < FLOAT_TOP1:
        return "fail", numbers
    if difference.high < -tolerance:
        return "fail", numbers
    return ("pass", None) if difference.low >= -tolerance else ("not_enough_data", None)


def summarise(run_id: str, split: str, tolerance: float, formats: list[FormatParity]) -> ParityReport:
    """The report over all files; at least one."""
    floats = [each for each in formats if each.format in FLOAT_FORMATS] or formats
    order: list[Verdict] = ["fail", "not_enough_data", "pass"]
    worst = min(formats, key=lambda each: order.index(each.verdict))
    return ParityReport(
        run_id=run_id,
        split=split,
        rows=formats[0].rows,
        tolerance=tolerance,
        prompt_ids_equal=all(each.prompt_ids_equal for each in formats),
        eos_equal=all(each.eos_equal for each in formats),
        top1_agreement=min(each.top1_agreement for each in floats),
        metric_difference=min((each.metric_difference for each in formats), key=lambda each: each.low),
        cause=worst.cause,
        verdict=worst.verdict,
        formats=formats,
    )
