"""One row: its text cleaned, scanned, judged and cut; or rejected with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from narrowcast.connectors.text_column import replaced, strings
from narrowcast.core.hashing import sha256_hex
from narrowcast.core.row import RejectedRow, SourceRow
from narrowcast.stages.clean.blocks import Placed, join, paragraphs, place
from narrowcast.stages.clean.boilerplate import PAGE_BREAK, without_notices, without_running_lines
from narrowcast.stages.clean.characters import clean_characters
from narrowcast.stages.clean.chunks import Chunk, Measure, chunks
from narrowcast.stages.clean.credentials import SecretScanner
from narrowcast.stages.clean.findings import Finding, redacted, without_overlaps
from narrowcast.stages.clean.html import MarkupError
from narrowcast.stages.clean.language import Language, language_of
from narrowcast.stages.clean.markup import blocks_of, is_web_page, markup_of
from narrowcast.stages.clean.options import TextOptions
from narrowcast.stages.clean.pii import PiiScanner
from narrowcast.stages.clean.quality import quality_of


@dataclass(slots=True)
class CleanedRow:
    """A row that stays. `text` is the column's text; `data` the whole row with what was changed in it."""

    index: int
    data: dict[str, Any]
    text: str
    markup: str
    changes: Counter[str]
    findings: dict[str, list[Finding]]
    quality: float
    language: Language
    chunks: list[Chunk] = field(default_factory=list)

    @property
    def text_hash(self) -> str:
        """SHA-256 of the cleaned text."""
        return _hash(self.text)

    def metadata(self, original: str) -> dict[str, Any]:
        """The line in `metadata.jsonl`; positions of findings are those before redaction."""
        return {
            "index": self.index,
            "text_hash": self.text_hash,
            "original_hash": _hash(original),
            "characters": len(self.text),
            "original_characters": len(original),
            "markup": self.markup,
            "language": self.language.code,
            "language_confidence": self.language.confidence,
            "quality": self.quality,
            "changes": dict(sorted(self.changes.items())),
            "findings": [each.to_dict(where) for where, found in self.findings.items() for each in found],
            "chunks": len(self.chunks),
        }


_MOST_NAMES = 10_000  # that are remembered: objects may have a name for each row
_STRICTNESS = {"off": 0, "report": 0, "redact": 1, "block": 2}


class RowCleaner:
    """Applies the options to rows; scanners are built once."""

    def __init__(
        self, column: str, options: TextOptions, measure: Measure, usual: tuple[int, int] | None
    ) -> None:
        self._column = column
        self._options = options
        self._measure = measure
        self._usual = usual
        self._pii = None if options.pii == "off" else PiiScanner(options.kinds)
        self._secrets = None if options.secrets == "off" else SecretScanner()
        self._names: dict[str, tuple[str, list[Finding]]] = {}

    def clean(self, row: SourceRow) -> CleanedRow | RejectedRow:
        """The row as it will be kept. A rejected one is redacted where its policy is not to report only."""
        if row.error is not None:
            raw = row.raw and self._without_findings(row.raw)
            return RejectedRow(row.index, "unparseable", self._without_findings(row.error), raw=raw)
        given = [text for _, text in strings(row.data.get(self._column))]
        if not any(text.strip() for text in given):
            return self._rejected(row, "no_text", f"column {self.shown(self._column)!r}")
        outlier = is_outlier(sum(map(len, given)), self._usual)
        if outlier and self._options.outliers == "reject":
            return self._rejected(row, "outlier", f"{sum(map(len, given)):,} characters")
        try:
            return self._cleaned(row)
        except MarkupError as error:
            return self._rejected(row, "markup", str(error))

    def _cleaned(self, row: SourceRow) -> CleanedRow | RejectedRow:
        value = row.data[self._column]
        changes: Counter[str] = Counter()
        markup, placed = "plain", None
        if isinstance(value, str):
            text, markup, placed = self._structured(value, row.data, changes)
            data = {**row.data, self._column: text}
        else:
            data = {**row.data, self._column: _characters(value, changes)}
        findings = self._findings(data)
        named = {name: found for name in sorted(_names(data)) if (found := self._name(name)[1])}
        names = [each for found in named.values() for each in found]
        blocked = self._blocking({**findings, "": names} if names else findings)
        data, placed = self._redacted(data, findings, placed)
        text = "\n\n".join(each for _, each in strings(data[self._column]))
        if blocked:
            kinds = sorted({found.kind for each in [names, *findings.values()] for found in each})
            return RejectedRow(row.index, blocked, ", ".join(kinds), data=self._hidden(data))
        if not text.strip():
            return self._rejected(row, "empty_after_cleaning", "")
        language, quality = language_of(text), quality_of(text)
        if self._options.languages and language.code not in self._options.languages:
            return self._rejected(row, "language", f"{language.code} ({language.confidence:.2f})")
        if quality < self._options.min_quality:
            return self._rejected(row, "low_quality", f"{quality:.3f}")
        pieces = place(text, paragraphs(text)) if placed is None else placed
        cut = list(chunks(text, pieces, self._options.chunk_size, self._measure))
        if named:
            data = self._with_safe_names(data)
            findings = self._under_shown_names(findings, named)
        return CleanedRow(row.index, data, text, markup, changes, findings, quality, language, cut)

    def _structured(
        self, value: str, data: dict[str, Any], changes: Counter[str]
    ) -> tuple[str, str, list[Placed]]:
        text, changed = clean_characters(value)
        markup = markup_of(text, data) if self._options.markup == "auto" else self._options.markup
        boilerplate = self._options.boilerplate
        if boilerplate and markup == "plain" and PAGE_BREAK in value:
            value, removed = without_running_lines(value)
            changes.update(removed)
            text, changed = clean_characters(value)
        changes.update(changed)
        document = markup == "markdown" or (markup == "html" and is_web_page(text, data))
        blocks, removed = blocks_of(text, markup, boilerplate=boilerplate and document)
        changes.update(removed)
        if markup != "plain":  # in a plain text, the white space between blocks stays as it came
            if boilerplate and document:
                blocks, removed = without_notices(blocks)
                changes.update(removed)
            text = join(blocks)
        return text, markup, place(text, blocks)

    def _findings(self, data: dict[str, Any]) -> dict[str, list[Finding]]:
        """Of every text in the row, whatever its column, by its path."""
        found: dict[str, list[Finding]] = {}
        for path, text in strings(data):
            each = self._scan(text)
            if each:
                found[path] = each
        return found

    def _scan(self, text: str) -> list[Finding]:
        findings = self._pii.scan(text) if self._pii else []
        findings = findings + (self._secrets.scan(text) if self._secrets else [])
        return without_overlaps(findings, lambda found: _STRICTNESS[self._policy(found)])

    def _blocking(self, findings: dict[str, list[Finding]]) -> str:
        families = {each.family for found in findings.values() for each in found}
        if "secret" in families and self._options.secrets == "block":
            return "secret"
        return "pii" if "pii" in families and self._options.pii == "block" else ""

    def _redacted(
        self, data: dict[str, Any], findings: dict[str, list[Finding]], placed: list[Placed] | None
    ) -> tuple[dict[str, Any], list[Placed] | None]:
        if not findings:
            return data, placed
        texts, originals = {}, dict(strings(data))
        for path, found in findings.items():
            hidden = [each for each in found if self._policy(each) == "redact"]
            texts[path] = redacted(originals[path], hidden)
            if path == self._column and placed is not None:
                placed = _moved(placed, hidden)
        return replaced(data, texts), placed

    def _policy(self, finding: Finding) -> str:
        return self._options.pii if finding.family == "pii" else self._options.secrets

    def _hidden(self, data: dict[str, Any]) -> dict[str, Any]:
        """A row for the file of rejects, without what may not be shown."""
        hidden = replaced(data, {path: self._without_findings(text) for path, text in strings(data)})
        return dict(self._with_safe_names(hidden))

    def shown(self, name: str) -> str:
        """A column's name without what is to be hidden."""
        return self._name(name)[0]

    def _under_shown_names(
        self, findings: dict[str, list[Finding]], named: dict[str, list[Finding]]
    ) -> dict[str, list[Finding]]:
        """Findings in texts and in names, by the names that may be shown, which several can share."""
        shown: dict[str, list[Finding]] = {}
        for where, found in findings.items():
            shown.setdefault(self.shown(where), []).extend(found)
        for name, found in named.items():
            shown.setdefault(f"name of {self.shown(name)}", []).extend(found)
        return shown

    def _name(self, name: str) -> tuple[str, list[Finding]]:
        """A column's name, or a path of names, as it may be shown, and what was found in it."""
        known = self._names.get(name)
        if known is None:
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            known = self._names[name] = (self._without_findings(name), self._scan(name))
        return known

    def _with_safe_names(self, value: Any) -> Any:
        """A value whose names, at every depth, hold nothing that is to be hidden."""
        if isinstance(value, list):
            return [self._with_safe_names(each) for each in value]
        if not isinstance(value, dict):
            return value
        result: dict[str, Any] = {}
        for name, each in value.items():
            safe = free = self.shown(name)
            number = 1
            while free in result:
                number += 1
                free = f"{safe}_{number}"
            result[free] = self._with_safe_names(each)
        return result

    def _without_findings(self, text: str) -> str:
        hidden = [each for each in self._scan(text) if self._policy(each) in ("redact", "block")]
        return redacted(text, hidden)

    def _rejected(self, row: SourceRow, reason: str, detail: str) -> RejectedRow:
        return RejectedRow(row.index, reason, detail, data=self._hidden(row.data))


def _names(value: Any) -> set[str]:
    """Every name of an object inside a value, the columns of a row among them."""
    if isinstance(value, list):
        return set().union(*map(_names, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    return set(value).union(*map(_names, value.values()))


def is_outlier(length: int, usual: tuple[int, int] | None) -> bool:
    """Whether a text of this length is unusual among the others."""
    return usual is not None and not usual[0] <= length <= usual[1]


def _characters(value: Any, changes: Counter[str]) -> Any:
    texts = {}
    for path, text in strings(value):
        texts[path], changed = clean_characters(text)
        changes.update(changed)
    return replaced(value, texts)


def _moved(placed: Sequence[Placed], hidden: Sequence[Finding]) -> list[Placed]:
    """Where blocks stand once findings were replaced by their kinds."""

    def moved(position: int, *, end: bool) -> int:
        shift = 0
        for each in hidden:
            if position >= each.end:
                shift += len(each.kind) + 2 - (each.end - each.start)
            elif position > each.start:  # inside of it: to its end, or after it
                inside = each.start + shift
                return inside + len(each.kind) + 2 if end else inside
        return position + shift

    found, last = [], 0
    for each in placed:
        start, stop = max(last, moved(each.start, end=False)), moved(each.end, end=True)
        if stop > start:
            found.append(replace(each, start=start, end=stop))
            last = stop
    return found


def _hash(text: str) -> str:
    return sha256_hex(text.encode("utf-8", "surrogatepass"))
