"""Chat templates rendered without transformers, and special tokens that no message can forge.

A template is rendered in one environment (`narrowcast.models.template_environment`) wherever a prompt is
needed: in training, evaluation, export and serving. The exported file carries its template as text, so this
takes neither transformers nor torch.

A message may contain the text of a special token (`<|im_end|>` typed by a user). It must stay text: only
the template writes special tokens. `render` therefore conceals such text before the template runs and
returns the prompt in pieces, so that a tokenizer maps a special token only where the template put it. A
prompt without such text falls into the very pieces that a tokenizer cuts by itself, so its ids are those
of `apply_chat_template`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from narrowcast.core.message import Message
from narrowcast.errors import ModelError

_LONGEST_REASON = 500
_PRIVATE_USE = range(0xE000, 0xF8FF)  # code points without a meaning, for the concealed text


class TemplateRefusedError(ModelError):
    """A chat template cannot render this conversation, or not as it is learned; others it may."""


class TemplateTooSlowError(TemplateRefusedError):
    """Rendering a conversation took the time that it may take; each further one would as well."""


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
    mark = next((chr(code) for code in _PRIVATE_USE if chr(code) not in used), None)
    if mark is None:
        raise TemplateRefusedError(
            f"the conversation holds all {len(_PRIVATE_USE):,} private-use characters; one must be free",
            where="its messages",
            next_command="take private-use characters out of the text",
        )
    return mark


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


def template_renderer(
    template: str, tokens: Mapping[str, str], *, generate: bool, where: str = ""
) -> Renderer:
    """A renderer from a template's text: the one that training, evaluation, export and serving share.

    Args:
        template: Jinja source, as in `chat_template.jinja`.
        tokens: named special tokens the template may use (`bos_token`, `eos_token`).
        generate: end where the assistant begins to answer.
        where: whose template it is, for errors.

    Raises:
        TemplateRefusedError: (from the renderer) if the template refuses the conversation, is not valid,
            fails, or exceeds the limits of `narrowcast.models.template_environment`.
    """

    def render(messages: Sequence[Message]) -> str:
        from jinja2 import TemplateError

        from narrowcast.models.template_environment import TooSlowError, budget, compiled

        kind = TemplateRefusedError
        try:
            with budget():
                text: str = compiled(template).render(
                    messages=[message.to_dict() for message in messages],
                    tools=None,
                    documents=None,
                    add_generation_prompt=generate,
                    enable_thinking=False,  # a narrow task answers without thinking aloud
                    **tokens,
                )
                return text
        except TemplateError as error:
            reason = str(error)
            kind = TemplateTooSlowError if isinstance(error, TooSlowError) else kind
        except RecursionError:
            reason = "it calls itself without end"
        except Exception as error:  # noqa: BLE001 - foreign code may raise anything
            reason = f"{type(error).__name__}: {error}"
        raise kind(
            f"the chat template refused the conversation: {reason[:_LONGEST_REASON]}",
            where=where or "the chat template of the exported file",
            next_command="begin with a system or user message and let roles alternate",
        )

    return render
