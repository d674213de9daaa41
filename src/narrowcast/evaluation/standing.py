"""What a kept evaluation says now, beside the baselines that were measured since."""

from __future__ import annotations

from narrowcast.core.paths import ProjectPaths
from narrowcast.core.verdict import Conclusion
from narrowcast.evaluation.result import MeasureResult, ModelResult
from narrowcast.store.verdicts import standing_now


def conclusion_now(project: ProjectPaths, result: MeasureResult, model: ModelResult) -> Conclusion | None:
    """The conclusion on one of the measured models; None where nothing was concluded.

    Raises:
        WorkspaceError: `system_file_edited`, if the record of the baselines was edited.
    """
    if model.conclusion is None:
        return None
    compared = [each.against for each in result.comparisons if each.model == model.model]
    return standing_now(project, model.model, result.dataset_version, model.conclusion, compared)
