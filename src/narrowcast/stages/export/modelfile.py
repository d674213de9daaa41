"""An Ollama `Modelfile`: the chat template in Go's template language, stop tokens, greedy decoding.

Ollama does not run Jinja. A template that only wraps each turn between fixed texts is translated by
rendering it with marked turns; the translation is then checked against the original on whole
conversations, and left out, with a comment, where the two differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from narrowcast.core.message import Message, Role
from narrowcast.errors import ModelError
from narrowcast.models.template import Renderer

_MARK = "\ue000"
_ROLES: tuple[Role, ...] = ("system", "user", "assistant")


@dataclass(frozen=True, slots=True)
class TurnFormat:
    """The fixed texts of a template: before the first turn, around each role's turns, before the answer."""

    around: dict[Role, tuple[str, str]]
    answer: str

    def render(self, messages: Sequence[Message]) -> str:
        """What the translated template makes of a conversation."""
        turns = (self.around[m.role][0] + m.content + self.around[m.role][1] for m in messages)
        return "".join(turns) + self.answer


def modelfile(file_name: str, system: str, stops: Sequence[str], render: Renderer) -> str:
    """The file's text.

    Args:
        file_name: of the GGUF file beside it.
        system: the system prompt of the task; empty where it has none.
        stops: texts of the tokens that end an answer.
        render: the chat template, ending where the assistant begins to answer.
    """
    lines = [f"FROM ./{file_name}", "PARAMETER temperature 0"]
    lines += [f'PARAMETER stop "{stop}"' for stop in stops]
    turns = translate(render)
    if turns is None:
        lines.append(
            "# The chat template is more than fixed texts around turns; Ollama takes it from the file."
        )
    else:
        lines.append(f'TEMPLATE """{_go_template(turns)}"""')
    if system and '"""' not in system:
        lines.append(f'SYSTEM """{system}"""')
    return "\n".join(lines) + "\n"


def translate(render: Renderer) -> TurnFormat | None:
    """The template's fixed texts, or None where it is not made of fixed texts, or refuses a role."""
    try:
        return _fixed_texts(render)
    except ModelError:
        return None


def _fixed_texts(render: Renderer) -> TurnFormat | None:
    opening = [Message("system", _MARK), Message("user", _MARK), Message("assistant", _MARK)]
    parts = render([*opening, Message("user", _MARK)]).split(_MARK)
    if len(parts) != len(opening) + 2:
        return None
    tail = parts[-1]
    suffix = _common_suffix_of_turn(parts)
    if suffix is None or not tail.startswith(suffix):
        return None
    around: dict[Role, tuple[str, str]] = {
        role: (_after(parts[index], suffix if index else ""), suffix) for index, role in enumerate(_ROLES)
    }
    turns = TurnFormat(around, tail.removeprefix(suffix))
    return turns if all(turns.render(each) == render(each) for each in _conversations()) else None


def _common_suffix_of_turn(parts: Sequence[str]) -> str | None:
    """The text that ends a turn: what every boundary between turns begins with."""
    first, *others = parts[1:]
    length = len(first)
    while length and not all(other.startswith(first[:length]) for other in others):
        length -= 1
    # A boundary also holds the opening of the next turn, which may begin alike: the last opening ends it.
    opening = parts[0]
    shared = first[:length]
    for size in range(len(opening), 0, -1):
        if shared.endswith(opening[:size]):
            return shared[: len(shared) - size]
    return shared or None


def _after(text: str, prefix: str) -> str:
    return text.removeprefix(prefix)


def _conversations() -> list[list[Message]]:
    system, user, answer = (
        Message("system", "Be brief.\n"),
        Message("user", " a\nb"),
        Message("assistant", "c"),
    )
    return [[user], [system, user], [system, user, answer, user], [user, answer, user, answer, user]]


def _go_template(turns: TurnFormat) -> str:
    branches = []
    for index, role in enumerate(_ROLES):
        before, after = turns.around[role]
        word = "if" if index == 0 else "else if"
        branches.append(f'{{{{ {word} eq .Role "{role}" }}}}{before}{{{{ .Content }}}}{after}')
    body = "".join(branches) + "{{ end }}"
    return "{{ range .Messages }}" + body + "{{ end }}" + turns.answer
