"""What a `next:` line prints: a command that runs as printed, and after `#` what to know of it.

Operations say what to run in their own words: "narrowcast prepare, then narrowcast train", "the same command
with --yes", "add --force to use it". Here, and only here, such a text becomes a line for a shell: the command
in front, completed with the workspace and the project that this process worked on, the rest behind a `#`.
"""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from typing import Any

from narrowcast.cli import state
from narrowcast.cli.commands import COMMANDS

# What begins a line that a shell can run; anything else is advice.
_RUNS = re.compile(r"(?:[A-Z_]+=\S+ )*(?:narrowcast|pip|wandb|ulimit) \S")
_SAME = re.compile(r"(?:run )?the same(?: command)?(?: again)?(?: without (--[a-z-]+))?")
_OPTION = re.compile(r"(?:add |(?:run )?the same(?: command)?(?: again)? with )?(?=--[a-z])")
_WITH_VALUE = {"--track", "--limit"}  # of the options that a text advises to leave out
_WORD = re.compile(r"(?:'[^']*'|\S)+")
_QUOTED = re.compile(r"`([^`]+)`")
_COMMAND = re.compile(r"\bnarrowcast((?: --debug)?)((?: [a-z][a-z-]*)+)")


def next_line(text: str) -> tuple[str, str]:
    """The label and the rest of the line: `next` for a command, `fix` for advice that no shell can run."""
    command, rest = _split(_from_quotes(text))
    same, option = _SAME.match(command), _OPTION.match(command)
    if option:
        added, reason = _options(command[option.end() :])
        command, rest = _again_with(added), _joined(reason, rest)
    elif same:
        rest = _joined(command[same.end() :], rest)
        command = _again_without(same[1])
    if not _RUNS.match(command):
        return "fix", completed(text)
    return "next", completed(f"{command}   # {rest}" if rest else command)


def _from_quotes(text: str) -> str:
    """A text that begins with a command in backquotes: the command, then what is said of it."""
    quoted = _QUOTED.match(text)
    if quoted is None or not _RUNS.match(quoted[1]):
        return text
    return f"{quoted[1]}, {text[quoted.end() :].strip(' ,;')}".rstrip(", ")


def _split(text: str) -> tuple[str, str]:
    """The command, up to a comma, semicolon, colon or bracket that words follow, and those words."""
    quote = ""
    for place, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif text[place : place + 2] in (", ", "; ", ": ", " ("):
            return text[:place].strip(), text[place:].strip(" ,;:")
    return text.strip(), ""


def _options(text: str) -> tuple[str, str]:
    """The options that a text begins with, and what it says of them."""
    words = _WORD.findall(text)
    end = 0
    while end < len(words) and (words[end].startswith("--") or _is_value(words, end)):
        end += 1
    return " ".join(words[:end]), " ".join(words[end:])


def _is_value(words: list[str], place: int) -> bool:
    if not words[place - 1].startswith("--"):
        return False
    return place == len(words) - 1 or bool(re.match(r"['\"A-Z0-9]|\S*=|\w+_\w+", words[place]))


def _again_with(options: str) -> str:
    """The command line of this process, with options; those of its own that they replace are left out."""
    given = list(state.arguments())
    words = _WORD.findall(options)
    for name in [
        word for word, value in pairwise(words) if word.startswith("--") and not value.startswith("-")
    ]:
        while name in given[:-1]:
            place = given.index(name)
            del given[place : place + 2]
    return f"narrowcast {shlex.join(given)}{'' if options in given else f' {options}'}"


def _again_without(option: str | None) -> str:
    """The command line of this process, without an option if one is named."""
    words = list(state.arguments())
    if option in words:
        place = words.index(option)
        del words[place : place + (2 if option in _WITH_VALUE else 1)]
    return f"narrowcast {shlex.join(words)}"


def _joined(said: str, rest: str) -> str:
    return "; ".join(each.strip(" ,;:") for each in (said, rest) if each.strip(" ,;:"))


def completed(text: str) -> str:
    """Each command in the text with `--home` and `--project`, where it would not take those in use."""
    home, project = state.home_in_use(), state.project_in_use()
    if not home and not project:
        return text
    parts: list[str] = []
    done = 0
    for found in _COMMAND.finditer(text):
        path = found[2].split()
        if path[0] not in COMMANDS:
            continue
        rest = text[found.end() :].partition("narrowcast ")[0]
        own = project if project and not re.search(r"(?:^| )(?:--project|-p)\b", rest) else None
        parts += [text[done : found.start()], _with_place(found[1], path, home, own)]
        done = found.end()
    return "".join([*parts, text[done:]])


def _with_place(debug: str, path: list[str], home: str | None, project: str | None) -> str:
    at = f" --home {shlex.quote(home)}" if home else ""
    words, takes = _resolved(path) if project else (len(path), False)
    named = f" --project {shlex.quote(project)}" if project and takes else ""
    after = "".join(f" {word}" for word in path[words:])
    return f"narrowcast{at}{debug} {' '.join(path[:words])}{named}{after}"


def _resolved(path: list[str]) -> tuple[int, bool]:
    """How many of the words name a command, and whether that takes `--project`."""
    from narrowcast.cli.root import load_command

    command: Any = load_command(path[0])
    depth = 1
    while depth < len(path) and path[depth] in getattr(command, "commands", {}):
        command = command.commands[path[depth]]
        depth += 1
    return depth, any("--project" in parameter.opts for parameter in command.params)
