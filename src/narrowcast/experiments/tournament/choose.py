"""Which of the trained entrants is taken, and what is said of the others."""

from __future__ import annotations

import math
from collections.abc import Sequence

from narrowcast.core.model_ref import ModelRef
from narrowcast.errors import StageError
from narrowcast.evaluation.result import Comparison
from narrowcast.experiments.measured_run import MeasuredRun
from narrowcast.experiments.tournament.result import Entrant, Entry, Limits, Lineup


def entry_of(entrant: Entrant, run: MeasuredRun, limits: Limits) -> Entry:
    """The figures of a trained entrant, and which limits it exceeds."""
    figures = {
        "run_id": run.run_id,
        "score": run.score,
        "latency_p50_ms": run.latency_p50_ms,
        "alone_p50_ms": run.alone_p50_ms,
        "size_bytes": run.size_bytes,
        "minutes": run.seconds / 60,
        "left_out": ", ".join(_over(run, limits)),
    }
    return Entry.model_validate({**entrant.model_dump(), **figures})


def _over(run: MeasuredRun, limits: Limits) -> list[str]:
    over = []
    alone, size = run.alone_p50_ms, run.size_bytes
    if limits.latency_ms is not None and alone is not None and alone > limits.latency_ms:
        over.append(f"{alone:,.1f} ms for one answer are over {limits.latency_ms:,g}")
    if limits.size_mb is not None and size is None:
        over.append(f"its size is not known, and {limits.size_mb:,g} MB are allowed")
    elif limits.size_mb is not None and size is not None and size > limits.size_mb * 1e6:
        over.append(f"{size / 1e6:,.0f} MB are over {limits.size_mb:,g}")
    return over


def announced(lineup: Lineup) -> list[str]:
    """Who will be trained with which forecast, and who will not and why; said before training begins."""
    taking = ", ".join(f"{each.name} (about {_minutes(each.minutes)})" for each in lineup.taking)
    return [f"tournament: {taking}", *(f"not in it: {each.name}: {each.left_out}" for each in lineup.out)]


def _minutes(count: float) -> str:
    return "a minute" if count < 1.5 else f"{count:,.0f} minutes"


def mark_front(entries: Sequence[Entry]) -> None:
    """Mark those that no other one beats in score, latency and size together."""
    for entry in entries:
        entry.front = not any(_dominates(other, entry) for other in entries if other is not entry)


def within_limits(entries: Sequence[Entry]) -> list[Entry]:
    """Those that may be chosen, the best first; of equally good ones the fastest.

    Raises:
        StageError: `training_method_unsuited`, if there are none.
    """
    within = [entry for entry in entries if not entry.left_out]
    if not within:
        raise StageError(
            "no entrant is within the limits",
            where="; ".join(f"{each.name}: {each.left_out}" for each in entries),
            next_command="narrowcast run, with larger limits",
            reason_code="training_method_unsuited",
        )
    return sorted(within, key=lambda each: _figures(each)[:2], reverse=True)


def sentence_of(
    ordered: Sequence[Entry], trained: int, comparisons: Sequence[Comparison], metric: str, n: int
) -> str:
    """Which was chosen and why.

    Args:
        ordered: those within the limits, the chosen one first.
        trained: how many were trained.
        comparisons: the chosen one minus each other.
        metric: that they were measured by.
        n: dev rows.
    """
    best, *others = ordered
    measured = f"{metric} on {n:,} dev rows, {_figures(best)[0]:.3f}"
    if trained == 1:
        return f"{best.name} is chosen: the only one trained; {measured}"
    if not others:
        return f"{best.name} is chosen: the only one within the limits; {measured}"
    which = "the best within the limits" if len(ordered) < trained else "the best"
    text = f"{best.name} is chosen: {which} by {measured}"
    worse = {each.against for each in comparisons if each.verdict == "better"}
    level = [each.name for each in others if ModelRef.of_run(each.run_id) not in worse]
    if level:
        text += f"; not shown to be worse: {', '.join(level)}"
    lighter = [each for each in others if each.front and _is_lighter(each, best)]
    if lighter:
        text += f"; faster or smaller: {', '.join(map(_short, lighter))}"
    return text


def _figures(entry: Entry) -> tuple[float, float, float]:
    """All the larger, the better; what is not known counts as worst."""
    score = entry.score.value if entry.score else -math.inf
    latency, size = entry.latency_p50_ms, entry.size_bytes
    return score, -math.inf if latency is None else -latency, -math.inf if size is None else -float(size)


def _dominates(one: Entry, other: Entry) -> bool:
    pairs = list(zip(_figures(one), _figures(other), strict=True))
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


def _is_lighter(one: Entry, other: Entry) -> bool:
    return any(a > b for a, b in zip(_figures(one)[1:], _figures(other)[1:], strict=True))


def _short(entry: Entry) -> str:
    score, latency, size = _figures(entry)
    megabytes = f", {-size / 1e6:,.1f} MB" if math.isfinite(size) else ""
    return f"{entry.name} ({score:.3f}, {-latency:.1f} ms{megabytes})"
