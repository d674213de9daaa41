"""Two processes under torchrun take the steps of one: same examples in a step, same losses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from narrowcast.store.files import read_jsonl
from narrowcast.training.data.batches import LengthGroupedBatches, parts
from narrowcast.training.outputs.trace import read_trace
from tests.support.datasets import save_dataset, sentences, split_rows
from tests.training.two_processes import run

pytestmark = pytest.mark.nightly

ROWS = 41  # the last step has one row, which is too few to deal out


@pytest.mark.parametrize("processes", [2, 3, 8])
@pytest.mark.parametrize("micro", [1, 3, 8])
def test_every_process_has_as_many_parts_and_together_they_have_the_rows(processes, micro):
    lengths = [number % 17 + 1 for number in range(ROWS)]
    shares = [
        list(LengthGroupedBatches(lengths, 8, micro, seed=5, process=process, processes=processes))
        for process in range(processes)
    ]
    alone = list(LengthGroupedBatches(lengths, 8, 8, seed=5))
    in_update = parts(8, micro, processes)
    assert {len(share) for share in shares} == {in_update * (ROWS // 8) + parts(ROWS % 8, micro, processes)}
    assert all(batch for share in shares for batch in share)
    for number, step in enumerate(alone[:-1]):
        window = slice(number * in_update, (number + 1) * in_update)
        dealt = [row for share in shares for batch in share[window] for row in batch]
        assert sorted(dealt) == sorted(step)
        assert max(len(batch) for share in shares for batch in share[window]) <= max(micro, 2)
    assert all(share[-1] == alone[-1] for share in shares)


def test_torchrun_gives_the_losses_of_one_process(project, tiny_base):
    save_dataset(project.paths.root, split_rows(sentences(ROWS + 10), dev=10))
    alone = run(project.slug, str(tiny_base))
    traces = [read_trace(project.paths.root / str(each["trace"])) for each in alone]
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            Path(__file__).with_name("two_processes.py"), project.slug, tiny_base,
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    for result, one in zip(alone, traces, strict=True):
        both = read_trace(project.paths.root / str(result["trace"]))
        assert [line.step for line in both] == [line.step for line in one]
        assert [line.tokens for line in both[:5]] == [line.tokens for line in one[:5]]
        for ours, theirs in zip(both, one, strict=True):
            assert (ours.loss or ours.dev_loss) == pytest.approx(theirs.loss or theirs.dev_loss, rel=1e-5)
    codes = [event.reason_code for event in project.trail.events()]
    assert codes.count("training_run") == 4  # two alone, two together, each told once
    assert len(list(read_jsonl(project.paths.run_index))) == 4
    assert project.trail.verify().intact
