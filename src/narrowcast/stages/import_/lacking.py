"""What rows lack of which no mapping can be proposed, and the command that comes nearest to a task."""

from __future__ import annotations

from narrowcast.stages.import_.introspect.blocks import block_warning
from narrowcast.stages.import_.introspect.report import ColumnSummary, IntrospectionReport
from narrowcast.stages.import_.introspect.signs import LEAST_ROWS, in_expression, is_label_name

_WORDS = 1.8  # on average, of texts that are read
_MOST_ANSWERS = 50
_MOST_NAMED = 6
_PLAIN = {"string", "number", "boolean"}


def lacking(report: IntrospectionReport) -> str:
    """What most often is the reason: too few rows, a label of one value, no text, no answer."""
    if report.rows < LEAST_ROWS:
        return f"there are {report.rows} rows, and at least {LEAST_ROWS} are needed"
    merged = [each for each in report.columns if each.name in report.blocks]
    if merged:
        filled = report.rows - report.unparseable - merged[0].empty
        return block_warning(merged[0].name, filled, report.rows)
    single = [each.name for each in report.columns if each.distinct == 1 and is_label_name(each.name)]
    if single:
        return f"{single[0]!r} has the same value in all rows"
    texts, answers = _texts(report), _answers(report)
    could = f"; the answer could be {', '.join(map(_described, answers[:_MOST_NAMED]))}" if answers else ""
    if not texts:
        return f"no column holds texts of several words, which a model is to read{could}"
    read = ", ".join(repr(each.name) for each in texts[:3])
    if not answers:
        return f"{read} can be read, but no column holds an answer: few values that repeat, or a second text"
    return f"{read} can be read{could}; none is named or distributed like one"


def nearest_mapping(report: IntrospectionReport) -> str:
    """Options that import the rows, where the answer is the first column it could be; empty without any."""
    texts, answers = _texts(report), _answers(report)
    if report.rows < LEAST_ROWS or not answers:
        return ""
    answer = answers[0].name
    if texts:
        pairs = f"text={texts[0].name},label={answer}"
        return f"--mapper label_to_classification --map '{pairs}', if {answer!r} is the answer"
    others = [
        each.name
        for each in report.columns
        if each.name not in (answer, "id", "index", "key")
        and each.types
        and set(each.types) <= _PLAIN
        and _is_plain(each.name)
    ]
    if not others or not _is_plain(answer):
        return ""
    joined = ' + ", " + '.join(f'"{name}: " + text({in_expression(name)})' for name in others[:_MOST_NAMED])
    return (
        f"--derive 'text = {joined}' --mapper label_to_classification --map 'text=text,label={answer}', "
        f"if {answer!r} follows from the others"
    )


def _texts(report: IntrospectionReport) -> list[ColumnSummary]:
    texts = [
        each
        for each in report.columns
        if (each.mean_words or 0) >= _WORDS and (each.distinct is None or each.distinct > 0.3 * report.rows)
    ]
    return sorted(texts, key=lambda each: each.mean_words or 0, reverse=True)


def _answers(report: IntrospectionReport) -> list[ColumnSummary]:
    """Columns of few values, those named like labels first, names before numbers."""
    few = [
        each
        for each in report.columns
        if each.distinct is not None and 2 <= each.distinct <= min(_MOST_ANSWERS, report.rows / 4)
    ]
    return sorted(few, key=lambda each: (not is_label_name(each.name), each.example[:1].isdigit()))


def _described(column: ColumnSummary) -> str:
    return f"{column.name!r} ({column.distinct} values)"


def _is_plain(name: str) -> bool:
    """Whether a name can be written in a quoted option as it is."""
    return not {"'", '"', "`", ",", "=", "|"} & set(name)
