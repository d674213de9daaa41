"""A project with a prepared data set and a tiny base."""

from __future__ import annotations

import pytest

from narrowcast.experiments.requests import SearchRequest
from tests.support.datasets import save_dataset, sentences, split_rows


def asked(options, vary=None, trials=2, **fields):
    """A search measured on a few rows."""
    return SearchRequest(options=options, vary=vary or {}, trials=trials, dev_rows=12, force=True, **fields)


@pytest.fixture(scope="session")
def base(tiny_base):
    return str(tiny_base)


@pytest.fixture
def ready(project):
    save_dataset(project.paths.root, split_rows(sentences(50), dev=12, test=14))
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
