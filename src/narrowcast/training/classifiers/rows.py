"""Rows as a head learns them: rendered, and those it could not learn left out with their reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from narrowcast.core.example import Example
from narrowcast.core.task import TaskSpec
from narrowcast.models.encoders.folder import EncoderFolder
from narrowcast.models.predictors.base import TrainingPair
from narrowcast.models.taggers.tags import tags_of
from narrowcast.tasks import handler_for
from narrowcast.tasks.base import TaskHandler


@dataclass(frozen=True, slots=True)
class LearnableRows:
    """Rendered rows.

    Attributes:
        items: what batches are drawn from: the rows, or the windows that they are read in.
        unlearnable: id of each row that is not among the pairs to the reason.
    """

    pairs: list[TrainingPair]
    items: int
    unlearnable: dict[str, str] = field(default_factory=dict)


def labelled_rows(
    task: TaskSpec,
    examples: Sequence[Example],
    encoder: EncoderFolder | None,  # noqa: ARG001 - the form of `HeadKind.rows`
) -> LearnableRows:
    """Every row; none is too long, as only its vector is learned from."""
    handler = handler_for(task)
    return LearnableRows([_rendered(handler, each) for each in examples], len(examples))


def tagged_rows(task: TaskSpec, examples: Sequence[Example], encoder: EncoderFolder | None) -> LearnableRows:
    """Rows whose spans begin and end where words do.

    Reasons are those of `tags_of`; `no_word`; and `text_not_in_prompt`, where the last user turn does not
    show the text once.
    """
    from narrowcast.models.taggers.trained import word_tokens

    assert encoder is not None
    handler = handler_for(task)
    kept, items, unlearnable = [], 0, {}
    pairs = [_rendered(handler, each) for each in examples]
    read = word_tokens(encoder).of([pair.text for pair in pairs])
    for example, pair, each in zip(examples, pairs, read, strict=True):
        spans = handler.spans_in_turn(pair.text, example.inputs, example.target)
        if spans is None:
            unlearnable[example.id] = "text_not_in_prompt"
            continue
        tags = tags_of(each.words, spans, sorted({kind for kind, _, _ in spans})) or "no_word"
        if isinstance(tags, str):
            unlearnable[example.id] = tags
        else:
            kept.append(replace(pair, spans=tuple(spans)))
            items += len(each.windows)
    return LearnableRows(kept, items, unlearnable)


def _rendered(handler: TaskHandler, example: Example) -> TrainingPair:
    *prompt, answer = handler.to_messages(example.inputs, example.target)
    return TrainingPair(tuple(prompt), answer.content, example.group or "")
