"""Columns of yes and no, one for each label, as one-hot tables have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.stages.import_.mapping.base import Role, getter
from narrowcast.stages.import_.mapping.reasons import RejectRow

ROLE = Role("fields", "columns of yes and no, one for each label, separated by |")

_FLAGS = {"1": True, "1.0": True, "true": True, "yes": True, "y": True, "x": True, "0": False, "0.0": False,
          "false": False, "no": False, "n": False, "": False}  # fmt: skip


def flag(value: Any) -> bool | None:
    """Whether a cell says yes; None if it says neither."""
    return False if value is None else _FLAGS.get(str(value).strip().lower())


class Flags:
    """Reads the labels of a row.

    Args:
        fields: names of the columns, separated by a vertical bar; the last part of a name is the label.
    """

    def __init__(self, fields: str) -> None:
        columns = [column for column in fields.split("|") if column]
        self._read = {column.rpartition(".")[2].strip(): getter(column) for column in columns}

    def labels(self, data: Mapping[str, Any]) -> list[str]:
        """Labels whose columns say yes, in the order of the columns.

        Raises:
            RejectRow: `missing_label` if all cells are empty, `invalid_label` for other values.
        """
        values = {label: read(data) for label, read in self._read.items()}
        if all(value is None or value == "" for value in values.values()):
            raise RejectRow("missing_label")
        flags = {label: flag(value) for label, value in values.items()}
        odd = next((label for label, each in flags.items() if each is None), None)
        if odd is not None:
            raise RejectRow("invalid_label", f"{odd} is neither yes nor no: {str(values[odd])[:40]}")
        return [label for label, each in flags.items() if each]
