"""The Modelfile: a template is translated where that is exact, and left out where it is not."""

from __future__ import annotations

import pytest

from narrowcast.models.template import template_renderer
from narrowcast.stages.export.modelfile import modelfile, translate
from narrowcast.testing.tiny import CHAT_TEMPLATE


def renderer(template):
    return template_renderer(template, {"bos_token": "<s>"}, generate=True)


def test_chatml_is_translated():
    text = modelfile("model-q8_0.gguf", "Answer with one label.", ["<|im_end|>"], renderer(CHAT_TEMPLATE))
    assert text == (
        "FROM ./model-q8_0.gguf\n"
        "PARAMETER temperature 0\n"
        'PARAMETER stop "<|im_end|>"\n'
        'TEMPLATE """{{ range .Messages }}{{ if eq .Role "system" }}<|im_start|>system\n'
        '{{ .Content }}<|im_end|>\n{{ else if eq .Role "user" }}<|im_start|>user\n'
        '{{ .Content }}<|im_end|>\n{{ else if eq .Role "assistant" }}<|im_start|>assistant\n'
        '{{ .Content }}<|im_end|>\n{{ end }}{{ end }}<|im_start|>assistant\n"""\n'
        'SYSTEM """Answer with one label."""\n'
    )


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}</s>{% endfor %}[assistant]",
        "<s>{% for m in messages %}[{{ m.role }}]{{ m.content }}</s>{% endfor %}[assistant]",
        "{% for m in messages %}{{ loop.index }} {{ m.content }}</s>{% endfor %}[assistant]",
        "{% if messages[0].role != 'system' %}[system]Be nice.</s>{% endif %}"
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}</s>{% endfor %}[assistant]",
    ],
)
def test_what_is_more_than_fixed_texts_is_left_out(template):
    assert translate(renderer(template)) is None
    assert "TEMPLATE" not in modelfile("model.gguf", "", [], renderer(template))


def test_a_template_that_refuses_a_role_is_left_out():
    template = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "[{{ m.role }}]{{ m.content }}</s>{% endfor %}[assistant]"
    )
    assert translate(renderer(template)) is None
