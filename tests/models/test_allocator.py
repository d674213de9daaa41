"""Freed memory stays with the process while a model is trained, and goes back afterwards."""

from __future__ import annotations

import resource
import sys

import psutil
import pytest
import torch

from narrowcast.models.allocator import kept_pages

pytestmark = pytest.mark.nightly

BUFFER = 64 << 20  # bytes


def _faults(repeats: int = 10) -> int:
    """Page faults of making, filling and freeing a large buffer again and again."""
    for _ in range(2 * repeats):  # an aligned buffer may need some tries until it fits where the last one was
        torch.ones(BUFFER, dtype=torch.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(repeats):
        torch.ones(BUFFER, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_a_buffer_that_is_freed_and_made_again_costs_no_page_faults():
    plain = _faults()
    with kept_pages():
        kept = _faults()
    assert kept < plain / 10


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_the_memory_is_given_back():
    process = psutil.Process()
    with kept_pages():
        before = process.memory_info().rss
        torch.ones(4 * BUFFER, dtype=torch.uint8)
        held = process.memory_info().rss - before
    assert held > 3 * BUFFER
    assert process.memory_info().rss - before < BUFFER
