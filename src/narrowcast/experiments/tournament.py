"""Several methods trained on the same rows, the best of them chosen on dev rows.

Candidates are what suits the task, is on this machine and fits the budget. Each is trained to its end and
measured on the same dev rows; the one with the best score within the limits becomes the current run. Test
rows are not touched: only the chosen run is measured on them, afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.core.concerns import TRAINING
from narrowcast.core.metric import MetricValue
from narrowcast.core.names import AnswerKind, Split
from narrowcast.core.work import Work
from narrowcast.errors import CancelledError, ModelError, StageError, UsageError
from narrowcast.experiments.autopilot import forecast_minutes, machine, suited_bases, tokens_of_rows
from narrowcast.experiments.measured_run import MeasuredRun, RunSetup, measured_run
from narrowcast.models.encoders.resolve import resolve_encoder
from narrowcast.models.onnx.layout import FORMAT
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.stages.train import STAGE
from narrowcast.store.datasets import load_manifest
from narrowcast.store.stage_records import set_current
from narrowcast.tasks import handler_for

Family = Literal["linear", "encoder", "decoder"]
FAMILIES: tuple[Family, ...] = ("linear", "encoder", "decoder")
_ENCODER = "minilm"
_FIXED = {"method", "base", "recipe"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to train.

    Attributes:
        name: for tables.
        options: of training.
        minutes: it will take, as far as can be said before.
    """

    name: str
    family: Family
    options: dict[str, Any]
    minutes: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What candidates may take.

    Attributes:
        only: families that take part; empty: all.
        minutes: of training, all candidates together.
        latency_ms: median of an answer; None is no limit.
        size_mb: of the weights in megabytes; None is no limit.
        dev_rows: that each is measured on, at most.
    """

    only: Sequence[Family] = ()
    minutes: float = 60.0
    latency_ms: float | None = None
    size_mb: float | None = None
    dev_rows: int = 1000


class Entry(BaseModel):
    """A candidate with its figures, or why it has none."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    family: Family
    run_id: str = ""
    score: MetricValue | None = None
    """On dev rows, with a 95 % interval."""
    latency_p50_ms: float | None = None
    size_bytes: int | None = None
    minutes: float
    """Of training; the forecast where it did not take part."""
    front: bool = False
    """No other candidate is at least as good, as fast and as small, and better in one of these."""
    left_out: str = ""
    """Why it was not trained, or not chosen whatever its score."""


class Tournament(BaseModel):
    """What was tried and what was chosen."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    metric: str
    n: int
    """Dev rows."""
    entries: list[Entry]
    chosen: str
    """Run id of the best on dev rows."""
    sentence: str
    """Which was chosen, why, and what else is worth a look."""
    seconds: float = Field(ge=0)


def is_open(project: Project) -> bool:
    """Whether `narrowcast.yaml` leaves open what is trained."""
    return not _FIXED & project.config.stage_options("train").keys()


def candidates(
    project: Project, limits: Limits, overrides: dict[str, Any]
) -> tuple[list[Candidate], list[Entry]]:
    """What takes part, cheapest first, and what does not, with the reason.

    Args:
        project: whose data set is prepared.
        limits: families and minutes.
        overrides: training options that all candidates share, such as `rows`.

    Raises:
        DataError: if nothing was prepared.
    """
    taking: list[Candidate] = []
    out: list[Entry] = []
    spent = 0.0
    for each in sorted(_all(project, overrides), key=lambda one: one.minutes):
        why = _unsuited(project, each)
        if limits.only and each.family not in limits.only:
            continue
        if not why and taking and spent + each.minutes > limits.minutes:
            why = (
                f"about {each.minutes:,.0f} minutes, and {limits.minutes - spent:,.0f} of the budget are left"
            )
        if why:
            out.append(Entry(name=each.name, family=each.family, minutes=each.minutes, left_out=why))
        else:
            taking.append(each)
            spent += each.minutes
    if not taking:
        raise UsageError(
            "no candidate is left to train",
            where="; ".join(f"{each.name}: {each.left_out}" for each in out)
            or f"only {', '.join(limits.only)}",
            next_command="narrowcast run, without --only",
        )
    return taking, out


def tournament(
    project: Project,
    limits: Limits,
    overrides: dict[str, Any],
    work: Work | None = None,
) -> Tournament:
    """Train every candidate, measure each on dev rows, and make the best the current run.

    What has finished before is taken from its record, and an interrupted run is continued.

    Raises:
        StageError: with one of the codes `training_*`; no dev rows; no candidate within the limits.
        CancelledError: on request.
    """
    work = work or Work()
    manifest = load_manifest(project.paths)
    dev = manifest.splits.get(Split.DEV)
    if dev is None or not dev.rows:
        raise StageError(
            "there are no dev rows to choose a model on",
            next_command="narrowcast prepare, or narrowcast train for one model",
            reason_code="eval_dataset_missing",
        )
    taking, out = candidates(project, limits, overrides)
    setup = RunSetup(work, limits.dev_rows)
    runs: list[tuple[Candidate, MeasuredRun]] = []
    with project.lock("train", TRAINING):
        for number, each in enumerate(taking, 1):
            work.progress.note(f"candidate {number} of {len(taking)}: {each.name}")
            try:
                runs.append((each, measured_run(project, {**overrides, **each.options}, setup)))
            except CancelledError as error:
                raise CancelledError(
                    f"stopped at candidate {number} of {len(taking)}, {each.name}",
                    where=error.where,
                    next_command="the same command again, which continues from there",
                    reason_code=error.reason_code,
                ) from error
        held = _judged(runs, out, limits)
        set_current(project.paths, STAGE.name, held.chosen)
    payload = held.model_dump(mode="json")
    project.trail.emit(
        StageName.TRAINING, "training_tournament", held.sentence, payload=payload, run=held.chosen
    )
    return held


def _all(project: Project, overrides: dict[str, Any]) -> list[Candidate]:
    manifest = load_manifest(project.paths)
    rows = min(manifest.splits[Split.TRAIN].rows, overrides.get("rows") or 10**9)
    tokens = tokens_of_rows(project, manifest, rows)
    gpu, memory_gb, per_second = machine()
    suited: list[Candidate] = []
    if handler_for(manifest.task).answer in (AnswerKind.LABEL, AnswerKind.LABELS):
        suited += _classifiers(project, rows, tokens, per_second)
    for entry, method in suited_bases(manifest, gpu=gpu, memory_gb=memory_gb):
        minutes = forecast_minutes(entry.parameters_m * 1e6, tokens, per_second, method)
        suited.append(Candidate(f"{method} {entry.id}", "decoder", {"base": entry.id}, minutes))
    return suited


def _classifiers(project: Project, rows: int, tokens: float, per_second: float) -> list[Candidate]:
    linear = {"method": "linear"}
    suited = [
        Candidate(
            "linear (words, characters)",
            "linear",
            {**linear, "features": ["words", "characters"], "classifier": "svm"},
            _fitting(rows),
        )
    ]
    try:
        encoder = resolve_encoder(_ENCODER, project.settings)
    except ModelError:  # the baselines name it with the command that brings it
        return suited
    once = forecast_minutes(encoder.parameters, tokens, per_second, "frozen")
    suited += [
        Candidate(
            f"linear ({_ENCODER})",
            "linear",
            {**linear, "features": ["encoder"], "classifier": "logistic"},
            once + _fitting(rows),
        ),
        Candidate(
            f"linear ({_ENCODER}, words, characters)",
            "linear",
            {**linear, "features": ["encoder", "words", "characters"], "classifier": "svm"},
            once + 4 * _fitting(rows),
        ),
        Candidate(
            f"encoder ({_ENCODER}, fine-tuned)",
            "encoder",
            {"method": "encoder"},
            forecast_minutes(encoder.parameters, tokens, per_second, "full") + once,
        ),
    ]
    return suited


def _fitting(rows: int) -> float:
    """Minutes that a linear model takes: seen with Banking77, 6,000 rows and 77 labels in 20 seconds."""
    return rows / 18_000


def _unsuited(project: Project, candidate: Candidate) -> str:
    """What `narrowcast.yaml` says that contradicts a candidate; "" where nothing does."""
    try:
        stage_options(project, STAGE, candidate.options)
    except UsageError as error:
        return error.what
    formats = project.config.stage_options("export").get("formats") or []
    other = [each for each in formats if (each == FORMAT) == (candidate.family == "decoder")]
    return f"it has no format {', '.join(other)}, which the export asks for" if other else ""


def _judged(runs: Sequence[tuple[Candidate, MeasuredRun]], out: list[Entry], limits: Limits) -> Tournament:
    entries = [_entry(each, run, limits) for each, run in runs]
    for entry in entries:
        entry.front = not any(_dominates(other, entry) for other in entries if other is not entry)
    within = [entry for entry in entries if not entry.left_out]
    if not within:
        raise StageError(
            "no candidate is within the limits",
            where="; ".join(f"{each.name}: {each.left_out}" for each in entries),
            next_command="narrowcast run, with larger limits",
            reason_code="training_method_unsuited",
        )
    # Of equally good ones the fastest: there is nothing else to prefer.
    best = max(within, key=lambda each: (_value(each), -(each.latency_p50_ms or 0.0)))
    metric, n = runs[0][1].metric, min(run.n for _, run in runs)
    return Tournament(
        metric=metric,
        n=n,
        entries=[*entries, *out],
        chosen=best.run_id,
        sentence=_sentence(best, entries, metric, n),
        seconds=sum(run.seconds for _, run in runs),
    )


def _entry(candidate: Candidate, run: MeasuredRun, limits: Limits) -> Entry:
    over = []
    if limits.latency_ms is not None and run.latency_p50_ms > limits.latency_ms:
        over.append(f"{run.latency_p50_ms:,.1f} ms are over {limits.latency_ms:,g}")
    if limits.size_mb is not None and (run.size_bytes or 0) > limits.size_mb * 1e6:
        over.append(f"{(run.size_bytes or 0) / 1e6:,.0f} MB are over {limits.size_mb:,g}")
    return Entry(
        name=candidate.name,
        family=candidate.family,
        run_id=run.run_id,
        score=run.score,
        latency_p50_ms=run.latency_p50_ms,
        size_bytes=run.size_bytes,
        minutes=run.seconds / 60,
        left_out=", ".join(over),
    )


def _value(entry: Entry) -> float:
    return entry.score.value if entry.score else 0.0


def _figures(entry: Entry) -> tuple[float, float, float]:
    """All the larger, the better."""
    return _value(entry), -(entry.latency_p50_ms or 0.0), -float(entry.size_bytes or 0)


def _dominates(one: Entry, other: Entry) -> bool:
    pairs = list(zip(_figures(one), _figures(other), strict=True))
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


def _sentence(best: Entry, entries: Sequence[Entry], metric: str, n: int) -> str:
    if len(entries) == 1:
        return f"{best.name} is the only candidate"
    others = [each for each in entries if each.front and each is not best]
    close = [each for each in entries if each is not best and each.score and each.score.high >= _value(best)]
    text = f"{best.name} is chosen: the best {metric} on {n:,} dev rows, {_value(best):.3f}"
    if close:
        text += f"; not shown to be worse: {', '.join(each.name for each in close)}"
    if others:
        text += f"; faster or smaller: {', '.join(map(_short, others))}"
    return text


def _short(entry: Entry) -> str:
    size = f", {entry.size_bytes / 1e6:,.1f} MB" if entry.size_bytes else ""
    return f"{entry.name} ({_value(entry):.3f}, {entry.latency_p50_ms or 0:.1f} ms{size})"
