"""Passwords, keys and tokens by detect-secrets, line by line, and by formats of our own beside it.

Nothing is ever verified against a server.

Scores are ours: 0.9 for formats that nothing else has (a GitHub token, a private key), 0.6 for what is
assigned to a name like `password`, 0.5 for quoted strings of high entropy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from narrowcast.plugins.optional import require
from narrowcast.stages.clean.credential_formats import has_key, known_formats
from narrowcast.stages.clean.findings import Finding

# Public addresses are personal data, and found as such; of passwords in URLs that detector reports a part.
_LEFT_OUT = frozenset({"IPPublicDetector", "BasicAuthDetector"})
_SCORES = {"KeywordDetector": 0.6, "Base64HighEntropyString": 0.5, "HexHighEntropyString": 0.5}
_FORMAT_SCORE = 0.9
_LEAST = 8  # a shorter line holds no secret that could be distinguished from a word
_TOKEN = re.compile(r"[A-Za-z0-9_\-]*")
_PRIVATE_KEY_END = re.compile(r"-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----")
# What a password without quotes looks like; `password: forgotten` is a sentence.
_UNQUOTED = re.compile(r"(?=.*[A-Za-z])(?=.*\d)\S{8,200}")
# Formats whose values may be words; in a key or token without a digit some constant was found.
_WORDS = frozenset({"PrivateKeyDetector"})
_ENTROPY = frozenset({"Base64HighEntropyString", "HexHighEntropyString"})
# The file type decides which assignments are understood: this one takes `name: value` and `name = value`.
_AS_IF = "text.ini"


class SecretScanner:
    """Looks for every kind that detect-secrets knows.

    Raises:
        MissingExtraError: if it is not installed.
    """

    def __init__(self) -> None:
        require("detect_secrets", purpose="looking for passwords and keys")
        from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
        from detect_secrets.plugins.keyword import DENYLIST

        classes = get_mapping_from_secret_type_to_class().values()
        plugins = {each.__name__: each() for each in classes if each.__name__ not in _LEFT_OUT}

        def chosen(names: AbstractSet[str]) -> list[tuple[str, Any]]:
            return [(name, plugin) for name, plugin in plugins.items() if name in names]

        self._words = chosen(_WORDS)
        self._formats = chosen(plugins.keys() - _WORDS - _SCORES.keys())
        self._entropy = chosen(_ENTROPY)
        self._keyword = chosen(_SCORES.keys() - _ENTROPY)
        self._names = re.compile("|".join(DENYLIST))

    def scan(self, text: str) -> list[Finding]:
        """Every finding of a text; they may overlap."""
        found: list[Finding] = []
        position = 0
        for line in text.split("\n"):
            if len(line) >= _LEAST:
                found += self._line(text, line, position)
            position += len(line) + 1
        found += known_formats(text)
        return found

    def _line(self, text: str, line: str, offset: int) -> Iterator[Finding]:
        for name, plugin in self._worth_asking(line):
            for secret in plugin.analyze_line(filename=_AS_IF, line=line, line_number=0):
                value = _value(secret.secret_value or "", name, line)
                if not value:
                    continue
                kind = secret.type.upper().replace(" ", "_")
                for match in re.finditer(re.escape(value), line):
                    start, end = offset + match.start(), offset + match.end()
                    start, end = _whole(text, start, end, name)
                    if not _harmless(text[start:end], line, plugin):
                        yield Finding("secret", kind, start, end, _SCORES.get(name, _FORMAT_SCORE))

    def _worth_asking(self, line: str) -> Iterator[tuple[str, Any]]:
        """The plugins that may find what is not harmless: all of them take many times as long as a look."""
        yield from self._words
        if has_key(line, _LEAST):
            yield from self._formats
        if '"' in line or "'" in line:
            yield from self._entropy
        if self._names.search(line.casefold()):
            yield from self._keyword


def _value(value: str, plugin: str, line: str) -> str:
    """What was reported; an assignment without quotes is reported up to the end of its line."""
    if plugin == "KeywordDetector" and value and not _quoted(value, line):
        return value.split(maxsplit=1)[0].rstrip(".,;)") if value.split() else ""
    return value


def _whole(text: str, start: int, end: int, plugin: str) -> tuple[int, int]:
    """The whole of a secret of which the library reports a part: a prefix, or a first line."""
    if plugin == "PrivateKeyDetector":
        last = _PRIVATE_KEY_END.search(text, end)
        while start and text[start - 1] == "-":
            start -= 1
        return start, last.end() if last else len(text)
    if plugin in _SCORES or plugin in _WORDS:
        return start, end
    rest = _TOKEN.match(text, end)
    return start, rest.end() if rest else end


def _harmless(value: str, line: str, plugin: Any) -> bool:
    """What looks like a secret and is none: counters, identifiers, `<placeholders>`, names of variables."""
    from detect_secrets.filters import heuristic

    name = type(plugin).__name__
    if name not in _SCORES:
        constant = name not in _WORDS and not any(map(str.isdigit, value))
        return constant or bool(heuristic.is_templated_secret(value))
    if name == "KeywordDetector" and not _quoted(value, line) and not _UNQUOTED.fullmatch(value):
        return True
    return bool(
        heuristic.is_sequential_string(value)
        or heuristic.is_potential_uuid(value)
        or heuristic.is_likely_id_string(value, line, plugin)
        or heuristic.is_templated_secret(value)
        or heuristic.is_not_alphanumeric_string(value)
    )


def _quoted(value: str, line: str) -> bool:
    at = line.find(value)
    return line[at - 1 : at] in ("'", '"', "`") and line[at + len(value) :][:1] in ("'", '"', "`")
