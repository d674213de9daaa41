"""Conversations written as one text: transcripts, and what the prompt templates of models make of turns."""

from __future__ import annotations

import json
import re
from typing import Any

# A speaker's mark, and what ends a turn. The first form whose first mark opens the text is taken.
_FORMS = (
    (re.compile(r"<\|im_start\|>[ ]*(?P<role>\w+)[ ]*\n"), re.compile(r"<\|im_end\|>")),
    (
        re.compile(r"<\|start_header_id\|>(?P<role>\w+)<\|end_header_id\|>\s*"),
        re.compile(r"<\|eot_id\|>|<\|end_of_text\|>"),
    ),
    (re.compile(r"<start_of_turn>(?P<role>user|model|system)\n"), re.compile(r"<end_of_turn>|<eos>")),
    (
        re.compile(r"<\|(?P<role>system|user|assistant)\|>\s*"),
        re.compile(r"</s>|<\|end\|>|<\|endoftext\|>"),
    ),
    (
        re.compile(r"(?:\A|\s)(?P<role>SYSTEM|USER|ASSISTANT|FUNCTION RESPONSE):[ \t]*"),
        re.compile(r"<\|endoftext\|>"),
    ),
    (re.compile(r"(?:\A|\n\n)(?P<role>Human|Assistant):[ \t]*"), re.compile(r"<\|endoftext\|>")),
    (
        re.compile(r"(?<!#)#{2,3} ?(?P<role>Human|Assistant|System|User|Instruction|Response):[ \t]*"),
        re.compile(r"</s>|<\|endoftext\|>"),
    ),
)
_BEGIN = re.compile(r"\s*(?:<\|begin_of_text\|>|<bos>|<s>)?\s*")
_ROLES = {"function response": "tool", "instruction": "user", "response": "assistant"}
_INST = re.compile(r"\[INST\](?P<request>.*?)\[/INST\](?P<reply>.*?)(?=<s>|\[INST\]|\Z)", re.DOTALL)
_SYS = re.compile(r"\s*<<SYS>>(?P<system>.*?)<</SYS>>", re.DOTALL)
_INPUT = re.compile(r"\n+#{2,3} ?Input:[ \t]*")
_SYSTEM = re.compile(r"\ASYSTEM:\s*")
_PREAMBLE = 400  # characters before an instruction that may introduce it

_CALL = re.compile(r"<functioncall>\s*(?P<call>\{.*\})", re.DOTALL)
_QUOTED = re.compile(r"(?P<before>\"arguments\":\s*)'(?P<text>.*)'(?P<after>\s*\})", re.DOTALL)


def spoken_turns(text: str) -> list[dict[str, Any]] | None:
    """The turns of a text, `{"role", "content"}`; None where it is another text."""
    begin = _BEGIN.match(text)
    text = text[begin.end() :] if begin else text
    if text.startswith("[INST]"):
        return _inst_turns(text)
    for mark, end in _FORMS:
        marks = list(mark.finditer(text))
        if not marks:
            continue
        before = text[: marks[0].start()].strip()
        if before and not (marks[0]["role"] == "Instruction" and len(before) <= _PREAMBLE):
            continue
        ends = [each.start() for each in marks[1:]] + [len(text)]
        turns = [{"role": "system", "content": before}] if before else []
        for each, stop in zip(marks, ends, strict=True):
            role, content = each["role"].lower(), end.sub("", text[each.end() : stop])
            content = (_INPUT.sub("\n", content) if role == "instruction" else content).strip()
            turns.append({"role": _ROLES.get(role, role), "content": content})
        if any(turn["role"] in ("user", "human") for turn in turns):
            return [turn for turn in turns if turn["content"]]
    return None


def _inst_turns(text: str) -> list[dict[str, Any]] | None:
    """Turns between `[INST]` marks, as Llama 2 and Mistral have them."""
    turns = []
    for pair in _INST.finditer(text):
        request = pair["request"]
        system = _SYS.match(request)
        if system is not None:
            turns.append({"role": "system", "content": system["system"].strip()})
            request = request[system.end() :]
        turns.append({"role": "user", "content": request.strip()})
        reply = pair["reply"].replace("</s>", "").strip()
        if reply:
            turns.append({"role": "assistant", "content": reply})
    return turns or None


def function_call(text: str) -> tuple[str, Any] | None:
    """The words before a `<functioncall>` and the call behind it; None where there is none.

    Its arguments may be JSON text between single quotes, which JSON itself does not know.
    """
    match = _CALL.search(text)
    if match is None:
        return None
    quoted = _QUOTED.search(match["call"])
    try:
        if quoted is not None:
            whole = match["call"][: quoted.start()] + quoted["before"] + "null" + quoted["after"]
            call = {**json.loads(whole), "arguments": quoted["text"]}
        else:
            call = json.loads(match["call"])
    except (ValueError, RecursionError):
        return None
    return text[: match.start()].strip(), call


def defined_functions(text: str) -> tuple[str, list[Any]]:
    """A system prompt without the definitions of functions at its end, and these."""
    decoder, functions = json.JSONDecoder(), []
    text = _SYSTEM.sub("", text)
    at = first = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return text, []
        functions.append(value)
        at = end + len(text[end:]) - len(text[end:].lstrip())
        if at >= len(text):
            break
        if text[at] != "{":
            return text, []
    if not functions or not all(map(_is_definition, functions)):
        return text, []
    return text[:first].strip(), functions


def _is_definition(value: Any) -> bool:
    """Whether an object defines a function; an example of an answer may have a name as well."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("name"), str)
        and not {"description", "parameters"}.isdisjoint(value)
    )
