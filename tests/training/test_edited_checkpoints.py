"""A checkpoint that was edited is not continued, and one that was not is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from narrowcast.training.outputs.checkpoints import last_checkpoint


def _flip(path: Path) -> None:
    """Another content of the same size."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def _rewritten(checkpoint: Path) -> None:
    """Weights and marker edited alike."""
    _flip(checkpoint / "model.safetensors")
    marker = json.loads((checkpoint / "complete.json").read_text())
    digest = hashlib.sha256((checkpoint / "model.safetensors").read_bytes()).hexdigest()
    marker["sha256"]["model.safetensors"] = digest
    (checkpoint / "complete.json").write_text(json.dumps(marker, indent=2) + "\n")


def _without_hashes(checkpoint: Path) -> None:
    """A checkpoint as older versions wrote it, under a name that no event tells of."""
    marker = json.loads((checkpoint / "complete.json").read_text())
    later = checkpoint.rename(checkpoint.with_name("checkpoint-99"))
    (later / "complete.json").write_text(json.dumps({"step": 99, "files": marker["files"]}))


EDITS: dict[str, Callable[[Path], object]] = {
    "weights": lambda folder: _flip(folder / "model.safetensors"),
    "weights and marker": _rewritten,
    "added": lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"x"),
    "older": _without_hashes,
    "planted": lambda folder: folder.rename(folder.with_name("checkpoint-99")),
    "best": lambda folder: _flip(folder.parent.parent / "best.safetensors"),
    "no best": lambda folder: (folder.parent.parent / "best.safetensors").unlink(),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_checkpoint_is_not_continued(edit, workshop, cli_json):
    workshop.interrupt(9, checkpoint_every=4, eval_every=4, select_by="loss")
    kept = last_checkpoint(workshop.run_folder / "checkpoints")
    assert kept is not None
    EDITS[edit](kept)
    error = cli_json("train", "--resume", code=1)["error"]
    assert error["reason_code"] == "system_file_edited"
    assert f"narrowcast train --method auto --base {workshop.base} --epochs 2 " in error["actionable_fix"]
    assert error["actionable_fix"].endswith(" --force")


def test_a_run_that_continues_leaves_nothing_that_verification_misses(workshop, cli_json):
    workshop.interrupt(9, checkpoint_every=4, eval_every=4, select_by="loss")
    assert cli_json("train", "--resume")["run_id"]
    found = cli_json("audit", "verify")
    assert found["files"] > 0
    assert not [each for each in found["notes"] if "training/runs" in each]
