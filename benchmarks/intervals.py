"""Do the intervals hold? Coverage, false differences between equal models (A/A), and power, by simulation.

Rows are drawn with known truth, independent or in groups whose rows are alike, scored by the real handler
and resampled by the real code. Bars: a nominal 95 % interval holds the truth in at least 93 % of the draws,
and two equal models are called different in at most 7 %, each less two standard errors of the simulation.
Draws that the code calls too small (under 30 rows, under 10 groups, under 5 rows of a class) are counted
apart. Prints tables, or one object with `--json`; exits 0 where all bars hold.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from narrowcast.core.example import Example
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.tasks import handler_for
from narrowcast.tasks.base import TaskScores
from narrowcast.tasks.bootstrap import bootstrap, holm, paired_difference, too_few_to_compare

COVERAGE_BAR, FALSE_BAR = 0.93, 0.07
_FEWEST = 50  # draws that a share is judged by
_GROUPINGS = ((1, 0.0), (5, 0.3), (5, 0.6))  # rows a group, likeness within it


@dataclass(frozen=True)
class World:
    """A classification with known truth.

    `likeness` is the correlation of right and wrong within a group of `size` rows (of its latent normal).
    """

    name: str
    shares: tuple[float, ...]
    accuracy: tuple[float, ...]
    size: int = 1
    likeness: float = 0.0

    @property
    def labels(self) -> list[str]:
        return [f"l{number}" for number in range(len(self.shares))]

    def truth(self) -> dict[str, float]:
        """Accuracy and macro-F1 of the population; wrong answers spread evenly over the other labels."""
        share, right = np.array(self.shares), np.array(self.accuracy)
        wrong = share * (1 - right)
        answered = share * right + (wrong.sum() - wrong) / (len(share) - 1)
        return {
            "accuracy": float((share * right).sum()),
            "macro_f1": float((2 * share * right / (share + answered)).mean()),
        }


def draw(
    world: World, rows: int, models: int, rng: Any, errors: Any = None
) -> tuple[list[TaskScores], list[int]]:
    """Scores of independent equal models on the same rows, and the rows' groups.

    The rows come from `rng`, the errors from `errors` where that is given.
    """
    errors = errors or rng
    classes, groups = len(world.shares), np.arange(rows) // world.size
    count = groups[-1] + 1
    gold = rng.choice(classes, count, p=world.shares)[groups]
    labels = world.labels
    handler = handler_for(TaskSpec(profile="classification", labels=labels))
    examples = [Example({"text": "t"}, labels[code], "s", row) for row, code in enumerate(gold)]
    drawn = []
    for _ in range(models):
        latent = np.sqrt(world.likeness) * errors.normal(size=count)[groups]
        latent += np.sqrt(1 - world.likeness) * errors.normal(size=rows)
        right = norm.cdf(latent) < np.array(world.accuracy)[gold]
        answer = np.where(right, gold, (gold + errors.integers(1, classes, rows)) % classes)
        drawn.append(handler.score(examples, [Prediction(labels[code]) for code in answer]))
    return drawn, groups.tolist()


def coverage(world: World, rows: int, runs: int, samples: int, rng: Any) -> list[dict[str, Any]]:
    """How often the interval of each metric holds the truth, of the draws that are not too small."""
    truth = world.truth()
    held, used = dict.fromkeys(truth, 0), dict.fromkeys(truth, 0)
    below = dict.fromkeys(truth, 0)
    for _ in range(runs):
        (scores,), groups = draw(world, rows, 1, rng)
        measured = bootstrap(scores, samples=samples, seed=0, groups=groups)
        for metric, value in truth.items():
            if measured.estimates[metric].too_small:
                continue
            interval = measured.values[metric]
            used[metric] += 1
            held[metric] += interval.low <= value <= interval.high
            below[metric] += value < interval.low
    return [
        {
            "world": world.name,
            "rows": rows,
            "metric": metric,
            "truth": round(truth[metric], 3),
            "judged": used[metric],
            "coverage": held[metric] / used[metric] if used[metric] else None,
            "too optimistic": below[metric] / used[metric] if used[metric] else None,
        }
        for metric in truth
    ]


def false_differences(
    world: World, rows: int, runs: int, samples: int, rng: Any, models: int = 2
) -> dict[str, Any]:
    """How often some of several equal models is called better or worse than another."""
    said = used = 0
    for _ in range(runs):
        scores, groups = draw(world, rows, models, rng)
        if too_few_to_compare(rows, groups[-1] + 1):
            continue
        used += 1
        said += any(_differs(scores, groups, samples))
    return {
        "world": world.name, "rows": rows, "models": models, "judged": used,
        "false": said / used if used else None,
    }  # fmt: skip


def power(better: World, worse: World, rows: int, runs: int, samples: int, rng: Any) -> dict[str, Any]:
    """How often a real difference is drawn between models that err independently."""
    drawn = 0
    for _ in range(runs):
        state = rng.integers(0, 2**32)
        first, groups = draw(better, rows, 1, np.random.default_rng([state, 0]), rng)
        second, _ = draw(worse, rows, 1, np.random.default_rng([state, 0]), rng)
        drawn += any(_differs([first[0], second[0]], groups, samples))
    truth = better.truth()["macro_f1"] - worse.truth()["macro_f1"]
    return {"world": better.name, "rows": rows, "difference": round(truth, 3), "found": drawn / runs}


def _differs(scores: list[TaskScores], groups: list[int], samples: int) -> list[bool]:
    drawn = [bootstrap(each, samples=samples, seed=0, groups=groups) for each in scores]
    pairs = [(a, b) for a in range(len(scores)) for b in range(a)]
    drawn = [paired_difference(drawn[a], drawn[b], "macro_f1", (scores[a], scores[b])) for a, b in pairs]
    adjusted = holm([each.p_value for each in drawn])
    return [p <= 0.05 and not each.low <= 0 <= each.high for p, each in zip(adjusted, drawn, strict=True)]


def worlds() -> list[World]:
    """Independent rows and rows in groups of 5, from 0.8 to 0.99, with even and with rare labels."""
    drawn = []
    for size, likeness in _GROUPINGS:
        kind = f"groups of {size}, {likeness}" if size > 1 else "independent"
        drawn += [_of(right, size, likeness) for right in (0.8, 0.95, 0.99)]
        drawn.append(World(f"2 labels 9:1, {kind}", (0.9, 0.1), (0.97, 0.7), size, likeness))
        shares = (*(0.16,) * 6, *(0.01,) * 4)
        drawn.append(World(f"10 labels, 4 rare, {kind}", shares, (*(0.9,) * 6, *(0.5,) * 4), size, likeness))
    return drawn


def holds(report: dict[str, Any]) -> list[str]:
    """The bars that are broken, less two standard errors of a share from so many draws."""
    low = [
        f"{each['world']}, {each['rows']} rows, {each['metric']}: {each['coverage']:.1%}"
        for each in report["coverage"]
        if each["judged"] >= _FEWEST
        and each["coverage"] < COVERAGE_BAR - _slack(COVERAGE_BAR, each["judged"])
    ]
    high = [
        f"{each['world']}, {each['rows']} rows: {each['false']:.1%} false differences"
        for each in report["equal models"]
        if each["judged"] >= _FEWEST and each["false"] > FALSE_BAR + _slack(FALSE_BAR, each["judged"])
    ]
    return low + high


def _slack(bar: float, draws: int) -> float:
    return 2 * float(bar * (1 - bar) / draws) ** 0.5


def main() -> int:
    """Simulate, print, compare with the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="simulated test sets a line")
    parser.add_argument("--samples", type=int, default=200, help="bootstrap draws each")
    parser.add_argument("--rows", default="30,100,500", help="sizes of the test sets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rng, sizes = np.random.default_rng(options.seed), [int(each) for each in options.rows.split(",")]
    how = (options.runs, options.samples, rng)
    known = worlds()
    report: dict[str, Any] = {"runs": options.runs, "coverage": [], "equal models": [], "power": []}

    def note(kind: str, lines: list[dict[str, Any]]) -> None:
        report[kind] += lines
        if not options.json:
            _print(kind, lines)

    for each in known:
        for rows in sizes:
            note("coverage", coverage(each, rows, *how))
    for each in (world for world in known if world.accuracy[0] in (0.8, 0.9)):
        for rows, models in dict.fromkeys([(sizes[0], 2), (sizes[-1], 2), (sizes[-1], 4)]):
            note("equal models", [false_differences(each, rows, *how, models=models)])
    for size, like in _GROUPINGS:
        note("power", [power(_of(0.85, size, like), _of(0.8, size, like), sizes[-1], *how)])
    report["broken"] = holds(report)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print("bars hold" if not report["broken"] else "broken:\n  " + "\n  ".join(report["broken"]))
    return 1 if report["broken"] else 0


def _of(right: float, size: int, likeness: float) -> World:
    kind = f"groups of {size}, {likeness}" if size > 1 else "independent"
    return World(f"4 labels, {kind}", (0.25,) * 4, (right,) * 4, size, likeness)


def _print(kind: str, lines: list[dict[str, Any]]) -> None:
    for line in lines:
        cells = (f"{key} {_cell(key, value)}" for key, value in line.items())
        print(f"{kind}: " + "  ".join(cells), flush=True)


def _cell(key: str, value: object) -> str:
    if value is None:
        return "too small"
    return f"{value:.1%}" if isinstance(value, float) and key not in ("truth", "difference") else str(value)


if __name__ == "__main__":
    sys.exit(main())
