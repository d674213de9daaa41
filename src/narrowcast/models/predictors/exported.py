"""An exported file as a reference names it: a format of the project's current bundle, or a path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from narrowcast.core.formats import SUFFIXES
from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import ModelError
from narrowcast.models.predictors.base import Predictor, PredictorContext, PredictorFactory
from narrowcast.store.bundles import bundled_file, current_bundle, proven_file
from narrowcast.store.files import sha256_file
from narrowcast.store.runs import current_run


def is_path(argument: str) -> bool:
    """Whether a file is named by its path."""
    return argument.endswith(SUFFIXES)


def exported_path(project: ProjectPaths, argument: str) -> Path:
    """The file that a path or a format of the current bundle names.

    Raises:
        ModelError: if there is no such file; it says which there are.
    """
    if not is_path(argument):
        return bundled_file(current_bundle(project), argument)
    path = Path(argument).expanduser()
    if not path.is_file():
        kind = path.suffix.removeprefix(".").upper()
        raise ModelError(f"there is no such {kind} file", where=str(path), next_command="narrowcast export")
    return path


def proven_path(project: ProjectPaths, argument: str) -> Path:
    """The same; a file of the bundle must be the one that was proven.

    Raises:
        ModelError: as `exported_path`, or the file is another one.
    """
    path = exported_path(project, argument)
    if not is_path(argument):
        proven_file(path)
    return path


def exported_run(project: ProjectPaths, argument: str) -> str | None:
    """The run behind a format of the current bundle; of a path none is known."""
    record = None if is_path(argument) else current_run(project)
    return record.run_id if record else None


def exported_factory(load: Callable[[PredictorContext, str], Predictor], example: str) -> PredictorFactory:
    """A factory of predictors that answer with a file.

    Args:
        load: opens the file that a reference names.
        example: a format that it can have.
    """
    return PredictorFactory(
        load=load,
        argument=f"a path, or a format of the current bundle, such as {example}",
        content=_weights,
        by_content=True,
        run=exported_run,
    )


def _weights(context: PredictorContext, argument: str) -> Mapping[str, object]:
    return {"weights": sha256_file(exported_path(context.project, argument))}
