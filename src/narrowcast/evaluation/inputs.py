"""What a measurement depends on: the data-set version, the task, and the weights behind each reference."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from pydantic import Field

from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.metric import Gate
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.settings import Settings
from narrowcast.core.stage import StageContext, StageInputs
from narrowcast.core.task import TaskSpec
from narrowcast.errors import MissingExtraError, ModelError, StageError, UsageError, WorkspaceError
from narrowcast.evaluation.asking import may_ask, needs_yes, silent
from narrowcast.evaluation.conclude import Training
from narrowcast.evaluation.options import BaselineOptions, MeasureOptions
from narrowcast.evaluation.predictions import answers_path
from narrowcast.evaluation.result import Unmeasured
from narrowcast.evaluation.rows import held_out_rows, requests_of
from narrowcast.models.predictors.base import PredictorContext, TrainingPair
from narrowcast.models.predictors.load import fingerprint, trained_run
from narrowcast.store.baselines import measured_baselines
from narrowcast.store.config_file import load_config
from narrowcast.store.datasets import read_split
from narrowcast.store.first_command import before_run
from narrowcast.store.runs import current_run
from narrowcast.store.stage_records import StageRecord, load_record
from narrowcast.tasks import handler_for

_DEFAULT_BASE = "embedded"

# Why a model cannot be measured here, though nothing is wrong with it.
_NOT_HERE = ("model_not_downloaded", MissingExtraError.default_reason_code)

# Why a recorded model that needs a yes cannot be compared with any more.
_GONE = ("model_rules_missing", "factory_teacher_missing")

# Options that decide what baselines answer.
_SHARED = ("base", "shots", "seed", "max_tokens")


class MeasureInputs(StageInputs):
    """The content that a measurement depends on.

    Attributes:
        base, shots, seed, max_tokens: as in the options, or as the baselines were measured.
        models: reference to fingerprint, in the order to measure.
        against: the same for models that are only compared with.
        gates: judge the models; None takes those of the task. Not part of the content: the options name them.
        training: how long runs were trained, in a stage that says of each model whether it is worth shipping;
            None in others. Not part of the content: the weights are.
        twins: run to the baseline that is the same model, fitted again to be shipped; they are not compared.
            Not part of the content: the weights are.
        measured: baselines without which nothing is concluded of a model. Not part of the content: a later
            one takes the conclusion back (`store.verdicts`).
        unmeasured: models that are not measured, and why. Not part of the content: once they are, they are
            among the models.
        seconds: that all models together may take, where that is limited. Not part of the content: an option.
        recorded: models that no user has named in this command. Not part of the content.
        manifest: of the data set; its version names its content.
    """

    dataset_version: str
    task: TaskSpec
    base: str
    shots: int
    seed: int
    max_tokens: int
    models: dict[ModelRef, str]
    against: dict[ModelRef, str]
    rows_sha256: str
    gates: list[Gate] | None = Field(default=None, exclude=True)
    training: dict[ModelRef, Training] | None = Field(default=None, exclude=True)
    twins: dict[ModelRef, ModelRef] = Field(default_factory=dict, exclude=True)
    measured: list[ModelRef] = Field(default_factory=list, exclude=True)
    unmeasured: list[Unmeasured] = Field(default_factory=list, exclude=True)
    seconds: float | None = Field(default=None, exclude=True)
    recorded: list[ModelRef] = Field(default_factory=list, exclude=True)
    manifest: DatasetManifest = Field(exclude=True)


def measure_inputs(
    ctx: StageContext,
    manifest: DatasetManifest,
    options: MeasureOptions,
    models: Sequence[ModelRef],
    against: Sequence[ModelRef] = (),
    gates: Sequence[Gate] | None = (),
    *,
    skip_missing: bool = False,
    recorded: bool = False,
) -> MeasureInputs:
    """Resolve references without loading a model.

    Args:
        ctx: the stage's context.
        manifest: of the data set to measure on.
        options: base model, shots and seed of the baselines.
        models: to measure.
        against: to compare with.
        gates: judge the models; None takes those of the task.
        skip_missing: a model whose weights or library are not on this machine is named in `unmeasured`.
        recorded: those of `against` come from a record; one that needs a yes is named in `unmeasured` where
            it is gone, or has no answers to these rows and no yes.

    Raises:
        ModelError: if a model is not there.
        UsageError: for an unknown reference; `model_needs_yes` for one named without the yes it needs.
    """
    project = ctx.project
    settled = _settled(project, options)
    stored = manifest.splits.get(Split(settled.split))
    inputs = MeasureInputs(
        dataset_version=manifest.version,
        task=manifest.task,
        base=settled.base or str(load_config(project.config).train.get("base") or _DEFAULT_BASE),
        shots=settled.shots,
        seed=settled.seed,
        max_tokens=settled.max_tokens,
        models={},
        against={},
        gates=None if gates is None else list(gates),
        manifest=manifest,
        rows_sha256=stored.sha256 if stored else "",
        parent=next(filter(None, (trained_run(name, project) for name in [*models, *against])), None),
    )
    context = predictor_context(project, ctx.settings, inputs)
    for name in models:
        with _noted(name, inputs, _NOT_HERE if skip_missing else ()):
            inputs.models[name] = fingerprint(name, context)
    for name in against:
        if name not in inputs.models:
            with _noted(name, inputs, _GONE if recorded else ()):
                inputs.against[name] = fingerprint(name, context)
    if not inputs.models and inputs.unmeasured:
        raise _none(inputs.unmeasured)
    inputs.recorded = list(inputs.against) if recorded else []
    _settle_yes(inputs, options, ctx)
    return inputs


def _none(unmeasured: Sequence[Unmeasured]) -> ModelError:
    first = unmeasured[0]
    return ModelError(
        f"no baseline can be measured: {first.model}: {first.reason}",
        where=f"{len(unmeasured)} that suit the task",
        next_command=first.command,
        reason_code="baseline_failed",
    )


def _settle_yes(inputs: MeasureInputs, options: MeasureOptions, ctx: StageContext) -> None:
    """Name recorded models that cannot answer without a yes as unmeasured; refuse those that the user named.

    Raises:
        UsageError: `model_needs_yes`, before anything is measured.
    """
    fingerprints = {**inputs.models, **inputs.against}
    unasked = [each for each in fingerprints if not may_ask(each, options, recorded=each in inputs.recorded)]
    if not unasked:
        return
    rows, _ = held_out_rows(ctx.project, inputs.manifest, options, inputs.seed)
    requests = requests_of(rows, inputs.task, inputs.max_tokens)
    for name in unasked:
        answered = answers_path(ctx.project, name, fingerprints[name], requests).exists()
        if name in inputs.recorded and not answered:
            inputs.unmeasured.append(silent(name, options))
            inputs.against.pop(name)
        elif name not in inputs.recorded and (not answered or ctx.force or not options.reuse):
            raise needs_yes(name, options, len(rows))


@contextmanager
def _noted(name: ModelRef, inputs: MeasureInputs, reasons: Collection[str]) -> Iterator[None]:
    """Enter a model as unmeasured where it is missing for one of these reasons."""
    try:
        yield
    except (ModelError, MissingExtraError, UsageError) as error:
        if error.reason_code not in reasons:
            raise
        inputs.unmeasured.append(Unmeasured(model=name, reason=str(error), command=error.next_command))


def _settled(project: ProjectPaths, options: MeasureOptions) -> MeasureOptions:
    """What the user left open is taken from the last baseline run.

    Otherwise a comparison would measure the baselines again, with another base or other shots.
    """
    record = None if isinstance(options, BaselineOptions) else load_record(project, "baseline")
    if record is None:
        return options
    former = {**record.options, "base": record.result["base"]}
    open_fields = [name for name in _SHARED if name not in options.model_fields_set and name in former]
    return options.model_copy(update={name: former[name] for name in open_fields})


def predictor_context(project: ProjectPaths, settings: Settings, inputs: MeasureInputs) -> PredictorContext:
    """What predictors are built from."""
    manifest = inputs.manifest
    return PredictorContext(
        project=project,
        settings=settings,
        task=manifest.task,
        answer=handler_for(manifest.task).answer,
        base=inputs.base,
        train=train_pairs(project, manifest),
        train_sha256=manifest.splits[Split.TRAIN].sha256,
        seed=inputs.seed,
        shots=inputs.shots,
    )


def train_pairs(project: ProjectPaths, manifest: DatasetManifest) -> Callable[[], list[TrainingPair]]:
    """A reader of the train split, rendered by the task's handler; no other split is ever read here."""

    def read() -> list[TrainingPair]:
        handler = handler_for(manifest.task)
        pairs = []
        for example in read_split(project, manifest, Split.TRAIN):
            *prompt, answer = handler.to_messages(example.inputs, example.target)
            pairs.append(TrainingPair(tuple(prompt), answer.content, example.group or ""))
        return pairs

    return read


def current_reference(project: ProjectPaths) -> ModelRef:
    """`run:<id>` of the current training run.

    Raises:
        StageError: if nothing was trained.
    """
    record = current_run(project)
    if record is None:
        raise StageError(
            "nothing was trained yet, and no model was named",
            where=str(project.stage_records),
            next_command=before_run(project),
            reason_code="eval_model_missing",
        )
    return ModelRef.of_run(record.run_id)


def unmeasured_baselines(ctx: StageContext, version: str) -> list[Unmeasured]:
    """Baselines of this version that the last baseline run did not measure, nor a later one."""
    record = _baseline_record(ctx, version)
    if record is None:
        return []
    measured = measured_baselines(ctx.project)
    former = [Unmeasured.model_validate(each) for each in record.result.get("unmeasured", [])]
    return [each for each in former if each.model not in measured]


def known_baselines(ctx: StageContext, version: str, models: Iterable[ModelRef]) -> list[ModelRef]:
    """`models` with the baselines that were measured on this data-set version before."""
    former = measured_baselines(ctx.project) if _baseline_record(ctx, version) else []
    return list(dict.fromkeys([*former, *models]))


def _baseline_record(ctx: StageContext, version: str) -> StageRecord | None:
    """The last baseline run, if it measured this version.

    Where a new record is forced in place of one that was edited, nothing is known of those before.
    """
    try:
        record = load_record(ctx.project, "baseline")
    except WorkspaceError:
        if not ctx.force:
            raise
        return None
    return record if record and record.result["dataset_version"] == version else None
