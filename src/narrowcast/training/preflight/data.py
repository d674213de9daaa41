"""Problems of the rows: too few, labels that training would never see, answers that would be cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set

from narrowcast.core.hashing import short
from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.names import Split
from narrowcast.core.stage import StageContext
from narrowcast.errors import DataError
from narrowcast.store.datasets import split_rows
from narrowcast.tasks import has_labels
from narrowcast.tasks.coverage import label_warnings, size_warnings
from narrowcast.training.classifiers.setup import ClassifierSetup
from narrowcast.training.data.rows import TokenRows
from narrowcast.training.preflight.finding import PreflightFinding
from narrowcast.training.setup import TrainingSetup

_NAMED = 5  # labels or rows named in a message


def data_findings(manifest: DatasetManifest, ctx: StageContext) -> Iterator[PreflightFinding]:
    """What the manifest and the targets tell, before anything is rendered."""
    stored = manifest.splits.get(Split.TRAIN)
    if stored is not None and stored.rows == 1:
        yield PreflightFinding(
            reason_code="training_rows_too_few",
            blocks=True,
            what="the train split has one row",
            where=stored.path,
            fix="narrowcast data import --locator SCHEME:PATH, with more rows, then narrowcast prepare",
        )
    for what in size_warnings({split: file.rows for split, file in manifest.splits.items()}):
        yield _thin(what, manifest)
    if has_labels(manifest.task):
        yield from _labels(manifest, ctx)


def row_findings(setup: TrainingSetup) -> Iterator[PreflightFinding]:
    """Rows that are left out of training, and why."""
    longest = setup.recipe.max_length
    for split, rows in ((Split.TRAIN, setup.train), (Split.DEV, setup.dev)):
        whole = len(rows.rows) + sum(rows.rejected.values())
        for reason, ids in rows.rejected_ids.items():
            why, fix = _left_out(reason, rows, longest)
            yield PreflightFinding(
                reason_code="training_rows_truncated",
                blocks=False,
                what=f"{len(ids):,} of {whole:,} {split} rows {why}; left out as {reason}",
                where=_some(ids),
                fix=fix,
            )


def span_findings(setup: ClassifierSetup) -> Iterator[PreflightFinding]:
    """Train rows whose spans no tags can say."""
    whole = len(setup.train) + len(setup.unlearnable)
    for reason in sorted(set(setup.unlearnable.values())):
        ids = [row for row, why in setup.unlearnable.items() if why == reason]
        yield PreflightFinding(
            reason_code="training_spans_unlearnable",
            blocks=False,
            what=f"{len(ids):,} of {whole:,} train rows cannot be tagged word by word; left out as {reason}",
            where=_some(ids),
            fix="narrowcast data review, or --method auto, which trains a language model",
        )


def _left_out(reason: str, rows: TokenRows, longest: int) -> tuple[str, str]:
    """Why rows are left out, and what helps."""
    if reason == "over_length":
        why = f"are longer than {longest:,} tokens: the answer would be cut"
        return why, "a base with a longer context, or shorter rows: narrowcast data clean"
    if reason == "template_refused" and rows.refusal is not None:
        return f"cannot be rendered: {rows.refusal.what}", "another base, or narrowcast data review"
    return "carry no loss", "narrowcast data review"


def _labels(manifest: DatasetManifest, ctx: StageContext) -> Iterator[PreflightFinding]:
    # Targets alone are looked at; no held-out text goes anywhere.
    known: Set[str] = set()
    labels: dict[Split, Counter[str]] = {}
    for split in (Split.TRAIN, Split.DEV, Split.TEST):
        if (stored := manifest.splits.get(split)) is None or stored.rows == 0:
            continue
        try:
            labels[split] = Counter(str(row.target) for row in split_rows(ctx.project, manifest, split))
        except DataError as error:
            if split is Split.TEST:  # training itself reads the others, and names what is wrong with them
                yield PreflightFinding(
                    reason_code=error.reason_code,
                    blocks=False,
                    what=error.what,
                    where=error.where,
                    fix=error.next_command,
                )
            continue
        if split is Split.TRAIN:
            known = labels[split].keys()
        elif known and (absent := sorted(labels[split].keys() - known)):
            yield PreflightFinding(
                reason_code="training_label_absent",
                blocks=True,
                what=f"{len(absent):,} labels of the {split} split are in no train row: {_some(absent)}",
                where=stored.path,
                fix="import rows with these labels, then narrowcast prepare; or --preflight fail-open",
            )

    for what in label_warnings(labels):
        yield _thin(what, manifest)


def _thin(what: str, manifest: DatasetManifest) -> PreflightFinding:
    return PreflightFinding(
        reason_code="training_rows_thin",
        blocks=False,
        what=what,
        where=f"version {short(manifest.version)}",
        fix="narrowcast data import --locator SCHEME:PATH, with more rows, then narrowcast prepare",
    )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
