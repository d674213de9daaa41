"""The judge's rubric: seven dimensions from 1 to 5, and the rule by which a row is accepted."""

from __future__ import annotations

from typing import Any

from narrowcast.core.generation import Judgement
from narrowcast.factory.answers import parse_json
from narrowcast.factory.options import JudgeOptions
from narrowcast.teacher.call import Answer

DIMENSIONS = ("realism", "correctness", "format", "difficulty", "diversity", "learnability", "safety")

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "decision": {"enum": ["accept", "reject"]},
        "scores": {
            "type": "object",
            "properties": {name: {"type": "integer", "minimum": 1, "maximum": 5} for name in DIMENSIONS},
            "required": list(DIMENSIONS),
            "additionalProperties": False,
        },
        "reason": {"type": "string"},
        "fixed_row": {"anyOf": [{"type": "object"}, {"type": "null"}]},
    },
    "required": ["decision", "scores", "reason", "fixed_row"],
    "additionalProperties": False,
}


def read_judgement(index: int, answer: Answer, options: JudgeOptions) -> Judgement:
    """Read an answer and apply the rule; an answer that cannot be read accepts nothing."""
    from jsonschema import Draft202012Validator

    value, error = parse_json(answer.text)
    if error is None:
        fault = next(Draft202012Validator(SCHEMA).iter_errors(value), None)
        error = f"the judgement does not fit its schema: {fault.message[:120]}" if fault else None
    if error is not None:
        return Judgement(index=index, accepted=False, why=error, reason=answer.text[:500])
    scores: dict[str, int] = value["scores"]
    faults = shortfalls(scores, options)
    if value["decision"] == "reject":
        faults.append("the judge rejects it")
    return Judgement(
        index=index,
        accepted=not faults,
        why="; ".join(faults),
        scores=scores,
        total=sum(scores.values()),
        decision=value["decision"],
        reason=value["reason"],
        fixed_row=value["fixed_row"],
    )


def shortfalls(scores: dict[str, int], options: JudgeOptions) -> list[str]:
    """Scores under their minimum: the total, correctness, format and safety have one each."""
    total = sum(scores[name] for name in DIMENSIONS)
    least = {
        "correctness": options.min_correctness,
        "format": options.min_format,
        "safety": options.min_safety,
    }
    faults = [f"total {total} of 35, under {options.min_total}"] if total < options.min_total else []
    return faults + [
        f"{name} {scores[name]}, under {need}" for name, need in least.items() if scores[name] < need
    ]
