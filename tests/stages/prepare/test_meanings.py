"""`prepare --embedder`: an encoder that nobody has measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from narrowcast.errors import UsageError
from narrowcast.ops.prepare import prepare
from narrowcast.ops.requests import PrepareRequest
from narrowcast.pipeline.project import Project
from narrowcast.testing.tiny import build_tiny_encoder

from .conftest import Commit
from .test_prepare import example


def test_an_encoder_without_a_measured_threshold_takes_that_of_the_clusters(
    project: Project, commit: Commit, tmp_path: Path
) -> None:
    commit([example(number) for number in range(40)])
    embedder = f"encoder:{build_tiny_encoder(tmp_path / 'tiny', normalised=False)}"
    with pytest.raises(UsageError, match="was not measured") as refused:
        prepare(project, PrepareRequest(options={"embedder": embedder}))
    assert refused.value.next_command.startswith("--clusters 0.8")
    result = prepare(project, PrepareRequest(options={"embedder": embedder, "clusters": 0.9999}))
    assert result.leakage.semantic_shared == 0
