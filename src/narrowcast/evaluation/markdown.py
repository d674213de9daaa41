"""`report.md`: the table first, then what it rests on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from narrowcast.core.hashing import short
from narrowcast.core.markdown import escape
from narrowcast.core.metric import Difference, MetricValue
from narrowcast.evaluation.measure import Measured
from narrowcast.evaluation.result import Comparison, MeasureResult, ModelResult, Unmeasured

_SHOWN_FAILURES = 10
_SHOWN_CONFUSIONS = 10
_LONGEST_CELL = 160


def render_markdown(
    result: MeasureResult,
    subject: Measured,
    failures: Sequence[Mapping[str, Any]],
    pictures: Mapping[str, str],
) -> str:
    """The whole report; `failures` and details are those of `subject`."""
    parts = [
        _head(result),
        _models(result.results, result.unmeasured),
        *_section("Conclusion", _conclusions(result.results)),
        *_section("Compared on the same rows", _comparisons(result.comparisons)),
        *_section("Gates", _gates(result.results)),
        *_section("All metrics", _metrics(result.results)),
        *_section("Answers that were none", _errors(result.results)),
        *_section(f"Most frequent confusions of {escape(subject.reference)}", _confusions(subject)),
        *(f"![{escape(caption)}]({quote(name)})" for name, caption in pictures.items()),
        *_section(f"First wrong answers of {escape(subject.reference)}", _failures(failures)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def comparison_line(each: Comparison) -> str:
    """`run:exp-1 − tfidf = +0.120 [0.080, 0.160] macro_f1, p = 0.002 (Holm over 6): better`."""
    gap = each.difference
    return (
        f"{each.model} − {each.against} = {gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}] "
        f"{gap.metric}, {_p_text_of(gap)}: {each.verdict}"
        f"{f' ({each.too_small})' if each.too_small else ''}"
    )


def _p_text_of(found: Difference) -> str:
    """Corrected where several models were compared, and which of both it is."""
    if found.p_adjusted is None or found.corrected_for == 1:
        return f"{p_text(found.p_value)} (not corrected: one comparison)"
    over = f" over {found.corrected_for}" if found.corrected_for else ""
    return f"{p_text(found.p_adjusted)} (Holm{over})"


def interval_note(comparisons: Sequence[Comparison]) -> str:
    """Why an interval that excludes 0 may stand beside a large p; nothing where one pair was compared."""
    several = max((each.difference.corrected_for or 1 for each in comparisons), default=1)
    if several == 1:
        return ""
    return (
        f"an interval is of one comparison by itself, p is corrected for all {several}; a verdict needs both"
    )


def p_text(value: float) -> str:
    """`p = 0.023`; far out in the tail, where a bootstrap of a thousand draws cannot see, `p < 0.001`."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def groups_text(rows: int, groups: int | None) -> str:
    """` in 22 groups`; nothing where each row is one of its own."""
    return f" in {groups:,} groups" if groups is not None and groups < rows else ""


def size_text(size: int | None) -> str:
    """Megabytes of 10⁶ bytes; a dash where there are no weights."""
    return "–" if size is None else f"{size / 1e6:.1f} MB"


def latency_text(milliseconds: float) -> str:
    """`0.03 ms`, `41.7 ms`."""
    return f"{milliseconds:.2f} ms" if milliseconds < 1 else f"{milliseconds:,.1f} ms"


def value_text(value: MetricValue) -> str:
    """`0.912 [0.901, 0.922]`."""
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def unmeasured_lines(unmeasured: Sequence[Unmeasured]) -> list[str]:
    """What was not measured, why, and the command that brings it; models with the same reason in one line."""
    alike: dict[str, list[Unmeasured]] = {}
    for each in unmeasured:
        alike.setdefault(each.reason, []).append(each)
    return [
        f"{', '.join(each.model for each in group)}: {reason}; {_joined(group)}"
        for reason, group in alike.items()
    ]


def _joined(group: Sequence[Unmeasured]) -> str:
    """One command for several models, where the commands differ in the model alone."""
    beginnings = {each.command.removesuffix(each.model) for each in group}
    if len(beginnings) == 1 and group[0].command.endswith(group[0].model):
        return beginnings.pop() + ",".join(each.model for each in group)
    return "; ".join(dict.fromkeys(each.command for each in group))


def _head(result: MeasureResult) -> str:
    drawn = f" ({result.rows_drawn})" if result.rows_drawn else ""
    looks = f" This is access {result.looks} to this split." if result.looks else ""
    warnings = "".join(f"\n\n> **Warning.** {escape(text)}." for text in result.warnings)
    how = (
        "Brackets hold 95 % intervals; rows that are alike count as one group. An interval is of one "
        "comparison by itself; p-values are corrected for the number of comparisons (Holm)."
    )
    return (
        f"# Evaluation on the {result.split} split\n\n"
        f"{result.n:,} rows{groups_text(result.n, result.groups)}{drawn} of data set "
        f"`{short(result.dataset_version)}`.{looks} {how}{warnings}{_small(result.results)}"
    )


def _small(results: Sequence[ModelResult]) -> str:
    """Metrics that the rows are too few for."""
    reasons = {name: why for each in results for name, why in each.small.items()}
    return "".join(f"\n\n> **Too few rows** to decide by {name}: {why}." for name, why in reasons.items())


def _conclusions(results: Sequence[ModelResult]) -> str:
    conclusions = [each.conclusion for each in results if each.conclusion]
    return "\n".join(f"- **{each.standing.replace('_', ' ')}**: {each.sentence}." for each in conclusions)


def _models(results: Sequence[ModelResult], unmeasured: Sequence[Unmeasured]) -> str:
    primary = results[0].primary
    rows = [
        [
            each.model,
            value_text(each.metrics[primary]),
            latency_text(each.speed.latency_p50_ms),
            latency_text(each.speed.latency_p95_ms),
            f"{each.speed.tokens_per_second:,.0f}" if each.speed.tokens_per_second else "–",
            size_text(each.size_bytes),
            each.note,
        ]
        for each in results
    ]
    rows += [
        [each.model, "not measured", "–", "–", "–", "–", f"{each.reason}: {each.command}"]
        for each in unmeasured
    ]
    return _table(["model", primary, "p50", "p95", "tokens/s", "size", "note"], rows)


def _comparisons(comparisons: Sequence[Comparison]) -> str:
    lines = [
        f"- {escape(comparison_line(each))}. Only the first right: {each.difference.only_first_right} rows, "
        f"only the second: {each.difference.only_second_right} (McNemar p = {each.difference.mcnemar_p:.3g})."
        for each in comparisons
    ]
    return "\n".join(lines)


def _gates(results: Sequence[ModelResult]) -> str:
    rows = [
        [each.model, gate.gate_id, gate.verdict.replace("_", " "), gate.reason]
        for each in results
        for gate in each.gates
    ]
    return _table(["model", "gate", "verdict", "why"], rows) if rows else ""


def _metrics(results: Sequence[ModelResult]) -> str:
    names = list(dict.fromkeys(name for each in results for name in each.metrics))
    rows = [
        [name, *(value_text(each.metrics[name]) if name in each.metrics else "–" for each in results)]
        for name in names
    ]
    return _table(["metric", *(each.model for each in results)], rows)


def _errors(results: Sequence[ModelResult]) -> str:
    rows = [[each.model, reason, count] for each in results for reason, count in each.errors.items()]
    return _table(["model", "reason", "answers"], rows) if rows else ""


def _confusions(subject: Measured) -> str:
    details = subject.scores.details
    if "confusion" not in details:
        return ""
    answers = [*details["labels"], "(no label)"]
    wrong = [
        (count, details["labels"][row], answers[column])
        for row, counts in enumerate(details["confusion"])
        for column, count in enumerate(counts)
        if row != column and count
    ]
    top = sorted(wrong, key=lambda each: (-each[0], each[1:]))[:_SHOWN_CONFUSIONS]
    return _table(["gold", "answer", "rows"], [[gold, answer, count] for count, gold, answer in top])


def _failures(failures: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for row in failures[:_SHOWN_FAILURES]:
        expected, answered = row["expected"], row["text"]
        if isinstance(expected, dict) and isinstance(row["predicted"], dict):
            expected, answered = _differing(expected, row["predicted"])
        question = row["inputs"].get("text", row["inputs"])
        rows.append([_plain(question), _plain(expected), _plain(answered), row["error"] or ""])
    return _table(["input", "expected", "answered", "error"], rows) if rows else "None."


def _differing(expected: dict[str, Any], answered: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both objects without what they agree on."""
    names = [name for name in {**expected, **answered} if expected.get(name) != answered.get(name)]
    return {name: expected.get(name) for name in names}, {name: answered.get(name) for name in names}


def _section(heading: str, body: str) -> list[str]:
    return [f"## {heading}", body] if body else []


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [_line(heads), _line(["---"] * len(heads)), *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(escape, cells))} |"
