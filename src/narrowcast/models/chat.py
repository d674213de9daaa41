"""Conversations to token ids, in one place: training, evaluation, export and serving read the same prompts.

A training row is the prompt exactly as inference renders it, followed by the completion: the assistant's
text and its end-of-turn token. Prompt and completion are tokenised apart, as they are at inference, so
that no merge crosses the boundary; only the completion carries loss.

Only the template writes special tokens: the text of one inside a message (`<|im_end|>` typed by a user)
stays text, here as in the exported file (`models.template`).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from narrowcast.core.message import Message, Role
from narrowcast.errors import ModelError
from narrowcast.models.template import TemplateRefusedError, prompt_pieces, template_renderer

IGNORED = -100  # the label that PyTorch's cross-entropy leaves out


def prompt_text(tokenizer: Any, messages: Sequence[Message]) -> str:
    """The conversation as text, ending where the assistant begins to answer."""
    return _render(tokenizer, messages, generate=True)


def render_prompt(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """Token ids of the conversation, ending where the assistant begins to answer."""
    specials = _specials(tokenizer)
    if not any(special in message.content for message in messages for special in specials):
        return _encode(tokenizer, prompt_text(tokenizer, messages))
    pieces = prompt_pieces(lambda turns: prompt_text(tokenizer, turns), messages, specials)
    ids: list[int] = []
    for piece in pieces:
        ids += (
            [tokenizer.convert_tokens_to_ids(piece.text)]
            if piece.special
            else _encode_text(_within(tokenizer) if ids else tokenizer, piece.text)
        )
    return ids


def render_completion(tokenizer: Any, text: str) -> list[int]:
    """Token ids of an answer with its end-of-turn token."""
    return [*_encode_text(tokenizer, text), end_of_turn(tokenizer)]


def render_training(tokenizer: Any, messages: Sequence[Message]) -> tuple[list[int], list[int]]:
    """A training row.

    Args:
        tokenizer: one with a chat template (`models.loading.load_tokenizer`).
        messages: a conversation whose last turn is the assistant's.

    Returns:
        Token ids, and labels of equal length: -100 over the prompt, the ids over the completion.

    Raises:
        TemplateRefusedError: the template refuses the conversation, leaves out its system or user turn, or
            does not put the answer after the prompt.
        ModelError: the conversation does not end in an answer.
    """
    if not messages or messages[-1].role != "assistant":
        raise ModelError("a training row must end in the assistant's turn")
    prompt = prompt_text(tokenizer, messages[:-1])
    whole = _render(tokenizer, messages, generate=False)
    answer = messages[-1].content
    if not whole.startswith(prompt) or not whole[len(prompt) :].lstrip().startswith(answer.strip()):
        raise TemplateRefusedError(
            "the chat template renders the answer differently in training and at inference",
            where=_where(tokenizer),
            next_command="choose another base: narrowcast models list",
        )
    check_turns(prompt, messages[:-1], _where(tokenizer))
    _check_roles(tokenizer, tuple(message.role for message in messages[:-1]))
    prompt_ids, completion = render_prompt(tokenizer, messages[:-1]), render_completion(tokenizer, answer)
    return [*prompt_ids, *completion], [*[IGNORED] * len(prompt_ids), *completion]


def check_turns(prompt: str, messages: Sequence[Message], where: str) -> None:
    """Refuse a prompt from which the template left a turn out, or a part of it.

    Answers of the history may be written otherwise, and results of tools as JSON text.

    Raises:
        TemplateRefusedError: names the role.
    """
    for message in messages:
        if message.role == "assistant":
            continue
        text = message.content.strip()
        quoted = message.role == "tool" and json.dumps(text, ensure_ascii=False)[1:-1] in prompt
        if text not in prompt and not quoted:
            raise _left_out(message.role, where)


def _left_out(role: Role, where: str) -> TemplateRefusedError:
    return TemplateRefusedError(
        f"the chat template leaves out the {role} turn",
        where=where,
        next_command="choose another base: narrowcast models list",
    )


def _check_roles(tokenizer: Any, roles: tuple[Role, ...]) -> None:
    """Refuse turns of which the template leaves one out; in the row, another one may say the same.

    Raises:
        TemplateRefusedError: names the role.
    """
    role = _missing_role(_template(tokenizer), tuple(sorted(_named(tokenizer).items())), roles)
    if role is not None:
        raise _left_out(role, _where(tokenizer))


@lru_cache(maxsize=256)
def _missing_role(template: str, named: tuple[tuple[str, str], ...], roles: tuple[Role, ...]) -> Role | None:
    """The first role of these turns that is not in the prompt; each has a text of its own."""
    turns = [Message(role, f"Zq{number}x") for number, role in enumerate(roles)]
    try:
        prompt = template_renderer(template, dict(named), generate=True)(turns).casefold()
    except TemplateRefusedError:
        return None  # it reads the texts, and took those of the row
    return next((turn.role for turn in turns if turn.content.casefold() not in prompt), None)


class LearnedTokens(NamedTuple):
    """A conversation to be learned.

    Attributes:
        ids: tokens of the whole conversation.
        weights: one per token; 0 where it carries no loss.
        turns_without_loss: the assistant's turns that were to be learned, but are rendered otherwise in the
            history than they were generated.
    """

    ids: list[int]
    weights: list[float]
    turns_without_loss: int


def render_learned(tokenizer: Any, messages: Sequence[Message], *, every_turn: bool = False) -> LearnedTokens:
    """A training row with the weight of each token, from the weights of the assistant's turns.

    The tokens are those of `render_training`. A turn before the last carries loss where its tokens in the
    history are the ones that its generation would have given: the prompt up to it, then the completion.

    Args:
        tokenizer: one with a chat template.
        messages: a conversation whose last turn is the assistant's.
        every_turn: learn every turn of the assistant; else the last alone.

    Raises:
        ModelError: if the template does not put the answer after the prompt.
    """
    ids, labels = render_training(tokenizer, messages)
    weights = [0.0 if label == IGNORED else messages[-1].weight for label in labels]
    without_loss = 0
    for number, message in enumerate(messages[:-1]):
        if not every_turn or message.role != "assistant" or not message.weight or not number:
            continue
        span = _generated(tokenizer, messages[: number + 1], ids)
        without_loss += not span
        weights[span.start : span.stop] = [message.weight] * len(span)
    return LearnedTokens(ids, weights, without_loss)


def _generated(tokenizer: Any, messages: Sequence[Message], ids: list[int]) -> range:
    """Where the last of these turns is within `ids`, token for token as generated; empty where it is not."""
    prompt = render_prompt(tokenizer, messages[:-1])
    start, content = len(prompt), messages[-1].content
    for text in dict.fromkeys((content, content.strip())):  # some templates strip the turns of the history
        completion = render_completion(tokenizer, text)
        span = range(start, start + len(completion))
        if ids[:start] == prompt and ids[span.start : span.stop] == completion:
            return span
    return range(0)


@lru_cache(maxsize=4)
def end_of_turn(tokenizer: Any) -> int:
    """The special token that the template writes after an answer.

    Raises:
        ModelError: if the template writes none.
    """
    answer = "Zq7"  # occurs in no template
    whole = _render(tokenizer, [Message("user", "a"), Message("assistant", answer)], generate=False)
    tail = _encode(tokenizer, whole.rpartition(answer)[2])
    special = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    if not tail or tail[0] not in special:
        raise ModelError(
            "the chat template does not end an answer with a special token",
            where=f"template of {getattr(tokenizer, 'name_or_path', 'the tokenizer')}",
            next_command="choose another base: narrowcast models list",
        )
    return int(tail[0])


def stop_tokens(tokenizer: Any, model: Any) -> frozenset[int]:
    """Tokens that end an answer: the template's end of turn, and what tokenizer and model call the end."""
    configured = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    ids = configured if isinstance(configured, list) else [configured]
    tokens = {end_of_turn(tokenizer), tokenizer.eos_token_id, *ids}
    return frozenset(int(token) for token in tokens if token is not None)


def check_template(tokenizer: Any, where: str) -> None:
    """Refuse a tokenizer that cannot hold a conversation.

    Raises:
        ModelError: no chat template, none with a generation prompt, or no end-of-turn token.
    """
    fix = "choose another base: narrowcast models list"
    if not getattr(tokenizer, "chat_template", None):
        raise ModelError("the tokenizer has no chat template", where=where, next_command=fix)
    turns = [Message("user", "a")]
    prompt = _render(tokenizer, turns, generate=True)
    if prompt == _render(tokenizer, turns, generate=False) and not _answer_follows(tokenizer, turns, prompt):
        raise ModelError("the chat template has no generation prompt", where=where, next_command=fix)
    end_of_turn(tokenizer)


def _answer_follows(tokenizer: Any, turns: Sequence[Message], prompt: str) -> bool:
    """Whether nothing stands between a prompt and the answer, which differs from a user's turn (Mistral)."""
    answer = "Zq7"  # occurs in no template
    whole = _render(tokenizer, [*turns, Message("assistant", answer)], generate=False)
    if not whole.startswith(prompt) or not whole[len(prompt) :].lstrip().startswith(answer):
        return False
    question = _render(tokenizer, [Message("user", answer)], generate=False)
    return not question.endswith(whole[len(prompt) :])


def _render(tokenizer: Any, messages: Sequence[Message], *, generate: bool) -> str:
    render = template_renderer(
        _template(tokenizer), _named(tokenizer), generate=generate, where=_where(tokenizer)
    )
    return render(messages)


def _named(tokenizer: Any) -> dict[str, str]:
    return {name: str(getattr(tokenizer, name, None) or "") for name in ("bos_token", "eos_token")}


def _template(tokenizer: Any) -> str:
    template = tokenizer.chat_template
    return template if isinstance(template, str) else str(tokenizer.get_chat_template())


def _where(tokenizer: Any) -> str:
    return f"template of {getattr(tokenizer, 'name_or_path', 'the tokenizer')}"


def _encode(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def _encode_text(tokenizer: Any, text: str) -> list[int]:
    """Token ids of a text in which nothing is a special token, whatever it spells."""
    ids: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return ids


@lru_cache(maxsize=4)
def _within(tokenizer: Any) -> Any:
    """The tokenizer for text that does not begin a prompt: without the space that some add there alone."""
    from tokenizers.pre_tokenizers import Metaspace

    pre = tokenizer.backend_tokenizer.pre_tokenizer
    if not isinstance(pre, Metaspace) or pre.prepend_scheme != "first":
        return tokenizer
    inner = copy.deepcopy(tokenizer)
    inner.backend_tokenizer.pre_tokenizer = Metaspace(
        pre.replacement, prepend_scheme="never", split=pre.split
    )
    return inner


@lru_cache(maxsize=4)
def _specials(tokenizer: Any) -> tuple[str, ...]:
    """Texts of the special tokens, as the exported file's control tokens."""
    return tuple(token.content for token in tokenizer.added_tokens_decoder.values() if token.special)
