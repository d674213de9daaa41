"""Content addresses: the same content has the same name on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

_LONGEST_LABEL, _MOST_LABELS = 64, 10_000


def _encoder() -> Callable[[Any], str]:
    encoder = json.JSONEncoder(
        sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
    )
    build: Any = getattr(json.encoder, "c_make_encoder", None)
    if build is None:  # an interpreter without the C module
        return encoder.encode
    # Built once: `json.dumps` with options of its own builds one for each call.
    quoted = json.encoder.encode_basestring
    chunks = build(None, encoder.default, quoted, None, ":", ",", True, False, False)
    return lambda value: "".join(chunks(value, 0))


_encode = _encoder()


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces, so that equal values give equal bytes.

    Raises:
        ValueError: for NaN and infinities, which have no JSON form.
    """
    return _encode(value).encode("utf-8", "surrogatepass")


def sha256_hex(data: bytes) -> str:
    """Sixty-four hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def content_hash(value: Any) -> str:
    """SHA-256 of the canonical JSON of `value`."""
    return sha256_hex(canonical_json(value))


def combined_hash(hashes: Iterable[str]) -> str:
    """SHA-256 over row hashes in their order: the version of a data set."""
    digest = hashlib.sha256()
    for each in hashes:
        digest.update(each.encode("ascii"))
        digest.update(b"\n")
    return digest.hexdigest()


def short(digest: str) -> str:
    """The first twelve digits of a hash: enough to tell versions apart, in folder names and for people."""
    return digest[:12]


class TargetHashes:
    """Hashes of the targets of rows; that of a label, which many rows have, is computed once."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def hash(self, target: Any) -> int:
        """Sixty-four bits of the hash of the content."""
        if not isinstance(target, str) or len(target) > _LONGEST_LABEL:
            return int(content_hash(target)[:16], 16)
        known = self._known.get(target)
        if known is None:
            if len(self._known) >= _MOST_LABELS:  # they are answers, not labels
                self._known.clear()
            known = self._known[target] = int(content_hash(target)[:16], 16)
        return known
