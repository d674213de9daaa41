"""Training rows begin with the very prompt that inference renders, and learn the answer alone."""

from __future__ import annotations

import pytest

from narrowcast.core.message import Message
from narrowcast.errors import ModelError
from narrowcast.models.chat import (
    IGNORED,
    check_template,
    end_of_turn,
    prompt_text,
    render_completion,
    render_prompt,
    render_training,
)
from narrowcast.testing.tiny import tiny_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer(640, 512)


CONVERSATIONS = [
    [Message("user", "hello"), Message("assistant", "card")],
    [Message("system", "Be brief."), Message("user", "  spaces  kept\n\n"), Message("assistant", "\n{} ")],
    [
        Message("user", "one"),
        Message("assistant", "two"),
        Message("tool", '{"rate": 1.1}'),
        Message("user", "ümlaut 😀"),
        Message("assistant", "déjà vu"),
    ],
]


@pytest.mark.parametrize("turns", CONVERSATIONS)
def test_a_training_row_is_the_prompt_and_the_answer(tokenizer, turns):
    ids, labels = render_training(tokenizer, turns)
    prompt = render_prompt(tokenizer, turns[:-1])
    assert ids[: len(prompt)] == prompt
    assert labels[: len(prompt)] == [IGNORED] * len(prompt)
    assert labels[len(prompt) :] == ids[len(prompt) :] == render_completion(tokenizer, turns[-1].content)
    assert tokenizer.decode(ids[len(prompt) :]) == turns[-1].content + "<|im_end|>"
    assert tokenizer.decode(ids) + "\n" == tokenizer.apply_chat_template(
        [turn.to_dict() for turn in turns], tokenize=False
    )


def test_the_prompt_ends_where_the_assistant_begins(tokenizer):
    text = prompt_text(tokenizer, [Message("user", "hi")])
    assert text == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"


def test_a_row_must_end_in_the_assistants_turn(tokenizer):
    with pytest.raises(ModelError, match="assistant"):
        render_training(tokenizer, [Message("user", "hi")])


def test_a_template_that_refuses_is_an_error_that_says_why(tokenizer):
    with pytest.raises(ModelError, match="unknown role: critic"):
        render_prompt(tokenizer, [Message("critic", "hi")])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("template", "what"),
    [
        (None, "no chat template"),
        ("{% for m in messages %}{{ m['content'] }}<|im_end|>{% endfor %}", "no generation prompt"),
        (
            "{% for m in messages %}{{ m['content'] }} {% endfor %}{{ 'A' if add_generation_prompt }}",
            "special",
        ),
    ],
)
def test_templates_without_conversations_are_refused(template, what):
    broken = tiny_tokenizer(640, 512)
    broken.chat_template = template
    with pytest.raises(ModelError, match=what):
        check_template(broken, "somewhere")


def test_a_template_that_renders_the_answer_elsewhere_is_refused():
    other = tiny_tokenizer(640, 512)
    other.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}:{{ m['content'] }}<|im_end|>{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>model:{% endif %}"
    )
    with pytest.raises(ModelError, match="differently in training"):
        render_training(other, CONVERSATIONS[0])


def test_the_end_of_turn_is_found(tokenizer):
    assert end_of_turn(tokenizer) == tokenizer.convert_tokens_to_ids("<|im_end|>")
