"""What a measurement depends on: the data-set version, the task, and the weights behind each reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.names import Split
from narrowcast.core.settings import Settings
from narrowcast.core.task import TaskSpec
from narrowcast.errors import StageError
from narrowcast.models.predictors.fingerprint import fingerprint
from narrowcast.models.predictors.load import PredictorContext, TrainingPair
from narrowcast.stages.base import StageInputs
from narrowcast.stages.evaluate.options import MeasureOptions
from narrowcast.store.config_file import load_config
from narrowcast.store.dataset import load_manifest, read_split
from narrowcast.store.files import read_json
from narrowcast.store.workspace import ProjectPaths
from narrowcast.tasks import handler_for

_DEFAULT_BASE = "embedded"


class MeasureInputs(StageInputs):
    """The content that a measurement depends on.

    Attributes:
        models: reference to fingerprint, in the order to measure.
        against: the same for models that are only compared with.
    """

    dataset_version: str
    task: TaskSpec
    base: str
    models: dict[str, str]
    against: dict[str, str]


def measure_inputs(
    project: ProjectPaths, options: MeasureOptions, models: Sequence[str], against: Sequence[str] = ()
) -> MeasureInputs:
    """Resolve references without loading a model.

    Raises:
        DataError: where no data set was prepared.
        ModelError: where a model is not there.
        UsageError: for an unknown reference.
    """
    manifest = load_manifest(project)
    base = options.base or str(load_config(project.config).train.get("base") or _DEFAULT_BASE)
    context = predictor_context(project, Settings.from_environment(), manifest, base, options)
    train = manifest.splits[Split.TRAIN].sha256
    wanted = list(dict.fromkeys(models))
    return MeasureInputs(
        dataset_version=manifest.version,
        task=manifest.task,
        base=base,
        models={name: fingerprint(name, context, train) for name in wanted},
        against={
            name: fingerprint(name, context, train) for name in dict.fromkeys(against) if name not in wanted
        },
    )


def predictor_context(
    project: ProjectPaths, settings: Settings, manifest: DatasetManifest, base: str, options: MeasureOptions
) -> PredictorContext:
    """What predictors are built from."""
    return PredictorContext(
        project=project,
        settings=settings,
        task=manifest.task,
        base=base,
        train=train_pairs(project, manifest),
        seed=options.seed,
        shots=options.shots,
    )


def train_pairs(project: ProjectPaths, manifest: DatasetManifest) -> Callable[[], list[TrainingPair]]:
    """A reader of the train split, rendered by the task's handler; no other split is ever read here."""

    def read() -> list[TrainingPair]:
        handler = handler_for(manifest.task)
        pairs = []
        for example in read_split(project, manifest, Split.TRAIN):
            *prompt, answer = handler.to_messages(example.inputs, example.target)
            pairs.append(TrainingPair(tuple(prompt), answer.content))
        return pairs

    return read


def newest_run(project: ProjectPaths) -> str:
    """`run:<id>` of the last training run.

    Raises:
        StageError: where nothing was trained.
    """
    path = project.stage_records / "train.json"
    if not path.exists():
        raise StageError(
            "nothing was trained yet, and no model was named",
            where=str(path),
            next_command="narrowcast train, or narrowcast eval MODEL",
            reason_code="eval_model_missing",
            stage="eval",
        )
    return f"run:{read_json(path)['run_id']}"


def measured_baselines(project: ProjectPaths) -> list[str]:
    """The references of the last baseline run; none where there was none."""
    path = project.stage_records / "baseline.json"
    return [each["model"] for each in read_json(path)["result"]["results"]] if path.exists() else []
