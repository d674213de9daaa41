"""The pages of the documentation, as what a reader does with them: commands to run, and links to follow."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
}
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHELL = {"console", "sh"}
_CODE = re.compile(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)")


@dataclass(slots=True)
class Shown:
    """A command of a page, and the output that the page shows below it."""

    page: str
    line: int
    text: str
    output: list[str] = field(default_factory=list)

    @property
    def runs(self) -> bool:
        """Whether it is a command of narrowcast, and not of the shell or of another program."""
        return any(word == "narrowcast" for word in self.text.split()[:2])

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def commands(page: str) -> list[Shown]:
    """The commands of the console and shell blocks, in order, each in one line."""
    text = PAGES[page].read_text(encoding="utf-8")
    found: list[Shown] = []
    for block in _FENCE.finditer(text):
        if block[1] not in _SHELL:
            continue
        first = text[: block.start(2)].count("\n") + 1
        prompt = "$ " if block[1] == "console" else ""
        going_on, before = False, len(found)
        for number, line in enumerate(block[2].splitlines(), first):
            if going_on:
                found[-1].text += " " + line.strip().removesuffix("\\").strip()
            elif line.startswith(prompt) and line:
                found.append(Shown(page, number, line.removeprefix(prompt).removesuffix("\\").strip()))
            elif len(found) > before and line:
                found[-1].output.append(line)
            going_on = line.endswith("\\")
    return found


def prose(page: str) -> str:
    """A page without its blocks, each kept as empty lines."""
    text = PAGES[page].read_text(encoding="utf-8")
    return re.sub(
        r"^```.*?^```$", lambda found: "\n" * found[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL
    )


def inline_code(page: str) -> list[str]:
    """What stands between backquotes in the prose of a page."""
    return [" ".join(each.split()) for each in _CODE.findall(prose(page))]
