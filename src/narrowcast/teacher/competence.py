"""Ten questions that a model has to answer before it writes or judges rows.

A model that cannot add, follow an instruction, choose a label or write JSON writes rows that the gates must
throw away, after they were paid for. Measured, SmolLM2 of 135 M parameters fails both sets. Of two answers, a
weak judge takes the one in a certain place; so judges are asked for the better one in both orders.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Role = Literal["teacher", "judge"]

PASS_MARK = 8
"""Right answers of ten; a judge that always takes the second place has at most seven."""

_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_ALONE = "Answer with the number alone."


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, a right answer, and what counts as one."""

    prompt: str
    answer: str
    accepts: Callable[[str, str], bool]

    def is_right(self, text: str) -> bool:
        """Whether a model's answer is right; what it thought aloud does not count."""
        return self.accepts(_THOUGHT.sub("", text).strip(), self.answer)


def questions(role: Role) -> tuple[Question, ...]:
    """The ten of a role."""
    return _JUDGE if role == "judge" else _TEACHER


def _number(text: str, answer: str) -> bool:
    """The last number is the answer: some models repeat the question first."""
    numbers = _NUMBER.findall(text.replace(",", ""))
    return bool(numbers) and float(numbers[-1]) == float(answer)


def _words(text: str, answer: str) -> bool:
    return text.strip(" .\"'`*\n") == answer


def _label(text: str, answer: str) -> bool:
    return text.strip(" .\"'`*\n").casefold() == answer.casefold()


def _place(text: str, answer: str) -> bool:
    """A or B at the beginning: reasons may follow."""
    return re.match(rf"(answer:?\s*)?\W*{answer}\b", text, re.IGNORECASE) is not None


def _json(text: str, answer: str) -> bool:
    start, stop = text.find("{"), text.rfind("}")
    try:
        return bool(_plain(json.loads(text[start : stop + 1])) == _plain(json.loads(answer)))
    except (ValueError, RecursionError):  # none, or one nested without end
        return False


def _plain(value: Any) -> Any:
    """Without case and the order of lists."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return sorted(map(str, map(_plain, value)))
    return value.casefold() if isinstance(value, str) else value


def _labelled(labels: str, message: str, answer: str) -> Question:
    return Question(
        f"Which label fits this message? Labels: {labels}. Message: {message} Answer with the label alone.",
        answer,
        _label,
    )


def _pair(question: str, right: str, wrong: str) -> tuple[Question, Question]:
    """The same question twice, with the right answer in either place."""
    form = "{} A: {} B: {} Answer with A or B alone."
    return (
        Question(form.format(question, right, wrong), "A", _place),
        Question(form.format(question, wrong, right), "B", _place),
    )


_SUM = Question(f"What is 17 + 26? {_ALONE}", "43", _number)
_PRODUCT = Question(f"A box holds 12 eggs. How many eggs are in 7 boxes? {_ALONE}", "84", _number)
_BILLING = _labelled("billing, shipping, returns", "You charged my card twice.", "billing")
_OBJECT = Question(
    'Answer with a JSON object that has the keys "city" (text) and "year" (number), and nothing else. '
    "Text: The bridge in Porto was opened in 1886.",
    '{"city": "Porto", "year": 1886}',
    _json,
)

_TEACHER = (
    _SUM,
    _PRODUCT,
    Question(
        f"A train leaves at 14:50 and arrives at 16:05. How many minutes does it take? {_ALONE}",
        "75",
        _number,
    ),
    Question("Write the word harbour in capital letters. Answer with that word alone.", "HARBOUR", _words),
    Question(
        "Repeat these three words in reverse order, in one line and without anything else: red green blue",
        "blue green red",
        _words,
    ),
    _BILLING,
    _labelled("billing, shipping, returns", "My parcel is two weeks late.", "shipping"),
    _labelled("positive, negative", "I wanted to love this lamp, but it broke on the first day.", "negative"),
    _OBJECT,
    Question(
        'Answer with a JSON object whose only key is "animals", a list of the animals in this sentence: '
        "The dog chased a cat past the house.",
        '{"animals": ["dog", "cat"]}',
        _json,
    ),
)

_JUDGE = (
    _SUM,
    _PRODUCT,
    _BILLING,
    _OBJECT,
    *_pair("Which answer to the question for the capital of France is right?", "Paris.", "Berlin."),
    *_pair("Which message asks for a refund?", "Please send my money back.", "When do you open on Sunday?"),
    *_pair("Which sentence is written correctly?", "She goes to school.", "She go to the shool."),
)
