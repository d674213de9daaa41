"""Keep out of code, docs and test names what a reader of technical English has to read twice.

`tools/words.toml` lists each phrase as a regular expression in lower case, with what to write instead. The
check fails on every occurrence. A space in a phrase also matches an underscore, a line break and the joint of
two string literals, so that identifiers and wrapped texts are covered.
"""

from __future__ import annotations

import re
import sys
import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

from outcome import parser, show

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
    """Every text that is checked, with its file: whole files, the newest changes, and the names of tests."""
    for pattern in _WHOLE:
        for path in sorted(ROOT.glob(pattern)):
            yield path, path.read_text(encoding="utf-8")
    changelog = ROOT / "CHANGELOG.md"
    head, _, sections = changelog.read_text(encoding="utf-8").partition("\n## ")
    yield changelog, head + "\n## " + sections.partition("\n## ")[0]
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


def main() -> int:
    """Print each occurrence; 1 where there is one."""
    given = parser(__doc__).parse_args()
    listed: dict[str, str] = tomllib.loads(LIST.read_text(encoding="utf-8"))["phrases"]
    sources = [Text(path, text) for path, text in texts()]
    problems: list[str] = []
    for phrase, instead in listed.items():
        pattern = re.compile(rf"{phrase}(?![a-z])")
        places = (place for text in sources for place in text.places(pattern))
        problems += [f"{place} (write: {instead})" for place in places]
    summary = f"{len(listed)} phrases, {len(problems):,} occurrences"
    return show(problems, summary, as_json=given.json, phrases=len(listed))


if __name__ == "__main__":
    sys.exit(main())
