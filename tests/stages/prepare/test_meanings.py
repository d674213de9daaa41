"""Meanings in `prepare`: what they need, and an encoder that nobody has measured."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from narrowcast.errors import MissingExtraError, UsageError
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


def test_scikit_learn_is_needed_only_where_meanings_are_compared(
    project: Project, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not belong to the core."""
    commit([example(number) for number in range(40)])
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert prepare(project).ledger is not None
    for options in ({"clusters": 0.8}, {"embedder": "tfidf"}):
        with pytest.raises(MissingExtraError, match="comparing texts by meaning needs sklearn"):
            prepare(project, PrepareRequest(options=options))
