"""What a chat template does to the rows is known before training: refused and swallowed turns are counted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from narrowcast.core.example import Example
from narrowcast.core.names import Split
from narrowcast.core.task import TaskSpec
from narrowcast.errors import ModelError
from narrowcast.training.preflight.examine import examine
from tests.support.datasets import sentences

TURN = "{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}"
END = "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
ALTERNATING = (
    "{% for m in messages %}{% if loop.previtem and loop.previtem.role == m.role %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}" + TURN + END
)
WITHOUT_SYSTEM = "{% for m in messages %}{% if m.role != 'system' %}" + TURN + "{% endif %}" + END
NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    + TURN
    + END
)
LAST_QUESTION = (
    "{% for m in messages %}{% if m.role != 'user' or loop.index > messages | length - 2 %}"
    + TURN
    + "{% endif %}"
    + END
)
NO_HISTORY = "{% for m in messages %}{% if m.role != 'assistant' or loop.last %}" + TURN + "{% endif %}" + END
NO_SECOND_QUESTION = "{% for m in messages %}{% if loop.index != 3 %}" + TURN + "{% endif %}" + END
NO_RESULT = "{% for m in messages %}{% if m.role != 'tool' %}" + TURN + "{% endif %}" + END
ENDLESS = (
    "{% for m in messages %}{% if messages | length > 3 %}{% for i in range(99999) %}"
    "{% for j in range(99999) %}{% endfor %}{% endfor %}{% endif %}" + TURN + END
)
TEN_MEGABYTES = (
    "{% for m in messages %}{% if messages | length > 3 %}{% for i in range(5000) %}{{ 'word ' * 2000 }}"
    "{% endfor %}{% endif %}" + TURN + END
)
RANDOM = "{{ ['a', 'b'] | random }}{% for m in messages %}" + TURN + END
DATED = (
    "{{ '<|im_start|>system\\nToday is ' + strftime_now('%d %b %Y') + '<|im_end|>\\n' }}"
    "{% for m in messages %}" + TURN + END
)
MARKED = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}{% if m.role == 'assistant' %}"
    "{% generation %}{{ m.content + '<|im_end|>\\n' }}{% endgeneration %}{% else %}"
    "{{ m.content + '<|im_end|>\\n' }}{% endif %}" + END
)
DIVIDING = "{% if messages | length == 4 %}{{ 1 / 0 }}{% endif %}{% for m in messages %}" + TURN + END


@pytest.fixture
def base_with(tiny_base: Path, tmp_path: Path):
    def make(template: str) -> str:
        base = shutil.copytree(tiny_base, tmp_path / "other")
        (base / "chat_template.jinja").write_text(template)
        return str(base)

    return make


def conversations(count: int, *, twice: int) -> list[Example]:
    rows = []
    for number in range(count):
        turns = [{"role": "user", "content": f"Is card {number} here?"}]
        if number < twice:
            turns.append({"role": "user", "content": "And the fee?"})
        rows.append(Example({"messages": turns}, f"Card {number} is here.", "made", number))
    return rows


def left_out(workshop, base: str) -> list[tuple[str, str]]:
    found = examine(workshop.options(base=base), workshop.context()).findings
    return [(each.what, each.where) for each in found if each.reason_code == "training_rows_truncated"]


def test_rows_that_a_template_refuses_are_named_and_the_others_train(workshop_with, base_with):
    rows = conversations(20, twice=2)
    spec = TaskSpec(profile="chat")
    workshop = workshop_with({Split.TRAIN: rows, Split.DEV: conversations(3, twice=1)}, spec)
    base = base_with(ALTERNATING)
    why = "cannot be rendered: the chat template refused the conversation: roles must alternate"
    assert left_out(workshop, base) == [
        (f"2 of 20 train rows {why}; left out as template_refused", "made:0, made:1"),
        (f"1 of 3 dev rows {why}; left out as template_refused", "made:0"),
    ]
    workshop.train(base=base, epochs=1)
    events = [payload for code, _, payload in workshop.events if code == "training_rows_truncated"]
    assert {
        "rejected": {"template_refused": 2},
        "examples": {"template_refused": ["made:0", "made:1"]},
    } in events


@pytest.mark.parametrize(
    ("template", "what"),
    [
        (WITHOUT_SYSTEM, "the chat template leaves out the system turn"),
        (NO_SYSTEM, "the chat template refused the conversation: no system role"),
    ],
)
def test_a_template_without_a_system_turn_stops_a_task_that_needs_one(
    workshop_with, base_with, template, what
):
    workshop = workshop_with({Split.TRAIN: sentences(20), Split.DEV: sentences(5)})
    base = base_with(template)
    found = examine(workshop.options(base=base), workshop.context())
    assert found.setup is None
    assert what in [each.what for each in found.blockers]
    with pytest.raises(ModelError, match=what):
        workshop.train(base=base, preflight="fail-open")


@pytest.mark.parametrize(
    ("template", "what"),
    [
        (LAST_QUESTION, "the chat template leaves out the user turn"),
        (DIVIDING, "the chat template refused the conversation: ZeroDivisionError: division by zero"),
        (NO_HISTORY, "the chat template leaves out the assistant turn"),
        (NO_SECOND_QUESTION, "the chat template leaves out the user turn"),
        (ENDLESS, "the chat template refused the conversation: it takes more than 0 seconds"),
        (
            TEN_MEGABYTES,
            "the chat template refused the conversation: it writes more than 16,777,216 characters",
        ),
    ],
)
def test_a_turn_that_is_swallowed_or_breaks_the_template_costs_its_row(
    workshop_with, base_with, template, what, monkeypatch
):
    """Also a question that is asked twice, of which one is left out."""
    monkeypatch.setattr("narrowcast.models.template_environment.SECONDS", 0.2)
    rows = conversations(20, twice=3)
    for row in rows[:3]:
        row.inputs["messages"].insert(1, {"role": "assistant", "content": "Yes."})
        row.inputs["messages"][2]["content"] = row.inputs["messages"][0]["content"]
    workshop = workshop_with({Split.TRAIN: rows}, TaskSpec(profile="chat"))
    ((found, where),) = left_out(workshop, base_with(template))
    assert found == f"3 of 20 train rows cannot be rendered: {what}; left out as template_refused"
    assert where == "made:0, made:1, made:2"


def test_a_result_of_a_tool_that_is_swallowed_costs_its_row(workshop_with, base_with):
    rows = conversations(20, twice=0)
    for row in rows[:2]:
        row.inputs["messages"] += [
            {"role": "assistant", "content": "[]"},
            {"role": "tool", "content": "12 C"},
            {"role": "user", "content": "So?"},
        ]
    workshop = workshop_with({Split.TRAIN: rows}, TaskSpec(profile="chat"))
    ((found, where),) = left_out(workshop, base_with(NO_RESULT))
    assert "2 of 20 train rows cannot be rendered: the chat template leaves out the tool turn" in found
    assert where == "made:0, made:1"


def test_a_template_that_is_slow_for_many_rows_is_given_up(workshop_with, base_with, monkeypatch):
    """Five rows are enough to know; a thousand would take an hour."""
    monkeypatch.setattr("narrowcast.models.template_environment.SECONDS", 0.1)
    rows = conversations(20, twice=12)
    for row in rows[:12]:
        row.inputs["messages"].insert(1, {"role": "assistant", "content": "Yes."})
    workshop = workshop_with({Split.TRAIN: rows}, TaskSpec(profile="chat"))
    found = examine(workshop.options(base=base_with(ENDLESS)), workshop.context())
    assert any("takes more than" in each.what for each in found.blockers)


def test_a_template_that_draws_at_random_is_refused(workshop_with, base_with):
    workshop = workshop_with({Split.TRAIN: conversations(20, twice=0)}, TaskSpec(profile="chat"))
    found = examine(workshop.options(base=base_with(RANDOM)), workshop.context())
    assert any("No filter named 'random'" in each.what for each in found.blockers)


@pytest.mark.parametrize("template", [DATED, MARKED])
def test_dates_and_marks_of_generation_train(workshop_with, base_with, template):
    workshop = workshop_with({Split.TRAIN: conversations(20, twice=3)}, TaskSpec(profile="chat"))
    found = examine(workshop.options(base=base_with(template)), workshop.context())
    assert not found.blockers
    assert found.setup is not None
    assert len(found.setup.train.rows) == 20
