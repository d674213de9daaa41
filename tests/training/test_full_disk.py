"""No room while a checkpoint is written: it is named, and the last good checkpoint stays."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from narrowcast.errors import WorkspaceError
from narrowcast.training.outputs.checkpoints import last_checkpoint
from narrowcast.training.outputs.trace import read_trace

pytestmark = pytest.mark.nightly


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """As `ulimit -f` would: writes beyond the size fail with EFBIG."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_last_good_checkpoint_stays_and_the_run_continues_from_it(workshop):
    options = {"method": "full", "epochs": 1, "checkpoint_every": 5}
    workshop.interrupt(3, **options)
    folder = workshop.run_folder / "checkpoints"
    weights = (last_checkpoint(folder) / "model.safetensors").stat().st_size
    # Weights do not fit; or they do, and the optimiser's state, twice as large, does not.
    for size in (weights // 2, weights + weights // 2):
        with pytest.raises(WorkspaceError, match="larger than this") as caught, largest_file(size):
            workshop.train(resume=True, **options)
        assert caught.value.reason_code == "system_disk_full"
        assert caught.value.next_command == "ulimit -f unlimited, then narrowcast train --resume"
        assert "the checkpoint at step 4 is kept" in caught.value.what
        assert last_checkpoint(folder).name == "checkpoint-4"
    done = workshop.train(resume=True, **options)
    assert [line.step for line in read_trace(workshop.project.root / done.trace) if line.loss] == [
        *range(1, 9)
    ]


def test_weights_that_do_not_fit_leave_no_half_model(workshop):
    with pytest.raises(WorkspaceError) as caught, largest_file(1_000_000):
        workshop.train(method="full", epochs=1, checkpoint_minutes=99)
    assert caught.value.reason_code == "system_disk_full"
    assert not list(workshop.project.adapters.iterdir())
