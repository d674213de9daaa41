"""The help of every command, drawn from `help.json`: neither typer nor a request model is loaded for it.

With them a help took 19 to 35 times as long as an empty interpreter. `tools/help_pages.py` writes the file
from the commands; `make check` fails where the two differ.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

FILE = Path(__file__).with_name("help.json")

_WIDEST = 100  # columns
_NARROWEST = 40
_LONGEST_LABEL = 30  # a longer one has a line of its own
_HEADING, _LABEL, _PLAIN = "\x1b[1m", "\x1b[36m", "\x1b[0m"


class Row(TypedDict):
    """An argument, an option or a command."""

    label: str
    """Its names, and the placeholder of its value: `-p, --project PROJECT`."""
    text: str
    notes: list[str]
    """In brackets behind the text: choices, the default, `required`."""


class Section(TypedDict):
    """Rows under a heading."""

    title: str
    rows: list[Row]


class Page(TypedDict):
    """What the help of a command says, and what is needed to find `--help` on its command line."""

    usage: str
    """Behind the names of the command."""
    about: list[str]
    """Paragraphs."""
    sections: list[Section]
    commands: list[str]
    """Of a group."""
    needs_command: bool
    """A group that does nothing by itself."""
    options: dict[str, bool]
    """Name to whether a value follows; without those that end the command, such as `--version`."""


def requested_help(words: Sequence[str]) -> str | None:
    """The help that a command line asks for.

    None where it asks for none, and where anything about it is unusual: typer has to say what is wrong.
    """
    if "--help" not in words or "_NARROWCAST_COMPLETE" in os.environ:
        return None
    line = _walk(words)
    return line.text if line.has_help else None


def group_help(words: Sequence[str]) -> str | None:
    """The help of a group that is called without a command; None for anything else."""
    if "_NARROWCAST_COMPLETE" in os.environ:
        return None
    line = _walk(words)
    return line.text if line.page["needs_command"] and not line.words else None


def unknown_command(words: Sequence[str]) -> tuple[str, str, list[str]] | None:
    """Group, misspelt word and the commands of the group; None where the commands of the line exist."""
    if "_NARROWCAST_COMPLETE" in os.environ:
        return None
    line = _walk(words)
    if line.has_help or not line.rest or not line.page["commands"]:
        return None
    return line.command, line.rest[0], line.page["commands"]


def command_of(words: Sequence[str]) -> str:
    """The command that a line calls, with the name of the program."""
    return _walk(words).command


class _Line:
    """How far the commands of a line are known."""

    def __init__(self, path: Sequence[str], page: Page, words: Sequence[str]) -> None:
        self.command = " ".join(["narrowcast", *path])
        self.page = page
        self.words = words
        """Behind the names of the command."""
        self.has_help, self.rest = _read(page, words)

    @property
    def text(self) -> str:
        return help_text(self.command, self.page)


def _walk(words: Sequence[str]) -> _Line:
    import json

    pages: dict[str, Page] = json.loads(FILE.read_text(encoding="utf-8"))
    path: list[str] = []
    while True:
        line = _Line(path, pages[" ".join(path)], words)
        if line.has_help or not line.rest or line.rest[0] not in line.page["commands"]:
            return line
        path.append(line.rest[0])
        words = line.rest[1:]


def _read(page: Page, words: Sequence[str]) -> tuple[bool, Sequence[str]]:
    """Whether `--help` is among the options, and the words from a sub-command on; neither after a mistake."""
    has_help = False
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if not word.startswith("-") or word == "-":
            if page["commands"]:
                return has_help, words[place - 1 :]
            continue
        name, equals, _ = word.partition("=")
        has_value = page["options"].get(name)
        if has_value is None or (equals and not (has_value and name.startswith("--"))):
            return False, ()
        if has_value and not equals:
            if place == len(words):
                return False, ()
            place += 1
        has_help = has_help or name == "--help"
    return has_help, ()


def help_text(path: str, page: Page) -> str:
    """The page as text, as wide as the terminal; in colour on a terminal, unless NO_COLOR is set.

    Args:
        path: the names of the command, with that of the program.
        page: what it says.
    """
    width = _width()
    parts = ["\n".join(_usage(path, page["usage"], width))]
    parts += ["\n".join(_wrapped(text.split(), width)) for text in page["about"]]
    parts += ["\n".join(_section(section, width)) for section in page["sections"]]
    text = "\n\n".join(parts) + "\n"
    if colour(sys.stdout):
        return text
    for sign in (_HEADING, _LABEL, _PLAIN):
        text = text.replace(sign, "")
    return text


def _usage(path: str, usage: str, width: int) -> Iterator[str]:
    first, *rest = _wrapped(f"{path} {usage}".split(), width - len("Usage: "))
    yield f"{_HEADING}Usage:{_PLAIN} {first}"
    for line in rest:
        yield " " * len("Usage: ") + line


def _section(section: Section, width: int) -> Iterator[str]:
    yield f"{_HEADING}{section['title']}:{_PLAIN}"
    longest = min(_LONGEST_LABEL, width * 2 // 5)
    lengths = [len(row["label"]) for row in section["rows"]]
    indent = 4 + max((each for each in lengths if each <= longest), default=longest)
    for row in section["rows"]:
        lines = _wrapped(_words(row, width - indent), width - indent)
        label = _wrapped(row["label"].split(), width - 2)
        if len(label) > 1 or len(label[0]) > indent - 4:
            yield from (f"  {_LABEL}{line}{_PLAIN}" for line in label)
        else:
            yield f"  {_LABEL}{label[0]}{_PLAIN}".ljust(indent + len(_LABEL) + len(_PLAIN)) + lines.pop(0)
        for line in lines:
            yield " " * indent + line


def _words(row: Row, room: int) -> Iterator[str]:
    """The words of the text and its notes; a note that has room in a line is not broken."""
    yield from row["text"].split()
    notes = f"[{'; '.join(row['notes'])}]".split("; ") if row["notes"] else []
    for place, note in enumerate(notes, start=1):
        whole = note if place == len(notes) else f"{note};"
        if len(whole) <= room:
            yield whole
        else:
            yield from whole.split()


def _wrapped(words: Iterator[str] | list[str], width: int) -> list[str]:
    """Lines of at most `width` characters, longer words apart; textwrap would load more than it is worth."""
    lines = [""]
    for word in words:
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and len(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _width() -> int:
    """Of the terminal, within bounds; 80 columns where there is none."""
    given = os.environ.get("COLUMNS", "")
    try:
        columns = int(given) if given.isdecimal() else os.get_terminal_size().columns
    except OSError:
        columns = 80
    return max(_NARROWEST, min(columns, _WIDEST))


def colour(stream: TextIO) -> bool:
    """Whether a stream is shown in colour."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
