"""Answering from retrieved passages, scored as SQuAD is and for staying with the passages.

`k_precision` (Adlakha et al., 2024, "Evaluating Correctness and Faithfulness of Instruction-Following Models
for Question Answering", TACL) is the share of an answer's words that are in its passages: words from
elsewhere lower it. It measures grounding, not truth.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from narrowcast.core.example import Example, Target
from narrowcast.core.message import Message
from narrowcast.core.metric import Gate
from narrowcast.core.names import AnswerKind
from narrowcast.core.prediction import Prediction
from narrowcast.tasks.base import Parsed, TaskHandler, TaskScores
from narrowcast.tasks.generation import accepted_answers, normal_answer, qa_scores
from narrowcast.tasks.prompt import conversation
from narrowcast.tasks.row_means import mean_scores
from narrowcast.tasks.row_shape import RowShape, passage_rows

_METRICS = ("exact_match", "token_f1", "answer_rate", "k_precision")


class RagHandler(TaskHandler):
    """Inputs are `{"contexts": [...], "question": ...}`; a target is a text or `{"answers": [...]}`."""

    answer = AnswerKind.TEXT
    default_instruction = "Answer the question from the passages alone, as short as possible."
    request_fields = frozenset({"contexts"})

    def check(self, example: Example) -> str | None:
        """`empty_input`, `contexts_missing` or `target_empty`; None where the example can serve."""
        if not str(example.inputs.get("question") or "").strip():
            return "empty_input"
        contexts = example.inputs.get("contexts")
        if not isinstance(contexts, list) or not any(str(each).strip() for each in contexts):
            return "contexts_missing"
        accepted = accepted_answers(example.target)
        return None if accepted and accepted[0].strip() else "target_empty"

    def to_messages(self, inputs: Mapping[str, Any], target: Target | None = None) -> list[Message]:
        """Instruction, numbered passages and the question, the answer."""
        answer = None if target is None else accepted_answers(target)[0]
        if "messages" in inputs:
            return conversation(self.instruction, inputs, answer)
        return conversation(self.instruction, {"text": _prompt(inputs)}, answer)

    def request_inputs(
        self,
        messages: list[dict[str, Any]],
        fields: Mapping[str, Any],
        measured: Mapping[str, bool],  # noqa: ARG002 - a row always has passages
    ) -> dict[str, Any]:
        """Passages from `contexts` and the question from the user's turn, or a turn that holds both."""
        *before, question = messages
        if any(turn["role"] != "system" for turn in before):
            raise ValueError("the model was measured on single questions; send one user turn")
        if fields.get("contexts"):
            text = _prompt({"contexts": fields["contexts"], "question": question["content"]})
            return {"messages": [*before, {"role": "user", "content": text}]}
        if not _WRITTEN_OUT.match(question["content"]):
            raise ValueError(
                "the model answers from passages; send them as `contexts`, a list of texts beside `messages`"
                ', or write the user turn as in training: "[1] PASSAGE", an empty line, "question: QUESTION"'
            )
        return {"messages": messages}

    def parse(self, text: str) -> Parsed:
        """The text without white space around it; `empty_answer` where nothing is left."""
        answer = text.strip()
        return Parsed(answer) if answer else Parsed(error="empty_answer")

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> TaskScores:
        """Means over rows; an empty answer scores 0."""
        answers = [self.parse(prediction.text) for prediction in predictions]
        rows = [
            _row_scores(str(answer.value or ""), example)
            for example, answer in zip(examples, answers, strict=True)
        ]
        return mean_scores(_METRICS, "token_f1", rows, examples, answers)

    def default_gates(self) -> list[Gate]:
        """Hardly an answer may be empty, and answers stay with their passages."""
        return [
            Gate(gate_id="answers_not_empty", metric="answer_rate", operator="gte", threshold=0.98),
            Gate(gate_id="answers_grounded", metric="k_precision", operator="gte", threshold=0.9),
        ]

    def row_shape(self) -> RowShape:
        """Passages, a question, its answer."""
        return passage_rows()


_WRITTEN_OUT = re.compile(r"\[1\] .*\n\nquestion: ", re.DOTALL)


def _prompt(inputs: Mapping[str, Any]) -> str:
    """Numbered passages, then the question."""
    passages = [f"[{number}] {text}" for number, text in enumerate(inputs["contexts"], start=1)]
    return "\n\n".join([*passages, f"question: {inputs['question']}"])


def _row_scores(answer: str, example: Example) -> tuple[float, ...]:
    words = normal_answer(answer).split()
    known = Counter(normal_answer(" ".join(map(str, example.inputs["contexts"]))).split())
    grounded = sum((Counter(words) & known).values()) / len(words) if words else 0.0
    return (*qa_scores(answer, accepted_answers(example.target)), grounded)
