"""The `next:` lines that tests make commands print: each is understood, names its place, and runs.

A line whose command only reads is run at once, where it was printed: once per process for each of its shapes,
so that the suite keeps its time. What a line of another kind does is tried by `tests/cli/test_next_lines.py`,
in a state that is made for it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from narrowcast.cli.commands import COMMANDS
from narrowcast.core.settings import Settings
from narrowcast.pipeline.project import default_project
from tests.cli.next_line_cases import CASES
from tests.support.command_lines import loaded, mistake_in, next_lines

Run = Callable[[list[str]], Any]

_READING = {
    "audit verify", "data conflicts", "data cleanings", "data imports", "data introspect", "data ledger",
    "data lineage", "data mappers", "data sources", "data versions", "doctor", "events", "jobs list",
    "jobs logs", "jobs schedules", "jobs show", "models list", "models show", "plugins", "projects",
    "recipes list", "recipes show", "runs", "runs list", "runs show", "status",
}  # fmt: skip
_CHANGES = {"--follow", "--remove"}  # options that make one of these commands do more, or wait
# Only with one of these a command that changes something reads alone.
_HARMLESS = {"--dry-run", "--help"}
_SLOW = {"preflight", "rerun", "run", "search", "train", "export", "eval", "baseline", "compare", "parity"}
_PLACEHOLDER = re.compile(r"(?:^|[:=,])[A-Z][A-Z-]+\b|…")

_PLACE = {"--home": True, "--project": True, "-p": True, "--debug": False}  # whether a value follows

_tried: set[str] = set()
"""Shapes of lines that were run in this process."""


def check_next_lines(given: Sequence[str], out: str, err: str, run: Run | None) -> None:
    """Check what a command printed; to be called in its folder and environment.

    Args:
        given: its command line.
        out, err: what it wrote.
        run: runs a command line; None: lines are only understood.
    """
    for line in dict.fromkeys(next_lines(out + err)):
        mistake = mistake_in(line, run=False) or _misplaced(given, line, err) or _unknown(given, line)
        assert not mistake, f"next: {line}\n{mistake}"
        if run is not None:
            _try(line, given, run)


def _misplaced(given: Sequence[str], line: str, err: str) -> str:
    """What the line lacks to mean the workspace and the project of the command that printed it."""
    words = shlex.split(line, comments=True)
    if "--help" in words:
        return ""
    named = _home(given)
    if named and named != Settings.from_environment().home and not _home(words):
        return "names no workspace, but the command that printed it did"
    path, command = _command(words)
    project = re.match(r"project (\S+)\n", err)
    takes = command is not None and any("--project" in each.opts for each in command.params)
    if not project or not takes or {"--project", "-p"} & {*words} or not {"--project", "-p"} & {*given}:
        return ""
    home = _home(words)
    taken = default_project(Settings.from_environment(home=home) if home else Settings.from_environment())
    if taken is None or taken.slug != project[1]:
        return f"{path} would take {taken.slug if taken else 'no project'}, not {project[1]}"
    return ""


def _unknown(given: Sequence[str], line: str) -> str:
    """Whether the line is of the table, whose lines are all tried, or the command that printed it again."""
    text, again = _without_place(shlex.split(line, comments=True)), _without_place(["narrowcast", *given])
    path, former = _command(text)[0], _command(again)[0]
    checked = (former, path) == ("preflight", "train")  # with the options that were checked
    if path == former or checked or any(each.fullmatch(" ".join(text)) for each in _table()):
        return ""
    return "is not in tests/cli/next_line_cases.py"


@cache
def _table() -> list[re.Pattern[str]]:
    """The lines of the table; those that any command would match are left out."""
    lines = [" ".join(_without_place(re.sub("['\"]", "", line).split())) for line in CASES]
    named = [line for line in lines if not line.startswith(("narrowcast VALUE", "narrowcast SAME"))]
    # A value may be `--project NAME`, which is not compared.
    return [
        re.compile(re.escape(line).replace("\\ VALUE", "(?: .+)?").replace("VALUE", ".+")) for line in named
    ]


def _without_place(words: Sequence[str]) -> list[str]:
    """A command line without `--home`, `--project` and `--debug`."""
    kept, skip = [], False
    for word in words:
        if not skip and word not in _PLACE:
            kept.append(word)
        skip = not skip and _PLACE.get(word, False)
    return kept


def _home(words: Sequence[str]) -> Path | None:
    return Path(words[list(words).index("--home") + 1]) if "--home" in words[:-1] else None


def _command(words: Sequence[str]) -> tuple[str, Any]:
    """The names of a command, and the command."""
    rest = list(words[1:])
    while rest and rest[0].startswith("--"):
        del rest[: 2 if rest[0] == "--home" else 1]
    if not rest or rest[0] not in COMMANDS:
        return "", None
    path, command = [rest[0]], loaded(rest[0])
    for word in rest[1:]:
        if word not in getattr(command, "commands", {}):
            break
        path.append(word)
        command = command.commands[word]
    return " ".join(path), command


def _try(line: str, given: Sequence[str], run: Run) -> None:
    words = shlex.split(line, comments=True)
    path, _ = _command(words)
    options = {each.partition("=")[0] for each in words if each.startswith("--")}
    reads = path in _READING and not options & _CHANGES
    harmless = bool(options & _HARMLESS) and path.partition(" ")[0] not in _SLOW
    shape = " ".join([path, *sorted(options)])
    if not (reads or harmless) or shape in _tried or any(map(_PLACEHOLDER.search, words)):
        return
    _tried.add(shape)
    done = run(words[1:])
    ended_well = done.returncode in (0, 3) or (done.returncode == 1 and "--dry-run" in options)
    assert ended_well, (  # a dry run ends as the run would
        f"narrowcast {shlex.join(map(str, given))}\nprinted next: {line}\n"
        f"which ended with {done.returncode}: {done.stderr}"
    )
