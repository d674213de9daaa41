"""A mapping is tried on rows before it is believed: what its mapper makes of them bounds the confidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from narrowcast.core.example import Example
from narrowcast.core.row import RejectedRow, SourceRow
from narrowcast.stages.import_.introspect.column_doubts import column_doubts
from narrowcast.stages.import_.introspect.dialogues import MESSAGE_NAMES
from narrowcast.stages.import_.introspect.doubt import DOUBTFUL, LEAST_ROWS, Doubt, Trial, as_text
from narrowcast.stages.import_.introspect.profile import Column, Profile
from narrowcast.stages.import_.introspect.report import THRESHOLD, ShapeHypothesis
from narrowcast.stages.import_.introspect.signs import PLAIN_LABELS, base_name, is_judged, unused
from narrowcast.stages.import_.introspect.structured import ANNOTATIONS
from narrowcast.stages.import_.mapping import MAPPERS, mapped_columns
from narrowcast.stages.import_.mapping.base import GathersRecords
from narrowcast.stages.import_.mapping.engine import RowMapping, divided
from narrowcast.stages.import_.mapping.reasons import RejectRow
from narrowcast.stages.import_.mapping.spans import cuts_words
from narrowcast.stages.import_.mapping.turns import read_turns

# Above this share of rejected rows a mapping is not used unasked: in a sample, and over a whole source.
MOST_REJECTED = 0.2
# Reasons of rows that the user, or a rating, left out: not against a mapping.
LEFT_OUT = frozenset({"rated_bad", "filtered_out", "forgotten"})
_WRONG = 0.6
_LONG_ECHO = 5  # words of an answer that no question holds by chance

# Reasons that say that a mapper does not understand a row, not that something is missing in it.
_NOT_UNDERSTOOD = frozenset({
    "text_not_a_string", "invalid_label", "length_mismatch", "invalid_tag", "invalid_target", "invalid_span",
    "span_out_of_bounds", "span_text_mismatch", "missing_tools", "invalid_call", "invalid_messages_shape",
    "unknown_split",
})  # fmt: skip
_MOST_NOT_UNDERSTOOD = 0.05
_MOST_CUT = 0.3  # spans inside words, as of languages that join words

_GENERATIVE = frozenset({"chat", "instruction", "tool_calling", "qa", "rag", "seq2seq"})
_QUESTION = frozenset({
    "system", "system_prompt", "system_message", "system_instruction", "system_instructions", "history",
    "chat_history", "conversation_history", "dialogue_history", "context", "instruction", "prompt",
    "question", "query", "input",
})  # fmt: skip


def try_mapping(mapper_id: str, field_map: Mapping[str, str], rows: Iterable[dict[str, Any]]) -> Trial:
    """Map the rows, which may be a part of all; nothing is kept of the mapper."""
    mapper = MAPPERS.get(mapper_id)(field_map)
    left_out = LEFT_OUT | (mapper.partial if isinstance(mapper, GathersRecords) else frozenset())
    mapping = RowMapping(mapper, field_map, "trial")
    trial = Trial()
    for row in divided((SourceRow(index, data) for index, data in enumerate(rows)), mapper):
        outcome = mapping.map(row)
        if isinstance(outcome, RejectedRow) and outcome.reason in left_out:
            continue
        trial.rows += 1
        if isinstance(outcome, RejectedRow):
            trial.rejected[outcome.reason] += 1
            trial.details.setdefault(outcome.reason, outcome.detail)
        else:
            trial.accepted.append((row.data, outcome.example))
    return trial


def tried(hypothesis: ShapeHypothesis, profile: Profile) -> ShapeHypothesis:
    """The hypothesis with the confidence and the warnings that its rows earn."""
    if hypothesis.mapper_id is None or not profile.drawn:
        return hypothesis
    trial = try_mapping(hypothesis.mapper_id, hypothesis.field_map, profile.drawn)
    doubts = mapping_doubts(hypothesis.mapper_id, hypothesis.field_map, profile, trial)
    doubts += _left_out(hypothesis, profile, trial)
    confidence = hypothesis.confidence - sum(doubt.minus for doubt in doubts)
    confidence = max(0.0, min([confidence, *(doubt.most for doubt in doubts)]))
    doubts.sort(key=lambda doubt: doubt.most)
    own, earned = hypothesis.warnings, [doubt.what for doubt in doubts]
    if hypothesis.confidence < THRESHOLD:  # its particular reason is the first that a refusal says
        return hypothesis.model_copy(update={"warnings": [*own, *earned]})
    warnings = [*earned, *own]
    return hypothesis.model_copy(update={"confidence": round(confidence, 2), "warnings": warnings})


def mapping_doubts(
    mapper_id: str, field_map: Mapping[str, str], profile: Profile, trial: Trial
) -> list[Doubt]:
    """What the rows say against a mapping, whoever named it."""
    task = MAPPERS.get(mapper_id).profile
    alike = try_mapping(mapper_id, field_map, profile.alike if task == "classification" else [])
    return [
        *_rejections(trial),
        *_targets(trial, task),
        *_echoes(trial, task),
        *_cut_words(trial),
        *column_doubts(mapper_id, field_map, profile, trial, alike),
    ]


def rejection_text(rows: int, rejected: Mapping[str, int], details: Mapping[str, str] | None = None) -> str:
    """`60 of 200 rows are rejected: 40 missing_label, 20 invalid_label (0.5)`."""
    example = details or {}
    reasons = sorted(rejected.items(), key=lambda item: -item[1])
    parts = [
        f"{count:,} {reason}{f' ({example[reason]})' if example.get(reason) else ''}"
        for reason, count in reasons
    ]
    return f"{sum(rejected.values()):,} of {rows:,} rows are rejected: {', '.join(parts)}"


def _rejections(trial: Trial) -> list[Doubt]:
    lost = trial.rejected.total()
    if not lost:
        return []
    strange = sum(count for reason, count in trial.rejected.items() if reason in _NOT_UNDERSTOOD)
    many = lost > MOST_REJECTED * trial.rows or strange > _MOST_NOT_UNDERSTOOD * trial.rows
    text = f"of the rows drawn, {rejection_text(trial.rows, trial.rejected, trial.details)}"
    return [Doubt(text, min(DOUBTFUL, 1 - lost / trial.rows) if many else 1.0)]


def _targets(trial: Trial, profile: str) -> list[Doubt]:
    """Targets that hold nothing, or are all the same where the rows are not."""
    accepted = len(trial.accepted)
    if accepted < LEAST_ROWS or profile == "unlabelled":
        return []
    empty = sum(_is_empty(example.target) for _, example in trial.accepted)
    if empty == accepted:
        return [Doubt("every target is empty: there is nothing to learn", _WRONG)]
    if empty > 0.9 * accepted:
        return [Doubt(f"{empty:,} of {accepted:,} targets are empty", DOUBTFUL)]
    targets = {as_text(example.target) for _, example in trial.accepted}
    if len(targets) == 1 and len({as_text(example.inputs) for _, example in trial.accepted}) > 1:
        only = next(iter(targets))
        alone = "; one class teaches nothing" if profile == "classification" else ""
        return [Doubt(f"every target is the same: {only[:60]}{alone}", minus=0.1)]
    return []


def _is_empty(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_empty(each) for each in value.values())
    if isinstance(value, str):
        return not value.strip()
    return value is None or value == []


def _echoes(trial: Trial, profile: str) -> list[Doubt]:
    """Targets that are part of what they are to be learned from."""
    if len(trial.accepted) < LEAST_ROWS:
        return []
    echoes = sum(_echoed(example, profile) for _, example in trial.accepted)
    most = 0.9 if profile == "classification" else 0.5
    if echoes <= most * len(trial.accepted):
        return []
    return [Doubt(f"{echoes:,} of {len(trial.accepted):,} targets are part of their own inputs", DOUBTFUL)]


def _echoed(example: Example, profile: str) -> bool:
    inputs = [each for name, each in example.inputs.items() if name not in ("context", "contexts", "tools")]
    texts = [text for each in inputs for text in _strings(each)]
    target = example.target
    if profile == "classification":
        label = str(target).casefold()
        name = re.escape(label)
        marked = re.compile(
            rf"\W*{name}\s*[:|\])>=-]|.*[:|\[(<=-]\s*{name}\W*$|.*(?:#|__label__){name}\b", re.DOTALL
        )
        return len(label) > 2 and any(_says(text.casefold(), label, marked) for text in texts)
    if isinstance(target, dict):
        if profile != "alignment":
            return False  # an object or spans are read from the text
        target = str(target.get("chosen", ""))
    answer = target.strip()
    if any(answer == text.strip() for text in texts):
        return True
    return len(answer.split()) >= _LONG_ECHO and any(answer in text for text in texts)


def _says(text: str, label: str, marked: re.Pattern[str]) -> bool:
    """Whether a text has a label as a word between spaces, as a tag, or set off at its beginning or end."""
    return f" {label} " in f" {text} " or marked.match(text) is not None


def _cut_words(trial: Trial) -> list[Doubt]:
    """Spans that begin or end inside a word: offsets into another text, or ends that are last characters."""
    judged = cut = mended = 0
    for _, example in trial.accepted:
        text, target = example.inputs.get("text"), example.target
        spans = target.get("spans") if isinstance(target, dict) else None
        if isinstance(text, str) and isinstance(spans, list):
            seen = cuts_words(spans, text)
            judged, cut, mended = judged + seen[0], cut + seen[1], mended + seen[2]
    if cut <= _MOST_CUT * judged:
        return []
    inclusive = mended >= 0.9 * cut
    why = (
        "their ends seem to be last characters: --map ends=inclusive" if inclusive else "offsets may be wrong"
    )
    return [Doubt(f"{cut:,} of {judged:,} spans begin or end inside a word; {why}", DOUBTFUL)]


def _left_out(hypothesis: ShapeHypothesis, profile: Profile, trial: Trial) -> list[Doubt]:
    """Columns that say what a row is worth, or what was asked, and are not used."""
    assert hypothesis.mapper_id is not None
    used = mapped_columns(MAPPERS.get(hypothesis.mapper_id), hypothesis.field_map)
    generative = hypothesis.task_profile in _GENERATIVE
    doubts = []
    for name in unused(profile, *used):
        column = profile.columns[name]
        word = base_name(column)
        values = [data.get(name) for data in profile.drawn]
        varied = len({as_text(value) for value in values}) > 1
        flag = column.share("boolean") > 0.9 or (word in ("label", "labels") and len(column.values) <= 20)
        if generative and word in _QUESTION and any(not _is_empty(value) for value in values):
            if not _is_said(name, trial):
                doubts.append(Doubt(f"{name!r} may belong to what is asked, and is not used", DOUBTFUL))
        elif _is_annotation(column, hypothesis):
            doubts.append(Doubt(f"what is to be learned may also be {name}", DOUBTFUL))
        elif word in MESSAGE_NAMES and column.share("list") > 0.5:
            if _is_said(name, trial):
                continue
            doubts.append(Doubt(f"{name!r} may be a conversation, and is not used", DOUBTFUL))
        elif varied and (is_judged(column) or (generative and flag)):
            most, minus = (DOUBTFUL, 0.0) if generative else (1.0, 0.05)
            doubts.append(Doubt(f"{name!r} may say which rows are good, and is not used", most, minus))
    return doubts or _judged_inside(hypothesis, profile, used)


def _judged_inside(hypothesis: ShapeHypothesis, profile: Profile, used: list[str]) -> list[Doubt]:
    """Values inside unused objects that say what an answer is worth, such as `metadata.feedback.thumbs`."""
    left = {f"{name}." for name in unused(profile, *used)}
    inside = [
        column.name
        for column in profile.leaves()
        if column.name.startswith(tuple(left)) and is_judged(column) and len(column.values) > 1
    ]
    if not inside or hypothesis.task_profile not in _GENERATIVE:
        return []
    return [Doubt(f"{inside[0]!r} may say which rows are good, and is not used", DOUBTFUL)]


def _is_annotation(column: Column, hypothesis: ShapeHypothesis) -> bool:
    """Whether lists or objects of a column were made for its texts, as what is to be learned was."""
    if hypothesis.mapper_id not in ("label_to_classification", "labels_to_multi_label", "kv_to_structured"):
        return False
    plain = any(name.rpartition(".")[2].lower() in PLAIN_LABELS for name in hypothesis.field_map.values())
    names = {"entities", "slots", "spans"} if plain else ANNOTATIONS
    return base_name(column) in names and column.share("list", "object") > 0.5


def _is_said(name: str, trial: Trial) -> bool:
    """Whether what a column holds is in the examples all the same, as a prompt is that opens the messages."""
    filled = [(data.get(name), example) for data, example in trial.accepted if not _is_empty(data.get(name))]
    held = 0
    for value, each in filled:
        known = _strings([each.inputs, each.target])
        parts = [value] if isinstance(value, str) else _said_in(value)
        held += bool(parts) and all(any(words.strip() in text for text in known) for words in parts)
    return bool(filled) and held >= 0.9 * len(filled)


def _said_in(value: Any) -> list[str]:
    """The words of a list of turns; none where it is something else."""
    try:
        return [turn.content for turn in read_turns(value)]
    except RejectRow:
        return []


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in _strings(each)]
    if isinstance(value, list):
        return [text for each in value for text in _strings(each)]
    return []
