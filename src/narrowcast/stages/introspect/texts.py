"""Texts that answer texts: questions, instructions, preferences; and text alone."""

from __future__ import annotations

from collections.abc import Iterator

from narrowcast.core.names import TaskProfile
from narrowcast.stages.introspect.profile import Column, Profile
from narrowcast.stages.introspect.report import ShapeHypothesis
from narrowcast.stages.introspect.signs import named, split_column, text_columns, unused

_MOST_COLUMNS_OF_A_PAIR = 5


def question_answer(profile: Profile) -> Iterator[ShapeHypothesis]:
    """Columns called question and answer, with or without a context."""
    question = named(profile, "question", "query")
    answer = named(profile, "answer", "answers")
    if question is None or answer is None or question.share("string") < 0.9:
        return
    context = named(profile, "context", "passage", "paragraph")
    field_map = {"question": question.name, "answer": answer.name}
    if context is not None and context.share("string") > 0.9:
        field_map["context"] = context.name
    choices = answer.distinct
    closed = choices is not None and choices <= 20 and answer.filled >= 16 * choices
    yield ShapeHypothesis(
        shape="questions with answers" + (" and contexts" if "context" in field_map else ""),
        mapper_id="qa_pair_passthrough",
        task_profile=TaskProfile.QA,
        field_map=_with_split(profile, field_map),
        confidence=0.6 if closed else 0.95 if question.mean_words > 2 else 0.75,
        rationale=f"{question.name!r} and {answer.name!r} are named as a question and its answer",
        warnings=[f"{answer.name!r} has {choices} values only: this may be a classification"] * closed
        + _aside(profile, *field_map.values()),
    )


def instruction(profile: Profile) -> Iterator[ShapeHypothesis]:
    """Alpaca's columns, prompt and completion, or two columns of text."""
    output = named(profile, "output", "response", "completion", "target")
    task = named(profile, "instruction", "prompt")
    if task is not None and output is not None and output.share("string") > 0.9:
        field_map = {"instruction": task.name, "output": output.name}
        extra = named(profile, "input")
        if extra is not None and extra.share("string") > 0.9:
            field_map["input"] = extra.name
        yield ShapeHypothesis(
            shape="instructions with outputs",
            mapper_id="instruction_passthrough",
            task_profile=TaskProfile.INSTRUCTION,
            field_map=_with_split(profile, field_map),
            confidence=0.95 if task.name.lower() == "instruction" else 0.85,
            rationale=f"{task.name!r} and {output.name!r} are named as an instruction and its output",
            warnings=_aside(profile, *field_map.values()),
        )
        return
    source = named(profile, "input", "source", "text")
    pair = [source, output] if source and output else text_columns(profile)
    texts = [column for column in pair if column.share("string") > 0.9 and column.mean_words > 2]
    if len(texts) == 2 and len(profile.leaves()) <= _MOST_COLUMNS_OF_A_PAIR:
        yield _pair(profile, texts[0], texts[1])


def _pair(profile: Profile, first: Column, second: Column) -> ShapeHypothesis:
    order = list(profile.columns)
    first, second = sorted((first, second), key=lambda column: order.index(column.name))
    return ShapeHypothesis(
        shape="pairs of texts",
        mapper_id="instruction_passthrough",
        task_profile=TaskProfile.INSTRUCTION,
        field_map={"instruction": first.name, "output": second.name},
        confidence=0.55,
        rationale=f"{first.name!r} and {second.name!r} both hold text; the second may answer the first",
        warnings=["the direction is a guess", *_aside(profile, first.name, second.name)],
    )


def preference(profile: Profile) -> Iterator[ShapeHypothesis]:
    """A chosen and a rejected answer."""
    chosen, rejected = named(profile, "chosen"), named(profile, "rejected")
    if chosen is not None and rejected is not None:
        yield ShapeHypothesis(
            shape="preference pairs",
            confidence=0.96,
            rationale="columns 'chosen' and 'rejected'",
            warnings=["preference pairs are recognised but not trainable yet"],
        )


def text_only(profile: Profile) -> Iterator[ShapeHypothesis]:
    """One column of text and nothing to learn from it."""
    leaves = profile.leaves()
    if len(leaves) == 1 and leaves[0].share("string") > 0.9:
        yield ShapeHypothesis(
            shape="text alone",
            confidence=0.7,
            rationale=f"{leaves[0].name!r} is the only column",
            warnings=["text without answers is recognised but not trainable yet: label some rows first"],
        )


def _with_split(profile: Profile, field_map: dict[str, str]) -> dict[str, str]:
    split = split_column(profile)
    return {**field_map, "split": split.name} if split else field_map


def _aside(profile: Profile, *used: str) -> list[str]:
    names = unused(profile, *used)
    return [f"not used: {', '.join(names[:12])}"] if names else []
