"""Answers that were rated one by one → pairs of a good and a bad answer to one prompt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from narrowcast.core.hashing import canonical_json
from narrowcast.core.row import SourceRow
from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping.base import Role, getter, optional_getter
from narrowcast.stages.import_.mapping.engine import is_good
from narrowcast.stages.import_.mapping.held import Held
from narrowcast.stages.import_.mapping.preference_pair import PreferencePair
from narrowcast.stages.import_.mapping.reasons import RejectRow
from narrowcast.stages.import_.mapping.turns import read_turns

_CHOSEN, _REJECTED = "chosen", "rejected"


@dataclass(slots=True)
class _Answers:
    """The rated answers to one prompt."""

    good: list[SourceRow] = field(default_factory=list)
    bad: list[SourceRow] = field(default_factory=list)


class RatedToPreference:
    """As KTO's data: prompt, answer and whether it is good. Pairs are made where a prompt has both.

    Each answer is in at least one pair: of two good and three bad answers, three pairs are made. The pairs of
    one prompt stay in one split. All answers are held in memory.
    """

    id = "rated_to_preference"
    meaning = "answers that are rated one by one: those to one prompt become pairs of a good and a bad one"
    profile = "alignment"
    partial = frozenset({"unpaired_answer"})
    roles = (
        Role("prompt", "the prompt, or the whole conversation where no column holds the answer"),
        Role("rating", "whether the answer is good: true or false, 1 or 0, thumbs_up or thumbs_down"),
        Role("answer", "the answer: a text, a turn or a list of turns", required=False),
        Role("input", "what the prompt is to be done with", required=False),
        Role("system", "system prompt that stands beside the prompt", required=False),
    )

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:
        self._prompt = getter(field_map["prompt"])
        self._rating = getter(field_map["rating"])
        self._answer = optional_getter(field_map, "answer")
        self._beside = [getter(field_map[name]) for name in ("input", "system") if name in field_map]
        self._answers = self._pairs = 0
        self._left = {field_map["rating"], field_map.get("answer", "")}
        pair = {name: field_map[name] for name in ("prompt", "input", "system") if name in field_map}
        self._pair = PreferencePair({**pair, "chosen": _CHOSEN, "rejected": _REJECTED}, closed)

    def gathered(self, rows: Iterable[SourceRow]) -> Iterator[SourceRow]:
        """The pairs of each prompt, in the order of prompts; then the answers without a counterpart."""
        held = Held("rated answers")
        prompts: dict[bytes, _Answers] = {}
        alone: list[SourceRow] = []
        for row in rows:
            good = is_good(self._rating(row.data)) if row.error is None else None
            if good is None:
                yield row
                continue
            held.add(row.data)
            self._answers += 1
            key = self._key(row.data)
            if key is None:
                alone.append(row)
                continue
            answers = prompts.setdefault(key, _Answers())
            (answers.good if good else answers.bad).append(row)
        for answers in prompts.values():
            if not answers.good or not answers.bad:
                alone += answers.good + answers.bad
                continue
            pairs = max(len(answers.good), len(answers.bad))
            for number in range(pairs):
                chosen = answers.good[number % len(answers.good)]
                rejected = answers.bad[number % len(answers.bad)]
                record = answers.good[0].index if pairs > 1 else None
                self._pairs += 1
                yield SourceRow(chosen.index, self._paired(chosen.data, rejected.data), record=record)
        yield from alone

    def _paired(self, chosen: dict[str, Any], rejected: dict[str, Any]) -> dict[str, Any]:
        read = self._answer or self._prompt
        rest = {name: value for name, value in chosen.items() if name not in self._left}
        return {**rest, _CHOSEN: read(chosen), _REJECTED: read(rejected)}

    def _key(self, data: Mapping[str, Any]) -> bytes | None:
        """What is asked, without white space around it; None where it cannot be read."""
        prompt = self._prompt(data)
        if isinstance(prompt, list) or self._answer is None:
            try:
                turns = [[turn.role, turn.content.strip()] for turn in read_turns(prompt)]
            except RejectRow:
                return None
            prompt = turns if self._answer is not None else turns[:-1]
        elif isinstance(prompt, str):
            prompt = prompt.strip()
        return canonical_json([prompt, *(read(data) for read in self._beside)]) if prompt else None

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """As `preference_pair`."""
        rating = self._rating(data)
        if _CHOSEN in data and _REJECTED in data and rating is None:
            return self._pair.transform(data)
        if rating is not None and rating != "" and is_good(rating) is None:
            raise RejectRow("unknown_rating", str(rating)[:80])
        raise RejectRow("unpaired_answer")

    def notes(self) -> list[str]:
        """How many pairs the answers made."""
        return [f"{self._answers:,} rated answers are {self._pairs:,} pairs"]

    def task(self) -> TaskSpec:
        """Nothing but the profile."""
        return TaskSpec(profile=self.profile)
