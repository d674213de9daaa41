"""A project with a prepared data set and a tiny base."""

from __future__ import annotations

import pytest

from narrowcast.core.names import Split
from narrowcast.experiments.requests import SearchRequest
from narrowcast.testing.tiny import build_tiny_model
from tests.training.conftest import WORDS, prepare, sentences


def asked(options, vary=None, trials=2, **fields):
    """A search measured on a few rows."""
    return SearchRequest(options=options, vary=vary or {}, trials=trials, dev_rows=12, force=True, **fields)


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    return str(build_tiny_model(tmp_path_factory.mktemp("base") / "tiny"))


@pytest.fixture
def ready(project):
    rows = sentences(50)
    splits = {Split.TRAIN: rows[:24], Split.DEV: rows[24:36], Split.TEST: rows[36:]}
    prepare(project.paths.root, splits, list(WORDS))
    return project


@pytest.fixture
def quick(base):
    """Options of a run of six updates."""
    return {
        "base": base,
        "epochs": 2,
        "batch_size": 8,
        "method": "full",
        "precision": "fp32",
        "preflight": "off",
    }
