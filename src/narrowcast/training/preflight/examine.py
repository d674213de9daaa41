"""All that is looked at before a run, in one pass; nothing here changes a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from narrowcast.core.stage import StageContext
from narrowcast.errors import CancelledError, NarrowcastError
from narrowcast.store.datasets import load_manifest
from narrowcast.training.classifiers.setup import ClassifierSetup, build_classifier_setup
from narrowcast.training.options import Options
from narrowcast.training.preflight.data import data_findings, row_findings, span_findings
from narrowcast.training.preflight.export import export_findings
from narrowcast.training.preflight.finding import PreflightFinding, as_error, from_error
from narrowcast.training.preflight.room import device_findings, room_findings
from narrowcast.training.preflight.surroundings import (
    evaluation_findings,
    licence_findings,
    tracker_findings,
)
from narrowcast.training.setup import TrainingSetup, build_setup

_SAID_BY_THE_RUN = ("training_rows_truncated", "training_spans_unlearnable")
S = TypeVar("S", TrainingSetup, ClassifierSetup)


@dataclass(frozen=True, slots=True)
class Examination(Generic[S]):
    """What was found.

    Attributes:
        setup: None where the base, the template or the rows cannot be used; no mode lets such a run start.
        error: why there is no setup.
    """

    findings: list[PreflightFinding]
    setup: S | None
    error: NarrowcastError | None

    @property
    def blockers(self) -> list[PreflightFinding]:
        """What stops a strict run."""
        return [each for each in self.findings if each.blocks]


def examine(options: Options, ctx: StageContext) -> Examination[TrainingSetup]:
    """Look at data, evaluation, base, machine and rows.

    Raises:
        CancelledError: on request.
    """
    setup, error = None, None
    findings = [*_without_model(options, ctx), *tracker_findings(options, ctx)]
    try:
        setup = build_setup(options, ctx)
    except CancelledError:
        raise
    except NarrowcastError as caught:
        error = caught
        findings.append(from_error(caught))
    else:
        findings += row_findings(setup)
        findings += export_findings(setup, ctx)
        findings += licence_findings(setup.base)
        findings += room_findings(setup, options, ctx)
    findings.sort(key=lambda each: not each.blocks)
    return Examination(findings, setup, error)


def examine_classifier(options: Options, ctx: StageContext) -> Examination[ClassifierSetup]:
    """The same for a classifier, which needs neither a language model nor much memory.

    Raises:
        CancelledError: on request.
    """
    findings = list(_without_model(options, ctx))
    try:
        setup, error = build_classifier_setup(options, ctx), None
        findings += span_findings(setup)
    except CancelledError:
        raise
    except NarrowcastError as caught:
        setup, error = None, caught
        findings.append(from_error(caught))
    findings.sort(key=lambda each: not each.blocks)
    return Examination(findings, setup, error)


def _without_model(options: Options, ctx: StageContext) -> Iterator[PreflightFinding]:
    try:
        manifest = load_manifest(ctx.project)
    except NarrowcastError:
        return  # `build_setup` meets the same error and names it
    yield from data_findings(manifest, ctx)
    yield from evaluation_findings(manifest, ctx)
    yield from device_findings(options)


def admit(found: Examination[S], options: Options, ctx: StageContext) -> S:
    """The setup of a run that may begin; what was found becomes an event.

    Raises:
        NarrowcastError: if a strict run is blocked, or no run could begin.
    """
    blockers = found.blockers
    payload = {"findings": [each.model_dump() for each in found.findings], "mode": options.preflight}
    if found.setup is None or (blockers and options.preflight == "strict"):
        if found.error is not None and len(blockers) == 1:
            raise found.error
        ctx.emit("training_preflight", f"{len(blockers):,} problems stop the run", payload)
        raise as_error(blockers)
    if blockers:
        ctx.emit("training_preflight_ignored", f"{len(blockers):,} problems would stop a strict run", payload)
    elif found.findings:
        count = len(found.findings)
        what = f"{count:,} problems, none of which stops" if count > 1 else "1 problem, which does not stop"
        ctx.emit("training_preflight", f"{what} the run", payload)
    for each in found.findings:
        if each.reason_code not in _SAID_BY_THE_RUN:
            ctx.progress.note(f"preflight: {each.what} ({each.fix})")
    return found.setup
