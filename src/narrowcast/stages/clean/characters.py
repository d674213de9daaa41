"""Characters: wrong decodings repaired, one Unicode form, nothing invisible. White space stays as it is.

Rules, in their order: `mojibake` (a text decoded with the wrong encoding, by ftfy), `surrogate` (half a
pair becomes U+FFFD), `line_ending` (CR LF and CR become LF), `page_break` (form feeds become
LF), `control` (all but tab and newline go),
`invisible` (zero-width space, word joiner, byte-order mark, soft hyphen and direction marks go; the
joiners of Persian, Indic scripts and emoji stay), `nfc` (composed form).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_ENDING = re.compile("\r\n?")
_PAGE_BREAK = re.compile("[\x0b\x0c]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
# A line that ftfy may look at: letters of Latin-1 or Windows-1252 that stand where mojibake puts them.
_SUSPECT = re.compile(
    "[\u0080-\u00ff\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u2122]"
)


def clean_characters(text: str) -> tuple[str, Counter[str]]:
    """The repaired text, and how often each rule changed something."""
    changes: Counter[str] = Counter()
    if text.isascii() and text.isprintable():
        return text, changes
    text = _repaired(text, changes)
    for rule, pattern, replacement in (
        ("surrogate", _SURROGATE, "\ufffd"),
        ("line_ending", _LINE_ENDING, "\n"),
        ("page_break", _PAGE_BREAK, "\n"),
        ("control", _CONTROL, ""),
        ("invisible", _INVISIBLE, ""),
    ):
        text, count = pattern.subn(replacement, text)
        if count:
            changes[rule] += count
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
        changes["nfc"] += 1
    return text, changes


def _repaired(text: str, changes: Counter[str]) -> str:
    """Each line separately: one that was pasted in with a wrong encoding says nothing about the others."""
    if not _SUSPECT.search(text):
        return text
    from ftfy import fix_encoding

    lines = text.split("\n")
    for number, line in enumerate(lines):
        if _SUSPECT.search(line) and not _SURROGATE.search(line):
            fixed = fix_encoding(line)
            if fixed != line:
                lines[number] = fixed
                changes["mojibake"] += 1
    return "\n".join(lines)
