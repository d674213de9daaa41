"""Keep phrases out of code, docs and test names that a reader of technical English has to read twice.

`tools/words.toml` lists each phrase as a regular expression in lower case, what to write instead, and how
often it may still occur. A count may only fall: the check fails where a phrase occurs more often than listed;
`--update` lowers the counts to what was reached. A space in a phrase also matches an underscore, a line break
and the joint of two string literals, so that identifiers and wrapped texts are covered.
"""

from __future__ import annotations

import re
import sys
import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tools" / "words.toml"
_JOINT = re.compile(r"""(?:["']\s*\n\s*[rf]?["']|\n\s*#\s*|[\s_])+""")
_WHOLE = (
    "src/narrowcast/**/*.py",
    "src/narrowcast/**/*.yaml",
    "docs/**/*.md",
    "README.md",
    "CONTRIBUTING.md",
)
_TEST_NAME = re.compile(r"^\s*def (test_\w+)", re.MULTILINE)


def texts() -> Iterator[tuple[Path, str]]:
    """Every text that is checked, with its file: whole files, and the names of tests."""
    for pattern in _WHOLE:
        for path in sorted(ROOT.glob(pattern)):
            if path.name != "CHANGELOG.md":  # what was written about earlier versions stays
                yield path, path.read_text(encoding="utf-8")
    for path in sorted(ROOT.glob("tests/**/*.py")):
        yield path, "\n".join(_TEST_NAME.findall(path.read_text(encoding="utf-8")))


class Text:
    """A file in which every joint between two words is one space."""

    def __init__(self, path: Path, text: str) -> None:
        self._name = path.relative_to(ROOT)
        parts: list[str] = []
        self._starts: list[int] = []
        self._lines: list[int] = []
        length, line, before = 0, 1, 0
        for joint in _JOINT.finditer(text):
            part = text[before : joint.start()] + " "
            self._starts.append(length)
            self._lines.append(line)
            parts.append(part)
            length, line, before = length + len(part), line + joint[0].count("\n"), joint.end()
        self._plain = ("".join(parts) + text[before:]).lower()

    def places(self, pattern: re.Pattern[str]) -> Iterator[str]:
        """Each occurrence as `file:line: text`."""
        for match in pattern.finditer(self._plain):
            if match.start() and self._plain[match.start() - 1].isalpha():
                continue  # a look-behind would keep the engine from searching by the first letters
            line = self._lines[bisect_right(self._starts, match.start()) - 1] if self._lines else 1
            yield f"{self._name}:{line}: {match[0]}"


def main(arguments: list[str]) -> int:
    """Compare the counts with the list; 1 where one has risen."""
    listed = tomllib.loads(LIST.read_text(encoding="utf-8"))["phrases"]
    sources = [Text(path, text) for path, text in texts()]
    places: dict[str, list[str]] = {}
    for phrase in listed:
        pattern = re.compile(rf"{phrase}(?![a-z])")
        places[phrase] = [place for text in sources for place in text.places(pattern)]
    if "--update" in arguments:
        _write({phrase: (entry[0], min(entry[1], len(places[phrase]))) for phrase, entry in listed.items()})
        return 0
    risen = 0
    for phrase, (instead, most) in listed.items():
        if "--show" in arguments:
            print(*places[phrase], sep="\n", end="\n" if places[phrase] else "")
        if len(places[phrase]) > most:
            risen += 1
            print(f"{phrase!r} occurs {len(places[phrase])} times, at most {most}; write: {instead}")
            print(*(f"  {place}" for place in places[phrase][:20]), sep="\n")
    left = sum(map(len, places.values()))
    print(f"{len(listed)} phrases, {left:,} occurrences left, {risen} above their count")
    return 1 if risen else 0


def _write(entries: dict[str, tuple[str, int]]) -> None:
    head = LIST.read_text(encoding="utf-8").partition("[phrases]")[0]
    lines = [f"'{phrase}' = [\"{instead}\", {most}]" for phrase, (instead, most) in entries.items()]
    LIST.write_text(head + "[phrases]\n" + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
