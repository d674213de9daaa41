"""Problems around a run: no baseline, nothing to evaluate on, no gate, a tracker, an unclear licence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from narrowcast.core.hashing import short
from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.names import Split
from narrowcast.core.stage import StageContext
from narrowcast.errors import NarrowcastError
from narrowcast.models.catalogue import find
from narrowcast.models.loading import ResolvedBase
from narrowcast.store.config_file import load_config
from narrowcast.training.checks.baseline import missing_baseline
from narrowcast.training.options import Options
from narrowcast.training.preflight.finding import PreflightFinding, from_error
from narrowcast.training.tracking.base import TRACKERS

_PERMISSIVE = ("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "unlicense")
_SPLITS = {
    Split.DEV: "no dev loss is measured",
    Split.TEST: "no held-out rows measure the quality of the model",
}


def evaluation_findings(manifest: DatasetManifest, ctx: StageContext) -> Iterator[PreflightFinding]:
    """Baseline, held-out splits and gates."""
    if what := missing_baseline(manifest.version, ctx):
        yield PreflightFinding(
            reason_code="training_baseline_missing",
            blocks=not ctx.force,
            what=f"{what}, so the trained model could not be compared with anything",
            where=f"data set {short(manifest.version)}",
            fix="narrowcast baseline, or the same command with --force",
        )
    for split, meaning in _SPLITS.items():
        stored = manifest.splits.get(split)
        if stored is None or stored.rows == 0:
            yield PreflightFinding(
                reason_code="training_eval_missing",
                blocks=False,
                what=f"the data set has no {split} rows: {meaning}",
                where=f"data set {short(manifest.version)}",
                fix="narrowcast prepare",
            )
    if not _has_gates(ctx):
        yield PreflightFinding(
            reason_code="training_gates_missing",
            blocks=False,
            what="no release gate checks the trained model",
            where=ctx.project.config.name,
            fix="gates under `evaluate:` in narrowcast.yaml, e.g. macro_f1>=0.9",
        )


def tracker_findings(options: Options, ctx: StageContext) -> Iterator[PreflightFinding]:
    """Trackers that cannot be used: library or key missing, another machine in offline mode."""
    for name in options.track:
        try:
            TRACKERS.get(name)().check(ctx.settings)
        except NarrowcastError as error:
            yield from_error(error)


def licence_findings(base: ResolvedBase) -> Iterator[PreflightFinding]:
    """A licence that is unknown, or that has terms of its own."""
    licence = _licence(base)
    if licence is None:
        yield _licence_finding(f"the licence is unknown of {base.name}", base)
    elif licence not in _PERMISSIVE:
        yield _licence_finding(f"the licence of {base.name} is {licence}, which has terms of its own", base)


def _licence_finding(what: str, base: ResolvedBase) -> PreflightFinding:
    return PreflightFinding(
        reason_code="training_licence_unclear",
        blocks=False,
        what=what,
        where=base.path_or_id,
        fix="read it before you deploy the model",
    )


def _licence(base: ResolvedBase) -> str | None:
    """From the model card's front matter, else from the catalogue."""
    card = Path(base.path_or_id) / "README.md"
    if card.exists() and (text := card.read_text(encoding="utf-8")).startswith("---"):
        try:
            front = yaml.safe_load(text.split("---")[1])
        except yaml.YAMLError:
            front = None  # a card that cannot be read states no licence
        if isinstance(front, dict) and front.get("license"):
            return str(front["license"]).lower()
    entry = find(base.name)
    return entry.licence if entry else None


def _has_gates(ctx: StageContext) -> bool:
    if ctx.project.config.exists():
        named = load_config(ctx.project.config).evaluate.get("gates")
        if named is not None:
            return bool(named)
    return True  # by default a model is judged against the baselines
