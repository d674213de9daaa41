"""The planned layout beside each fixed one: seconds of forward and backward over the batches of an epoch.

The costs are measured first, as a run does, on other batches than those timed. Layouts take turns batch by
batch, and a batch's time is the median of `--repeats`. Bar: the plan is never slower than the best plain
layout (padded or packed, the same for all batches) by more than 5 %. Cases: a system prompt of 256 tokens
that all rows share; none; and half of the rows with one (what a mixed data set looks like). Prints a table,
or one object with `--json`; exits 0 where the bar holds.

    python benchmarks/layouts.py [--cases shared-256,none,mixed] [--method full] [--batches 12] [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from finetunes.inputs import BATCH, gathered, made_rows, write_model

BAR = 1.05
CASES = ("shared-256", "none", "mixed")


def main() -> None:
    """Time all cases."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--method", choices=["full", "lora"], default="full")
    parser.add_argument("--batches", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    results = [_case(name, asked) for name in asked.cases.split(",")]
    hold = all(result["over_best_plain"] <= BAR for result in results)
    if asked.json:
        print(json.dumps({"cases": results, "ok": hold}))
    else:
        for result in results:
            _print(result)
        print(f"bar: {'holds' if hold else 'does not hold'}")
    sys.exit(0 if hold else 1)


def _case(name: str, asked: argparse.Namespace) -> dict[str, Any]:
    from narrowcast.models.allocator import kept_pages
    from narrowcast.training.fused.last_layer import EarlyHead
    from narrowcast.training.packing.calibration import batch_seconds, calibrate, micro_batches
    from narrowcast.training.packing.planner import LAYOUTS, PlannedLayout, work
    from narrowcast.training.weights import trainable_model

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_model(folder / "model")
        rows = _case_rows(name, asked.batches * BATCH)
        setup, options, _ = gathered(folder / "home", folder / "model", rows, asked.method)
        model = trainable_model(setup, options)
        costs = calibrate(setup, model)
        planner, head = PlannedLayout(costs), EarlyHead(model)
        totals, planned, chosen = dict.fromkeys(LAYOUTS, 0.0), 0.0, Counter[str]()
        errors = []
        with kept_pages():
            for batch in micro_batches(setup):
                seconds = {
                    layout: batch_seconds(setup, model, head, batch, layout, asked.repeats)
                    for layout in LAYOUTS
                }
                layout, _ = planner.choose(batch)
                chosen[layout] += 1
                planned += seconds[layout]
                for each, value in seconds.items():
                    totals[each] += value
                    errors.append(abs(costs.seconds(work(batch, each)) / value - 1))
        plain = min(totals["padded"], totals["packed"])
        return {
            "case": name,
            "seconds": {**totals, "planned": planned},
            "chosen": dict(chosen),
            "over_best_plain": planned / plain,
            "mean_error": sum(errors) / len(errors),
        }


def _case_rows(name: str, count: int) -> list[dict[str, str]]:
    if name != "mixed":
        return made_rows(name, count, None)
    rows = [*made_rows("shared-256", count // 2, None), *made_rows("none", count - count // 2, None)]
    random.Random(0).shuffle(rows)
    return rows


def _print(result: dict[str, Any]) -> None:
    print(result["case"])
    for name, seconds in result["seconds"].items():
        print(f"  {name:8} {seconds:7.2f} s")
    share = ", ".join(f"{count} {name}" for name, count in result["chosen"].items())
    print(
        f"  planned: {share}; {result['over_best_plain']:.3f} of the best plain layout (bar {BAR}); "
        f"costs off by {result['mean_error']:.0%} on average"
    )


if __name__ == "__main__":
    main()
