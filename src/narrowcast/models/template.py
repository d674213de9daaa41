"""Chat templates rendered without transformers, and special tokens that no message can forge.

The exported file carries its template as text. Rendering it here, in Jinja's immutable sandbox with the
settings transformers uses, gives the same prompt without loading torch.

A message may contain the text of a special token (`<|im_end|>` typed by a user). It must stay text: only
the template writes special tokens. `render` therefore conceals such text before the template runs and
returns the prompt in pieces, so that a tokenizer maps a special token only where the template put it. A
prompt without such text falls into the very pieces that a tokenizer cuts by itself, so its ids are those
of `apply_chat_template`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from narrowcast.core.message import Message
from narrowcast.errors import ModelError

_PRIVATE_USE = range(0xE000, 0xF8FF)  # code points without a meaning, for the concealed text


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a prompt: a special token that the template wrote, or text."""

    text: str
    special: bool


Renderer = Callable[[Sequence[Message]], str]


def prompt_pieces(render: Renderer, messages: Sequence[Message], specials: Sequence[str]) -> list[Piece]:
    """Render a conversation and cut it at the special tokens that the template wrote.

    Args:
        render: from messages to text (a chat template).
        messages: the conversation, with any text whatever as content.
        specials: texts of the tokenizer's special tokens.
    """
    by_length = sorted(filter(None, specials), key=len, reverse=True)
    mark = _unused_character([*(message.content for message in messages), *by_length])
    concealed = [replace(message, content=_conceal(message.content, by_length, mark)) for message in messages]
    return list(_cut(render(concealed), by_length, mark))


def text_of(pieces: Sequence[Piece]) -> str:
    """The prompt as people read it."""
    return "".join(piece.text for piece in pieces)


def _unused_character(texts: Sequence[str]) -> str:
    used = set().union(*texts) if texts else set()
    return next(chr(code) for code in _PRIVATE_USE if chr(code) not in used)


def _conceal(text: str, specials: Sequence[str], mark: str) -> str:
    if not any(special in text for special in specials):
        return text
    numbers = {special: f"{mark}{index}{mark}" for index, special in enumerate(specials)}
    return re.sub("|".join(map(re.escape, specials)), lambda found: numbers[found.group()], text)


def _cut(text: str, specials: Sequence[str], mark: str) -> list[Piece]:
    if not specials:
        return [Piece(text, special=False)]
    parts = re.split("(" + "|".join(map(re.escape, specials)) + ")", text)
    pieces = []
    for index, part in enumerate(parts):
        if index % 2:
            pieces.append(Piece(part, special=True))
        elif part:
            revealed = re.sub(f"{mark}(\\d+){mark}", lambda found: specials[int(found.group(1))], part)
            pieces.append(Piece(revealed, special=False))
    return pieces


def template_renderer(template: str, tokens: Mapping[str, str], *, generate: bool) -> Renderer:
    """A renderer from a template's text.

    Args:
        template: Jinja source, as in `chat_template.jinja`.
        tokens: named special tokens the template may use (`bos_token`, `eos_token`).
        generate: end where the assistant begins to answer.

    Raises:
        ModelError: (from the renderer) where the template refuses the conversation or is not valid.
    """

    def render(messages: Sequence[Message]) -> str:
        from jinja2 import TemplateError

        try:
            text: str = _compiled(template).render(
                messages=[message.to_dict() for message in messages],
                tools=None,
                documents=None,
                add_generation_prompt=generate,
                enable_thinking=False,
                **tokens,
            )
            return text
        except TemplateError as error:
            raise ModelError(
                f"the chat template refused the conversation: {error}",
                where="the chat template of the exported file",
                next_command="begin with a system or user message and let roles alternate",
            ) from error

    return render


@lru_cache(maxsize=8)
def _compiled(source: str) -> Any:
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    return environment.from_string(source)


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise_exception(message: str) -> None:
    from jinja2 import TemplateError

    raise TemplateError(message)
