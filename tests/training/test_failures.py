"""Each way to fail has its own code."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from narrowcast.errors import CancelledError, NarrowcastError, StageError
from narrowcast.training.failures import no_room, outcome_of, training_failures


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (MemoryError(), "training_oom"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"), "training_oom"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "training_oom"),
        (ZeroDivisionError("division by zero"), "training_runtime_error"),
        (StageError("own", reason_code="training_diverged"), "training_diverged"),
        (OSError(errno.EDQUOT, "quota"), "system_disk_full"),
    ],
)
def test_failures_are_distinguished(raised, code, tmp_path):
    with pytest.raises(NarrowcastError) as caught, training_failures(tmp_path):
        raise raised
    assert caught.value.reason_code == code
    if caught.value is not raised:
        assert caught.value.next_command
    if code == "training_runtime_error":  # there is no checkpoint to resume from
        assert "--resume" not in caught.value.next_command


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_disk_is_named(tmp_path):
    # Opened for writing only: a library that renames a file onto its target would replace the device.
    full = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115
    with full, pytest.raises(NarrowcastError, match="disk is full") as caught, training_failures(tmp_path):
        full.write(b"x")
    assert caught.value.reason_code == "system_disk_full"
    assert "narrowcast train --resume" in caught.value.next_command


def test_what_libraries_say_of_a_full_disk_is_understood(tmp_path):
    said = "Error while serializing: I/O error: No space left on device (os error 28)"
    with pytest.raises(NarrowcastError, match="the disk is full"), training_failures(tmp_path):
        raise ValueError(said)


def test_other_refusals_of_the_system_stay_what_they_are(tmp_path):
    with pytest.raises(PermissionError), training_failures(tmp_path):
        raise PermissionError(errno.EACCES, "no")


def test_what_has_no_room_says_what_to_do(tmp_path):
    fixes = {number: no_room(number, tmp_path) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)}
    assert "free some space" in fixes[errno.ENOSPC].next_command
    assert "quota" in fixes[errno.EDQUOT].what
    assert "ulimit -f unlimited" in fixes[errno.EFBIG].next_command
    assert "no checkpoint before" in fixes[errno.EFBIG].what


def test_trackers_record_how_a_run_ended():
    assert outcome_of(CancelledError("x")) == "cancelled"
    assert outcome_of(StageError("x", reason_code="training_timeout")) == "timeout"
    assert outcome_of(ValueError("x")) == "failed"
