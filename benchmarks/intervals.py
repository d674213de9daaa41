"""Do the intervals hold? Coverage beside that of peers, false differences (A/A), and power, by simulation.

Rows are drawn with known truth, independent or in groups whose rows are alike, scored by the real handler
and resampled by the real code. Bars: a nominal 95 % interval holds the truth in at least 93 % of the draws,
and two equal models are called different in at most 7 %, each less two standard errors of the simulation.
Draws that the code calls too small (under 30 rows, under 10 groups, under 5 rows of a class) are left out of
coverage; `judged` counts the others.

Peers get the same test sets: the percentile and the BCa bootstrap of scipy over groups, and for accuracy
Wilson's interval, which takes rows for independent. Printed of each: its misses and its width as ratios to
those of the intervals here.

`--parts` names what to simulate, `--cells worst` only the cells that are hardest to hold: few or uneven
groups, rows of a group that are nearly all alike, shares near 1, rare labels. Each cell has its own draws,
whatever else is simulated; with `--keep FILE` those that were simulated by the same code are read from there.
Prints tables, or one object with `--json`; exits 0 where all bars hold.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.stats import DegenerateDataWarning, binomtest, norm
from scipy.stats import bootstrap as scipy_bootstrap

from narrowcast import tasks
from narrowcast.core.example import Example
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.tasks import handler_for
from narrowcast.tasks.base import TaskScores
from narrowcast.tasks.bootstrap import bootstrap, holm, paired_difference, too_few_to_compare

COVERAGE_BAR, FALSE_BAR = 0.93, 0.07
OURS = "narrowcast"
_FEWEST = 50  # draws that a share is judged by
_GROUPINGS = ((1, 0.0), (5, 0.3), (5, 0.6), (5, 0.9))  # rows per group, likeness within it
_CODE = (Path(__file__), *sorted(Path(tasks.__file__).parent.glob("*.py")))  # what a kept cell rests on
_SHARES = ("coverage", "too optimistic", "false", "found", "least coverage")
_PARTS = ("coverage", "equal models", "power")
Sizes = Literal["even", "one large", "Zipf"]


@dataclass(frozen=True)
class World:
    """A classification with known truth.

    `likeness` is the correlation of right and wrong within a group (of its latent normal). Groups have `size`
    rows each; or one of them has a third of all rows; or their sizes fall as 1, 1/2, 1/3 …, with `size` rows
    on average.
    """

    name: str
    shares: tuple[float, ...]
    accuracy: tuple[float, ...]
    size: int = 1
    likeness: float = 0.0
    sizes: Sizes = "even"

    def groups(self, rows: int) -> Any:
        """The number of the group of each row."""
        if self.sizes == "one large":
            large = rows // 3
            return np.concatenate([np.zeros(large, dtype=np.int64), 1 + np.arange(rows - large) // self.size])
        if self.sizes == "even":
            return np.arange(rows) // self.size
        falling = 1 / np.arange(1, rows // self.size + 1)
        sizes = np.maximum(1, np.round(falling / falling.sum() * rows)).astype(np.int64)
        return np.repeat(np.arange(len(sizes)), sizes)[:rows]

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
    classes, groups = len(world.shares), world.groups(rows)
    rows, count = len(groups), groups[-1] + 1
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


def coverage(
    world: World, rows: int, runs: int, samples: int, rng: Any, *, beside_peers: bool
) -> list[dict[str, Any]]:
    """How often the interval of each metric holds the truth, of the draws that are not too small."""
    truth = world.truth()
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for _ in range(runs):
        (scores,), groups = draw(world, rows, 1, rng)
        measured = bootstrap(scores, samples=samples, seed=0, groups=groups)
        for metric in truth:
            if measured.estimates[metric].too_small:
                continue
            own = measured.values[metric]
            intervals = {OURS: (own.low, own.high)}
            if beside_peers:
                draws = measured.resampled[metric].draws
                intervals |= peers(scores, np.array(groups), metric, draws, rng)
            for name, interval in intervals.items():
                found.setdefault((metric, name), []).append(interval)
    lines = []
    for (metric, name), intervals in found.items():
        low, high = np.array(intervals).T
        lines.append({
            "world": world.name, "rows": rows, "metric": metric, "by": name, "judged": len(low),
            "coverage": float(((low <= truth[metric]) & (truth[metric] <= high)).mean()),
            "too optimistic": float((truth[metric] < low).mean()),
            "width": float((high - low).mean()),
        })  # fmt: skip
    return lines


def peers(
    scores: TaskScores, groups: Any, metric: str, draws: Any, rng: Any
) -> dict[str, tuple[float, float]]:
    """Peers' intervals; scipy gives none where every draw is equal, which counts as the point itself."""
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    parts = np.add.reduceat(scores.sums.table.toarray(), starts, axis=0)

    def statistic(chosen: Any, axis: int = -1) -> Any:  # noqa: ARG001 - scipy draws along the last one
        totals = parts[chosen].sum(axis=-2)
        return scores.sums.metrics(totals.reshape(-1, totals.shape[-1]))[metric].reshape(totals.shape[:-1])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateDataWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        bca = scipy_bootstrap(
            (np.arange(len(parts)),),
            statistic,
            n_resamples=len(draws),
            vectorized=True,
            method="BCa",
            rng=rng,
        ).confidence_interval
    point = scores.metrics[metric]
    drawn = {
        "scipy percentile": tuple(np.nanquantile(draws, [0.025, 0.975])),
        "scipy BCa": (point, point) if np.isnan(bca.low) or np.isnan(bca.high) else (bca.low, bca.high),
    }
    if metric == "accuracy":
        wilson = binomtest(sum(row.correct for row in scores.rows), len(scores.rows)).proportion_ci(
            method="wilson"
        )
        drawn["Wilson"] = (wilson.low, wilson.high)
    return drawn


def false_differences(
    world: World, rows: int, runs: int, samples: int, rng: Any, models: int = 2
) -> list[dict[str, Any]]:
    """How often some of several equal models is called better or worse than another."""
    said = used = 0
    for _ in range(runs):
        scores, groups = draw(world, rows, models, rng)
        if too_few_to_compare(rows, groups[-1] + 1):
            continue
        used += 1
        said += any(_differs(scores, groups, samples))
    return [{
        "world": world.name, "rows": rows, "models": models, "judged": used,
        "false": said / used if used else None,
    }]  # fmt: skip


def power(better: World, worse: World, rows: int, runs: int, samples: int, rng: Any) -> list[dict[str, Any]]:
    """How often a real difference is drawn between models that err independently."""
    drawn = 0
    for _ in range(runs):
        state = rng.integers(0, 2**32)
        first, groups = draw(better, rows, 1, np.random.default_rng([state, 0]), rng)
        second, _ = draw(worse, rows, 1, np.random.default_rng([state, 0]), rng)
        drawn += any(_differs([first[0], second[0]], groups, samples))
    truth = better.truth()["macro_f1"] - worse.truth()["macro_f1"]
    return [{"world": better.name, "rows": rows, "difference": round(truth, 3), "found": drawn / runs}]


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
        drawn += [_even(right, size, likeness) for right in (0.8, 0.95, 0.99)]
        drawn += [_two(size, likeness), _ten(size, likeness)]
    return drawn


def worst() -> list[tuple[World, int]]:
    """The cells that are hardest to hold, with their numbers of rows."""
    few = [
        (_even(right, size, 0.9), rows) for right in (0.8, 0.9, 0.95) for size, rows in ((5, 50), (20, 200))
    ]
    near_one = [(_even(right, 5, 0.9), 200) for right in (0.97, 0.99, 1.0)]
    uneven: list[tuple[World, int]] = [
        (_even(right, 5, likeness, sizes), 200)
        for sizes in ("one large", "Zipf")
        for right, likeness in ((0.8, 0.9), (0.95, 0.9), (0.95, 0.3))
    ]
    rare = [
        (_three(5, 0.6), 50),
        (_three(10, 0.6), 200),
        (_three(5, 0.9), 200),
        (_three(), 100),
        (_three(5, 0.9, "one large"), 200),
        (_two(5, 0.6), 200),
        (_two(5, 0.9), 200),
        (_two(), 100),
        (_ten(5, 0.6), 200),
        (_ten(5, 0.9, "Zipf"), 500),
    ]
    others = [
        (_even(0.95, 5, 0.6), 200),
        (_even(0.8, 5, 0.8), 50),
        (_even(0.8, 3, 0.6), 30),
        (_even(0.8), 30),
    ]
    return few + near_one + uneven + rare + others


def holds(report: dict[str, Any]) -> list[str]:
    """The bars that are broken, less two standard errors of a share from so many draws."""
    low = [
        f"{each['world']}, {each['rows']} rows, {each['metric']}: {each['coverage']:.1%}"
        for each in report["coverage"]
        if each["by"] == OURS
        and each["judged"] >= _FEWEST
        and each["coverage"] < COVERAGE_BAR - _slack(COVERAGE_BAR, each["judged"])
    ]
    high = [
        f"{each['world']}, {each['rows']} rows: {each['false']:.1%} false differences"
        for each in report["equal models"]
        if each["judged"] >= _FEWEST and each["false"] > FALSE_BAR + _slack(FALSE_BAR, each["judged"])
    ]
    return low + high


def ratios(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each peer: how its misses and its width compare with those of the intervals here; 2: twice."""
    cells: dict[str, dict[tuple[str, int, str], dict[str, Any]]] = {}
    for each in lines:
        cells.setdefault(each["by"], {})[each["world"], each["rows"], each["metric"]] = each
    own = cells.pop(OURS, {})
    return [
        {
            "by": name,
            "cells": len(theirs),
            "misses": sum(1 - each["coverage"] for each in theirs.values())
            / max(sum(1 - own[cell]["coverage"] for cell in theirs), 1e-9),
            "width": float(np.mean([each["width"] / own[cell]["width"] for cell, each in theirs.items()])),
            "least coverage": min(each["coverage"] for each in theirs.values()),
        }
        for name, theirs in cells.items()
    ]


def _slack(bar: float, draws: int) -> float:
    return 2 * float(bar * (1 - bar) / draws) ** 0.5


def main() -> int:
    """Simulate, print, compare with the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="simulated test sets per cell")
    parser.add_argument("--samples", type=int, default=200, help="bootstrap draws each")
    parser.add_argument("--rows", default="30,100,500", help="sizes of the test sets, for all cells")
    parser.add_argument("--cells", choices=("worst", "all"), default="worst")
    parser.add_argument("--parts", default=",".join(_PARTS), help="what to simulate")
    parser.add_argument("--only", default="", help="coverage of the cells whose name holds this text alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="file of simulated cells, read and added to")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report: dict[str, Any] = {"runs": options.runs, **{part: [] for part in _PARTS}, "peers": []}

    def note(kind: str, lines: list[dict[str, Any]]) -> None:
        report[kind] += lines
        if not options.json:
            _print(kind, lines)

    kept = Kept(options.keep, f"{options.runs} {options.samples} {options.seed}")
    for kind, name, simulate in _cells(options):
        note(
            kind,
            kept.lines(f"{kind}, {name}", lambda rng, run=simulate: run(options.runs, options.samples, rng)),
        )
    note("peers", ratios(report["coverage"]))
    report["broken"] = holds(report)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print("bars hold" if not report["broken"] else "broken:\n  " + "\n  ".join(report["broken"]))
    return 1 if report["broken"] else 0


class Kept:
    """Lines of the cells that were simulated before by the same code, in a file of JSON lines."""

    def __init__(self, path: Path | None, how: str) -> None:
        self._path, self._how = path, how
        code = hashlib.sha256(b"".join(each.read_bytes() for each in _CODE)).hexdigest()
        self._code = code[:16]
        self._known: dict[str, list[dict[str, Any]]] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                found = json.loads(line)
                if (found["code"], found["how"]) == (self._code, how):
                    self._known[found["cell"]] = found["lines"]

    def lines(self, cell: str, simulate: Callable[[Any], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """What is known of a cell, else what its simulation gives, kept at once."""
        if cell not in self._known:
            state = hashlib.sha256(f"{self._how} {cell}".encode()).digest()
            self._known[cell] = simulate(np.random.default_rng(list(state)))
            if self._path is not None:
                line = {"code": self._code, "how": self._how, "cell": cell, "lines": self._known[cell]}
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
        return self._known[cell]


def _cells(options: argparse.Namespace) -> Iterator[tuple[str, str, Callable[..., list[dict[str, Any]]]]]:
    """Kind, name and simulation of each cell that was asked for."""
    sizes, parts = [int(each) for each in options.rows.split(",")], options.parts.split(",")
    if "coverage" in parts:
        hardest = options.cells == "worst"
        for world, rows in worst() if hardest else [(each, rows) for each in worlds() for rows in sizes]:
            if options.only in world.name:
                yield (
                    "coverage",
                    f"{world.name}, {rows}",
                    partial(coverage, world, rows, beside_peers=hardest),
                )
    if "equal models" in parts:
        uneven = [_even(0.9, 5, 0.9, "one large"), _even(0.9, 5, 0.9, "Zipf")]
        for world in [*(each for each in worlds() if each.accuracy[0] in (0.8, 0.9)), *uneven]:
            for rows, models in dict.fromkeys([(sizes[0], 2), (sizes[-1], 2), (sizes[-1], 4)]):
                name = f"{world.name}, {rows}, {models}"
                yield "equal models", name, partial(false_differences, world, rows, models=models)
    if "power" in parts:
        for size, like in _GROUPINGS:
            better, worse = _even(0.85, size, like), _even(0.8, size, like)
            yield "power", f"{better.name}, {sizes[-1]}", partial(power, better, worse, sizes[-1])


def _even(right: float, size: int = 1, likeness: float = 0.0, sizes: Sizes = "even") -> World:
    return _world(f"4 labels at {right}", (0.25,) * 4, (right,) * 4, size, likeness, sizes)


def _two(size: int = 1, likeness: float = 0.0) -> World:
    return _world("2 labels 9:1", (0.9, 0.1), (0.97, 0.7), size, likeness)


def _three(size: int = 1, likeness: float = 0.0, sizes: Sizes = "even") -> World:
    return _world("3 labels 8:1:1", (0.8, 0.1, 0.1), (0.95, 0.6, 0.6), size, likeness, sizes)


def _ten(size: int = 1, likeness: float = 0.0, sizes: Sizes = "even") -> World:
    rare = (*(0.16,) * 6, *(0.01,) * 4), (*(0.9,) * 6, *(0.5,) * 4)
    return _world("10 labels, 4 rare", *rare, size, likeness, sizes)


def _world(
    labels: str,
    shares: tuple[float, ...],
    right: tuple[float, ...],
    size: int,
    likeness: float,
    sizes: Sizes = "even",
) -> World:
    kind = "independent" if size == 1 else f"groups of {size}, {likeness}"
    kind += "" if sizes == "even" else f", {sizes}"
    return World(f"{labels}, {kind}", shares, right, size, likeness, sizes)


def _print(kind: str, lines: list[dict[str, Any]]) -> None:
    for line in lines:
        cells = (f"{key} {_cell(key, value)}" for key, value in line.items())
        print(f"{kind}: " + "  ".join(cells), flush=True)


def _cell(key: str, value: object) -> str:
    if value is None:
        return "too small"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.1%}" if key in _SHARES else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
