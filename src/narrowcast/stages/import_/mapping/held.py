"""Records that are kept in memory until those that belong to them have been read."""

from __future__ import annotations

import json
from typing import Any

from narrowcast.errors import DataError

MAX_CHARACTERS = 512 << 20


class Held:
    """Counts the characters of what is held.

    Args:
        why: what is held together, in plain words.
    """

    def __init__(self, why: str) -> None:
        self._why = why
        self._characters = 0

    def add(self, data: dict[str, Any]) -> None:
        """Take a record.

        Raises:
            DataError: where all of them are too large for memory.
        """
        self._characters += len(json.dumps(data, ensure_ascii=False, default=str))
        if self._characters > MAX_CHARACTERS:
            raise DataError(
                f"{self._why} are held in memory, and these have more than {MAX_CHARACTERS >> 20} million "
                "characters",
                next_command="import a part of them at a time with --where, each part a source of its own",
                reason_code="dataset_source_too_large",
            )
