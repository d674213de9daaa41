"""Personal data by Presidio's pattern recognisers, called one by one: no language model, no network.

Names and addresses are not found: that takes a model. Presidio's import is slow, so it is paid only where
there is something to look for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib import import_module
from ipaddress import ip_address
from typing import Any

from narrowcast.errors import UsageError
from narrowcast.plugins.optional import require
from narrowcast.stages.clean.findings import Finding

_DIGIT_RUN = re.compile(r"\d(?:[^\w\n]{0,2}\d){6}")

# kind → class of Presidio, what a text must hold for it to be worth a look, and whether it is a default.
_KINDS: dict[str, tuple[str, str, bool]] = {
    "EMAIL_ADDRESS": ("EmailRecognizer", r"@", True),
    "PHONE_NUMBER": ("PhoneRecognizer", _DIGIT_RUN.pattern, True),
    "CREDIT_CARD": ("CreditCardRecognizer", r"\d{4}[- ]?\d{3}", True),
    "IBAN_CODE": ("IbanRecognizer", r"[A-Za-z]{2}\d{2}", True),
    "IP_ADDRESS": ("IpRecognizer", r"\d\.\d|:[0-9A-Fa-f]{0,4}:", True),
    "US_SSN": ("UsSsnRecognizer", r"\d{3}[- .]\d{2}[- .]\d{4}", True),
    "CRYPTO": ("CryptoRecognizer", r"\b\w{26}", True),
    "MAC_ADDRESS": ("MacAddressRecognizer", r"[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}", False),
    "UK_NHS": ("NhsRecognizer", r"\d{3}", False),
    "URL": ("UrlRecognizer", r"\.", False),
}
_DIGIT = re.compile(r"\d")
_WITH_DIGITS = frozenset({"PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "UK_NHS"})
DEFAULT_KINDS = tuple(kind for kind, (_, _, default) in _KINDS.items() if default)

# Presidio's own patterns of which most matches are something else (nine digits in a row) score less.
_LEAST_SCORE = 0.4
_PHONE_DIGITS = 7


class PiiScanner:
    """Looks for the kinds it was made for.

    Raises:
        UsageError: for a kind that there is not.
        MissingExtraError: if Presidio is not installed.
    """

    def __init__(self, kinds: Sequence[str] = ()) -> None:
        unknown = sorted(set(kinds) - _KINDS.keys())
        if unknown:
            raise UsageError(
                f"there is no kind of personal data called {unknown[0]!r}",
                where="--set kinds=[...]",
                next_command=f"use: {', '.join(_KINDS)}",
                reason_code="cleaning_request_invalid",
            )
        require("presidio_analyzer", purpose="looking for personal data")
        self._signs = [(kind, re.compile(_KINDS[kind][1])) for kind in kinds or DEFAULT_KINDS]
        self._recognisers: dict[str, Any] = {}

    def scan(self, text: str) -> list[Finding]:
        """Every finding of a text; they may overlap."""
        found: list[Finding] = []
        digits = _DIGIT.search(text) is not None
        for kind, sign in self._signs:
            if (digits or kind not in _WITH_DIGITS) and sign.search(text):
                found += _findings(kind, text, self._recogniser(kind).analyze(text, [kind], None))
        return found

    def _recogniser(self, kind: str) -> Any:
        if kind not in self._recognisers:
            self._recognisers[kind] = _build(kind)
        return self._recognisers[kind]


def _findings(kind: str, text: str, results: Iterable[Any]) -> Iterable[Finding]:
    for each in results:
        if each.score >= _LEAST_SCORE and not _is_another(kind, text, each.start, each.end):
            yield Finding("pii", kind, each.start, each.end, round(float(each.score), 2))


def _is_another(kind: str, text: str, start: int, end: int) -> bool:
    """Years, page ranges, thousands and decimals that look like phone numbers; addresses of every machine."""
    value = text[start:end]
    if kind == "PHONE_NUMBER":
        decimal = text[end : end + 1] in (".", ",") and text[end + 1 : end + 2].isdigit()
        return decimal or "," in value or sum(map(str.isdigit, value)) < _PHONE_DIGITS
    if kind == "IP_ADDRESS":
        try:
            address = ip_address(value.partition("/")[0].partition("%")[0])
        except ValueError:  # leading zeros: an address all the same
            return False
        return address.is_loopback or address.is_unspecified
    return False


def _build(kind: str) -> Any:
    recognisers = import_module("presidio_analyzer.predefined_recognizers")
    if kind != "EMAIL_ADDRESS":
        return getattr(recognisers, _KINDS[kind][0])()

    from tldextract import TLDExtract

    # The list of public suffixes that comes with the package; by default it would be downloaded.
    suffixes = TLDExtract(suffix_list_urls=(), cache_dir=None)

    class OfflineEmailRecognizer(recognisers.EmailRecognizer):  # type: ignore[name-defined,misc]
        def validate_result(self, pattern_text: str) -> bool:
            return bool(suffixes(pattern_text).fqdn)

    return OfflineEmailRecognizer()
