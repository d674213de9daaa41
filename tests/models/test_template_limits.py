"""A chat template is foreign code: it ends in text or in a clear error, soon, on any day."""

from __future__ import annotations

import json
import time

import pytest

from narrowcast.core.message import Message
from narrowcast.models.template import TemplateRefusedError, prompt_pieces, template_renderer
from narrowcast.models.template_environment import pin_dates

TURNS = [Message("system", "Be brief."), Message("user", "ä " * 20), Message("assistant", "b")]


def rendered(template: str, turns=TURNS) -> str:
    return template_renderer(template, {"bos_token": "<s>"}, generate=True)(turns)


def stepped(start: str, step: str) -> str:
    """A value that grows in 60 steps."""
    name = start[0]
    loop = f"{{% for i in range(60) %}}{{% set ns.{name} = {step} %}}{{% endfor %}}"
    return f"{{% set ns = namespace({start}) %}}{loop}"


HUGE = {
    "repeated text": "{{ 'a' * 10**11 }}",
    "repeated list": "{{ ([1] * 10**11) | length }}",
    "repeated in compilation": "{% set x = 'a' * 99999999999 %}",
    "doubled": stepped("s='ab'", "ns.s + ns.s"),
    "doubled by ~": stepped("s='ab'", "ns.s ~ ns.s"),
    "doubled list": stepped("s=[1]", "ns.s + ns.s"),
    "doubled block": "{% set s %}ab{% endset %}{% macro m(s, n) %}{% set t %}{{ s }}{{ s }}{% endset %}"
    "{% if n %}{{ m(t, n - 1) }}{% endif %}{% endmacro %}{{ m(s, 60) }}",
    "replaced": "{% set ns = namespace(s='aaaaaaaaaa') %}{% for i in range(30) %}"
    "{% set ns.s = ns.s.replace('a', 'aaaaaaaaaa') %}{% endfor %}",
    "replaced by a filter": "{% set ns = namespace(s='aaaaaaaaaa') %}{% for i in range(30) %}"
    "{% set ns.s = ns.s | replace('a', 'aaaaaaaaaa') %}{% endfor %}",
    "joined": "{% set s = 'x' * 1000000 %}{{ s.join(range(99999) | map('string')) }}",
    "joined by a filter": "{% set s = 'x' * 1000000 %}{{ range(99999) | join(s) }}",
    "centred": "{{ 'a' | center(10000000000) }}",
    "justified": "{{ 'a'.ljust(10000000000) }}",
    "indented": "{% set s = '\\n' * 1000000 %}{{ s | indent(100000) }}",
    "indented JSON": "{{ messages | tojson(indent=1000000000) }}",
    "formatted": "{{ '%99999999999d' % 1 }}",
    "formatted by a value": "{{ '%*d' % (99999999999, 1) }}",
    "formatted by a method": "{{ '{:>99999999999}'.format(1) }}",
    "formatted by a nested value": "{{ '{:>{}}'.format(1, 99999999999) }}",
    "batches": "{{ [1] | batch(10000000000, 'x') | list | length }}",
    "power": "{{ 9 ** 99999 }}",
    "power by steps": stepped("n=9", "ns.n * ns.n"),
    "range": "{{ range(10**7) | list | length }}",
    "written": "{% for i in range(99999) %}{{ 'a' * 100000 }}{% endfor %}",
    "written as it stands": "{% for i in range(99999) %}" + "a" * 10000 + "{% endfor %}",
    "written in a macro": "{% macro m() %}{% for i in range(99999) %}{{ 'a' * 100000 }}{% endfor %}"
    "{% endmacro %}{{ m() }}",
    "source": "a" * (1 << 21),
    "lipsum": "{{ lipsum(100000) }}",
}
LONG = {
    "nested loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "nested filters": "{% for i in range(99999) %}{% set x = range(99999) | sum %}{% endfor %}",
    "calls": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}",
}
WRONG = {
    "division by zero": "{{ 1 / 0 }}",
    "sum of unlike": "{{ 1 + 'a' }}",
    "inclusion": "{% include 'x' %}",
    "recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "recursive loop": "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "deep source": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "deep blocks": "{% if 1 %}" * 3000 + "{% endif %}" * 3000,
    "no template": "{% for %}",
    "unclosed": "{% generation %}a",
    "missing key": "{{ messages[99].content.x }}",
    "escape": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
}


@pytest.mark.parametrize("template", [*HUGE.values(), *WRONG.values()], ids=[*HUGE, *WRONG])
def test_what_fails_or_would_be_huge_is_an_error(template):
    begin = time.thread_time()
    with pytest.raises(TemplateRefusedError, match="chat template refused"):
        rendered(template)
    assert time.thread_time() - begin < 10


@pytest.mark.parametrize("template", LONG.values(), ids=LONG)
def test_what_would_not_end_is_an_error(template, monkeypatch):
    monkeypatch.setattr("narrowcast.models.template_environment.SECONDS", 0.2)
    with pytest.raises(TemplateRefusedError, match="takes more than"):
        rendered(template)


def test_a_long_conversation_is_rendered():
    turns = [Message("user", "x" * 2000), Message("assistant", "y" * 2000)] * 1000
    template = "{% for m in messages %}{{ '<' ~ m.role ~ '>' + m.content | trim }}\n{% endfor %}"
    assert len(rendered(template, turns)) > 4_000_000


def test_the_date_is_pinned_in_the_text_and_in_the_environment():
    template = (
        '{% if strftime_now is defined %}{{ strftime_now("%d %b %Y") }}{% else %}26 Jul 2024{% endif %}'
    )
    assert rendered(template) == "26 Jul 2024"
    assert (
        pin_dates(template)
        == '{% if strftime_now is defined %}{{ "26 Jul 2024" }}{% else %}26 Jul 2024{% endif %}'
    )
    assert rendered(pin_dates(template)) == "26 Jul 2024"
    computed = "{% set f = '%Y' %}{{ strftime_now(f) }}"
    assert pin_dates(computed) == computed
    assert rendered(computed) == "2024"


def test_a_generation_block_is_its_text():
    template = "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %};{% endfor %}"
    assert rendered(template, [Message("user", "a"), Message("user", "b")]) == "a;b;"


def test_json_has_the_options_of_transformers():
    template = "{{ {'b': 'ä', 'a': 1} | tojson(separators=(',', ':'), sort_keys=true) }}"
    assert rendered(template) == json.dumps({"a": 1, "b": "ä"}, separators=(",", ":"), ensure_ascii=False)


def test_a_conversation_without_a_free_private_use_character_is_refused():
    text = "<s>" + "".join(chr(code) for code in range(0xE000, 0xF900))
    render = template_renderer("{{ messages[0].content }}", {}, generate=True)
    with pytest.raises(TemplateRefusedError, match="private-use"):
        prompt_pieces(render, [Message("user", text)], ["<s>"])
