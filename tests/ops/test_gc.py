"""`narrowcast gc` removes what nothing needs, and nothing else."""

from __future__ import annotations

from narrowcast.core.seal import seal_nothing
from narrowcast.pipeline.project import Project
from narrowcast.store.files import append_jsonl, write_text
from narrowcast.store.runs import note_unfinished
from narrowcast.training.outputs.checkpoints import mark_complete
from tests.support.cli import Cli, CliJson


def test_only_what_nothing_needs_is_removed(project: Project, cli: Cli, cli_json: CliJson) -> None:
    paths = project.paths
    left, resumable = (paths.runs / run / "checkpoints" for run in ("exp-left", "exp-stopped"))
    finished = {
        "run_id": "exp-left", "base": "b", "method": "full", "dataset_version": "v", "rows": 8, "steps": 9,
        "final_train_loss": 1.0, "dev_loss": None, "weights_sha256": "", "finished": "2026",
        "seconds": 1.0, "tokens_per_second": 1.0,
    }  # fmt: skip
    append_jsonl(paths.run_index, finished)
    merged, weights, bundle = paths.merged / "exp-a", paths.adapters / "exp-a", paths.gguf / "exp-a"
    for number, folder in enumerate((left, resumable, merged, weights, bundle), 1):
        write_text(folder / "part" / "file", "x" * 1000 * number)
    write_text(resumable / "checkpoint-3" / "weights", "x" * 1000)
    mark_complete(str(resumable), 3, seal_nothing)
    note_unfinished(paths, "exp-stopped", {
        "base": "b", "method": "full", "dataset_version": "v", "steps": 9, "started": "2026", "options": {},
    })  # fmt: skip

    planned = cli_json("gc", "--dry-run")
    assert {each["what"]: each["size_bytes"] for each in planned["holdings"] if each["removable"]} == {
        "checkpoints": 1000,
        "merged weights": 3000,
    }
    assert planned["freed_bytes"] == 4000
    assert left.exists()
    assert "next: narrowcast gc\n" in cli("gc", "--dry-run").stdout

    assert cli_json("gc")["freed_bytes"] == 4000
    assert [each.exists() for each in (left, merged, resumable, weights, bundle)] == [
        False,
        False,
        *[True] * 3,
    ]
    (event,) = [each for each in project.trail.events() if each.reason_code == "project_space_freed"]
    assert event.payload["bytes"] == 4000

    assert cli_json("gc", "--interrupted")["freed_bytes"] > 3000
    assert not resumable.parent.exists()
    assert [each["run_id"] for each in cli_json("runs")] == ["exp-left"]
    assert cli_json("gc")["freed_bytes"] == 0
