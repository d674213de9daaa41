"""Why a row was rejected: a closed list, to which a mapper of a plug-in adds what it declares.

Reasons are stable, because ledgers count them by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

REJECTIONS: dict[str, str] = {
    # reading
    "parse_error": "the record could not be read from its source",
    "forgotten": "the record was deleted on request (`data forget`) and is not imported again",
    "filtered_out": "the record was left out by `--where`",
    # what the model is to see
    "missing_text": "the text is absent or only white space",
    "text_not_a_string": "the text is a list or an object",
    "missing_tokens": "the list of tokens is absent or empty",
    "missing_question": "the question is absent or empty",
    "missing_instruction": "the instruction is absent or empty",
    # what it is to answer
    "missing_label": "the label is absent or empty",
    "invalid_label": "a fraction, an object, a list where one label is needed, or no list where several are",
    "label_not_allowed": "the label is not in the closed label set of the task",
    "missing_tags": "the list of tags is absent",
    "length_mismatch": "the numbers of tags and of tokens differ",
    "invalid_tag": "a tag is not O, B-TYPE, I-TYPE or their BIOES forms",
    "missing_target": "the object to extract is absent",
    "invalid_target": "the object to extract is not a JSON object",
    "missing_fields": "none of the fields' columns is in the row",
    "field_not_allowed": "the object has a field that is not in the output schema of the task",
    "invalid_span": "a span has no type or no numeric end",
    "span_out_of_bounds": "a span ends before it begins, or is outside the text",
    "span_text_mismatch": "the text of a span differs from the text at its offsets",
    "missing_answer": "the answer is absent or empty",
    "missing_output": "the output is absent or empty",
    "missing_separator": "the separator does not occur in the output",
    # preferences
    "missing_chosen": "the preferred answer is absent or empty",
    "missing_rejected": "the answer that was not preferred is absent or empty",
    "unequal_prompts": "the two conversations differ before their last reply",
    "answer_in_prompt": "the prompt is the preferred answer itself",
    "equal_answers": "both answers are the same",
    "unpaired_answer": "no answer to the same prompt has the other rating",
    # tool calls
    "missing_tools": "the tool definitions are not a list of named functions",
    "missing_calls": "neither a call is given nor the information that none is expected",
    "invalid_call": "a call is neither a function with arguments nor its JSON or Python text",
    "positional_arguments": "a call gives arguments without their names, and no tool definition names them",
    "unknown_tool": "a call names a function that the row does not define",
    # conversations
    "invalid_messages_shape": "the messages are not a list of turns with a role and a text",
    "no_valid_turns": "there is no turn before the assistant's last reply",
    "missing_assistant_reply": "the conversation does not end with the assistant's reply",
    "nothing_to_learn": "every reply of the assistant has the weight 0",
    "unlinked_message": "the message is in no conversation: the one before is missing, or its id repeated",
    # what people thought of it
    "rated_bad": "the rating says that the answer is a bad one",
    "unknown_rating": "the rating is neither good nor bad",
    # where it may be used
    "unknown_split": "the value of the split column is not the name of a split",
}


_DECLARED = TypeAdapter(
    dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Annotated[str, Field(pattern=r"\S")]]
)


def own_reasons(mapper: object) -> Mapping[str, str]:
    """The reasons that a mapper declares beside the closed list, each with its meaning."""
    declared: Mapping[str, str] = getattr(mapper, "reasons", {})
    return declared


def check_own_reasons(mapper: object) -> str:
    """What is wrong with the reasons that a mapper declares; empty where nothing is."""
    try:
        declared = _DECLARED.validate_python(own_reasons(mapper))
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"] if part != "[key]")
        return f"declares wrong reasons: {place}: {fault['msg'].lower()}"
    taken = sorted(declared.keys() & REJECTIONS.keys())
    return f"declares the reasons {', '.join(taken)}, which every mapper has" if taken else ""


class RejectRow(Exception):  # noqa: N818 - a signal to the mapping loop, not an error of the program
    """Raised by a mapper for a row that cannot become an example.

    Args:
        reason: of `REJECTIONS`, or declared by the mapper.
        detail: what is wrong with this row.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def require_text(value: object, missing: str) -> str:
    """A text as it is, white space included; numbers and booleans are written out.

    Raises:
        RejectRow: `missing` where there is nothing, `text_not_a_string` for lists and objects.
    """
    if isinstance(value, str):
        if not value.strip():
            raise RejectRow(missing)
        return value
    if value is None:
        raise RejectRow(missing)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise RejectRow("text_not_a_string", f"found {type(value).__name__}")
