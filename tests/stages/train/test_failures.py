"""Each way to fail has its own code."""

from __future__ import annotations

import pytest

from narrowcast.errors import NarrowcastError, StageError
from narrowcast.stages.train.failures import training_failures


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (MemoryError(), "training_oom"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"), "training_oom"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "training_oom"),
        (ZeroDivisionError("division by zero"), "training_runtime_error"),
        (StageError("own", reason_code="training_diverged"), "training_diverged"),
    ],
)
def test_failures_are_told_apart(raised, code):
    with pytest.raises(NarrowcastError) as caught, training_failures():
        raise raised
    assert caught.value.reason_code == code
    if caught.value is not raised:
        assert caught.value.next_command
