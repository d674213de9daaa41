"""Writing `narrowcast.yaml` changes what changed; every other byte is the user's and stays."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.core.config import ProjectConfig, SourceSpec
from narrowcast.core.names import Split
from narrowcast.core.task import TaskSpec
from narrowcast.store.config_file import load_config, save_config

COMMENTED = """\
# Ours; ask Anna before you change it.

name:   "tickets"   # as the helpdesk calls them
sources:
  # the export of March
  - locator: 'csv:march.csv'   # 4,000 rows
    mapper: label_to_classification
    map: {text:  body,  label: kind}

    group: customer   # answers to one customer stay together
  -   locator: csv:april.csv
      into: test

# how we train
train:
  epochs: 3      # five were worse
  base: ~
  note: |
    two lines
    of text

prepare: {seed:  7}   # do not change
"""

Line = tuple[str, str]
"""What a line is about, and the line."""


def saved(path: Path, before: str, **changes: Any) -> str:
    """The file after a save of what it means with some fields changed."""
    path.write_bytes(before.encode())
    config = load_config(path).model_copy(update=changes)
    save_config(path, config)
    assert load_config(path) == config
    return path.read_bytes().decode()


def replaced(path: Path, before: str, old: str, new: str, **changes: Any) -> None:
    """Assert that a save with these changes replaces this part of the text and nothing else."""
    assert before.count(old) == 1
    assert saved(path, before, **changes) == before.replace(old, new)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "narrowcast.yaml"


@pytest.mark.parametrize("text", [COMMENTED, COMMENTED.replace("\n", "\r\n"), COMMENTED.rstrip()])
def test_one_value_changes_its_own_place(path: Path, text: str) -> None:
    path.write_bytes(text.encode())
    config = load_config(path)
    replaced(path, text, '"tickets"', '"calls"', name="calls")
    replaced(path, text, "epochs: 3", "epochs: 5", train={**config.train, "epochs": 5})
    replaced(path, text, "base: ~", "base: own", train={**config.train, "base": "own"})
    replaced(path, text, "{seed:  7}", "{seed: 8}", prepare={"seed": 8})
    march, april = config.sources
    april = april.model_copy(update={"into": Split.DEV})
    replaced(path, text, "into: test", "into: dev", sources=[march, april])


def test_entries_and_items_come_and_go_with_their_lines(path: Path) -> None:
    march, april = _config(path).sources
    new = SourceSpec(locator="csv:may.csv", map={"text": "body"})
    replaced(
        path,
        COMMENTED,
        "      into: test\n",
        "      into: test\n  - locator: csv:may.csv\n    map:\n      text: body\n",
        sources=[march, april, new],
    )
    gone = "  -   locator: csv:april.csv\n      into: test\n"
    replaced(path, COMMENTED, gone, "", sources=[march])
    line = "    group: customer   # answers to one customer stay together\n"
    replaced(path, COMMENTED, line, "", sources=[march.model_copy(update={"group": None}), april])
    replaced(
        path,
        COMMENTED,
        "as the helpdesk calls them\n",
        "as the helpdesk calls them\ntask:\n  profile: classification\n  labels:\n  - a\n  - b\n",
        task=TaskSpec(profile="classification", labels=["a", "b"]),
    )


def test_a_text_without_a_place_for_the_change_is_written_anew(path: Path) -> None:
    """An alias stands for two values, and one of them changes."""
    text = "name: x\ntrain: &both {epochs: 3}\nprepare: *both\n"
    saved(path, text, train={"epochs": 4})
    saved(path, "{name: x, train: {epochs: 3}}\n", name="y")


def _config(path: Path) -> ProjectConfig:
    path.write_text(COMMENTED)
    return load_config(path)


words = st.text("abc XYZ_é#:-'\"{}[]&*!,?", min_size=1, max_size=12).filter(lambda text: text == text.strip())


@st.composite
def layouts(draw: st.DrawFn) -> list[Line]:
    """A configuration with values that are written in any style, and comments anywhere."""
    indent, gap = draw(st.sampled_from(["", "  "])), draw(st.sampled_from([" ", "  "]))

    def scalar(value: str) -> str:
        style = draw(st.sampled_from("'\""))
        if style == "'":
            return "'" + value.replace("'", "''") + "'"
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def line(about: str, text: str) -> list[Line]:
        comment = draw(st.sampled_from(["", "", "  # why", " #"]))
        above = draw(
            st.sampled_from([[], [], [("", "# a comment")], [("", "")], [("", "   # another"), ("", "")]])
        )
        return [*above, (about, text + comment)]

    lines = [line("name", f"name:{gap}{scalar(draw(words))}"), line("", "sources:")]
    for number in range(draw(st.integers(1, 3))):
        lines.append(line(f"locator {number}", f"{indent}- locator:{gap}{scalar(f'csv:{number}.csv')}"))
        lines.append(line(f"group {number}", f"{indent}  group:{gap}{scalar(draw(words))}"))
        if draw(st.booleans()):
            lines.append(line(f"map {number}", f"{indent}  map: {{ text:  {scalar(draw(words))} }}"))
    lines.append(line("", "train:"))
    lines += [line(key, f"    {key}: {draw(st.integers(0, 99))}") for key in ("epochs", "steps")]
    if draw(st.booleans()):
        lines.append(line("prepare", "prepare: {}"))
    return [*chain(*lines), *draw(st.sampled_from([[], [("", "# the end")]]))]


@given(layouts())
def test_a_save_of_the_same_values_changes_no_byte(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Line]
) -> None:
    text = "\n".join(each for _, each in lines)
    path = tmp_path_factory.mktemp("config") / "narrowcast.yaml"
    assert saved(path, text) == text


@given(layouts(), st.data())
def test_a_changed_value_touches_its_own_lines_alone(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Line], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("config") / "narrowcast.yaml"
    text = "\n".join(each for _, each in lines) + "\n"
    path.write_text(text)
    config = load_config(path)
    number = data.draw(st.integers(0, len(config.sources) - 1), label="which source")
    kinds = ["name", "epochs", f"group {number}", f"map {number}", "no group", "add", "remove"]
    kind = data.draw(st.sampled_from(kinds), label="what changes")
    sources, about = list(config.sources), {kind}
    if kind == "name":
        after = saved(path, text, name=f"new {config.name}")
    elif kind == "epochs":
        after = saved(path, text, train={**config.train, "epochs": 100})
    elif kind == "add":
        after = saved(path, text, sources=[*sources, SourceSpec(locator="csv:new.csv", group="x")])
    elif kind == "remove":
        of_item = {f"locator {number}", f"group {number}", f"map {number}"}
        places = [place for place, (each, _) in enumerate(lines) if each in of_item]
        for place in range(places[0], places[-1] + 1):  # a comment inside the item goes with it
            lines[place] = (kind, lines[place][1])
        after = saved(path, text, sources=sources[:number] + sources[number + 1 :])
    elif kind == "no group":
        about = {f"group {number}"}
        sources[number] = sources[number].model_copy(update={"group": None})
        after = saved(path, text, sources=sources)
    else:
        change = {"group": "new # one"} if "group" in kind else {"map": {"text": "new", "label": "one"}}
        sources[number] = sources[number].model_copy(update=change)
        after = saved(path, text, sources=sources)
    if kind == "remove" and len(config.sources) == 1:
        about |= {each for each, line in lines if line.startswith("sources:")}
        return  # the key goes with its last item
    rest = iter(after.splitlines())
    for each, line in lines:
        assert each in about or line in rest, f"{line!r} was changed:\n{text}\nbecame\n{after}"
    added = len(list(after.splitlines())) - len(lines)
    assert added <= 3
