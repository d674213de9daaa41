"""Free text: question answering, instructions, conversations, rewriting.

Question answering is scored as SQuAD does: exact match and token F1 after lower-casing and removing
punctuation, articles and repeated white space; the best of the accepted answers counts. Everything else by
ROUGE-L (rouge-score, F-measure) and chrF (sacrebleu, sentence level), both from 0 to 1. Words are those of
`tasks.words`, in any script. For free text these measure likeness to the reference, not truth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from narrowcast.core.example import Example, Target
from narrowcast.core.message import Message
from narrowcast.core.metric import Gate
from narrowcast.core.names import AnswerKind
from narrowcast.core.prediction import Prediction
from narrowcast.tasks.base import Parsed, TaskHandler, TaskScores
from narrowcast.tasks.prompt import conversation, missing_input
from narrowcast.tasks.row_means import mean_scores
from narrowcast.tasks.row_shape import RowShape, conversation_rows, text_rows
from narrowcast.tasks.words import answer_words, words

# An answer and the accepted ones → one value per metric.
_RowMeasure = Callable[[str, Sequence[str]], tuple[float, ...]]


class GenerationHandler(TaskHandler):
    """The answer is text. A target may be `{"answers": [...]}`; the first is the one learned."""

    answer = AnswerKind.TEXT

    def check(self, example: Example) -> str | None:
        """`empty_input` or `target_empty`; None where the example can serve."""
        if missing_input(example.inputs):
            return "empty_input"
        accepted = accepted_answers(example.target)
        return None if accepted and accepted[0].strip() else "target_empty"

    def to_messages(self, inputs: Mapping[str, Any], target: Target | None = None) -> list[Message]:
        """Instruction, input, answer."""
        return conversation(self.instruction, inputs, None if target is None else accepted_answers(target)[0])

    def parse(self, text: str) -> Parsed:
        """The text without white space around it; `empty_answer` where nothing is left."""
        answer = text.strip()
        return Parsed(answer) if answer else Parsed(error="empty_answer")

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> TaskScores:
        """Means over rows; an empty answer scores 0."""
        names, primary, measure = self._measure()
        answers = [self.parse(prediction.text) for prediction in predictions]
        rows = [
            measure(str(answer.value or ""), accepted_answers(example.target))
            for example, answer in zip(examples, answers, strict=True)
        ]
        return mean_scores(names, primary, rows, examples, answers)

    def default_gates(self) -> list[Gate]:
        """Hardly an answer may be empty."""
        return [Gate(gate_id="answers_not_empty", metric="answer_rate", operator="gte", threshold=0.98)]

    def _measure(self) -> tuple[tuple[str, ...], str, _RowMeasure]:
        """Names of the metrics, the one that decides, and the function of an answer and the accepted ones."""
        return _TEXT_METRICS, "rouge_l", text_measure()


class QuestionHandler(GenerationHandler):
    """Questions about a context, scored as SQuAD is."""

    default_instruction = "Answer the question from the context, as short as possible."

    def row_shape(self) -> RowShape:
        """Context, question, answer."""
        return text_rows("context", "question", target="answer", answers=True)

    def _measure(self) -> tuple[tuple[str, ...], str, _RowMeasure]:
        return _QA_METRICS, "token_f1", qa_scores


class InstructionHandler(GenerationHandler):
    """Instructions with or without an input."""

    def row_shape(self) -> RowShape:
        """Instruction, input (may be empty), output."""
        return text_rows("instruction", "input", target="output", optional=["input"])


class RewritingHandler(GenerationHandler):
    """A text becomes another text."""

    default_instruction = "Rewrite the text. Answer with the new text and nothing else."
    lora_rank = 32

    def row_shape(self) -> RowShape:
        """A text and the new text."""
        return text_rows("text", target="output")


class ChatHandler(GenerationHandler):
    """Conversations, of which the assistant's last turn is the answer."""

    learned_turns = "all"  # each turn of the assistant is an answer as good as the last

    def row_shape(self) -> RowShape:
        """The turns."""
        return conversation_rows()


_QA_METRICS = ("exact_match", "token_f1", "answer_rate")
_TEXT_METRICS = ("exact_match", "rouge_l", "chrf", "answer_rate")


def accepted_answers(target: Target) -> list[str]:
    """Every answer that counts as right; the first is the one learned."""
    if isinstance(target, str):
        return [target]
    answers = target.get("answers", [])
    return [str(each) for each in answers] if isinstance(answers, list) else []


def normal_answer(text: str) -> str:
    """SQuAD's normal form: lower case, without punctuation, articles and repeated white space."""
    return " ".join(answer_words(text))


def _token_f1(answer: str, reference: str) -> float:
    given, expected = answer.split(), reference.split()
    if not given or not expected:
        return float(given == expected)
    shared = sum((Counter(given) & Counter(expected)).values())
    return 2 * shared / (len(given) + len(expected))


def qa_scores(answer: str, accepted: Sequence[str]) -> tuple[float, ...]:
    """Exact match, token F1 and whether there is an answer, against the best of the accepted ones."""
    given, expected = normal_answer(answer), [normal_answer(each) for each in accepted]
    exact = float(given in expected)
    return exact, max(_token_f1(given, each) for each in expected), float(bool(answer))


class _Words:
    """What `RougeScorer` splits texts with."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


def text_measure() -> _RowMeasure:
    """Exact match, ROUGE-L and chrF of an answer against the best of its references."""
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import CHRF

    rouge, chrf = RougeScorer(["rougeL"], tokenizer=_Words()), CHRF()

    def measure(answer: str, accepted: Sequence[str]) -> tuple[float, ...]:
        exact = float(answer in [each.strip() for each in accepted])
        # Texts without a word, such as "?", are alike where they are equal; ROUGE cannot tell.
        likeness = max(exact, *(rouge.score(each, answer)["rougeL"].fmeasure for each in accepted))
        return exact, likeness, chrf.sentence_score(answer, list(accepted)).score / 100, float(bool(answer))

    return measure
