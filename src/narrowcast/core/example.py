"""The one record type that crosses the stages from mapping to export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from narrowcast.core.hashing import content_hash
from narrowcast.core.names import Provenance, Split

# What an example asks for: a label, an object (extraction) or a text.
Target = str | dict[str, Any]


# Not frozen: a frozen one takes five times as long to build, and imports build millions.
@dataclass(slots=True)
class Example:
    """An input and the answer that is wanted.

    Attributes:
        inputs: what the task sees, e.g. `{"text": ...}`, `{"question": ..., "context": ...}` or
            `{"messages": [...]}` (a conversation without the last answer).
        target: a label, an object or a text; the task handler renders it.
        source: id of the import it came from.
        index: record number in that source, from 0.
        group: rows of one group never are in two splits (scenario, document, customer).
        split: set when the source was imported into a fixed split.
        provenance: who wrote it.
        parents: ids of the rows a generated one was made after; they stay in one split with it.
        group_id: of a held-out row of a data-set version, the group that `prepare` put it in, with its
            near-duplicates; empty elsewhere.
    """

    inputs: dict[str, Any]
    target: Target
    source: str = ""
    index: int = 0
    group: str | None = None
    split: Split | None = None
    provenance: Provenance = Provenance.HUMAN
    parents: tuple[str, ...] = ()
    group_id: str = ""

    @property
    def id(self) -> str:
        """Stable name of the row: its import and its record number."""
        return f"{self.source}:{self.index}"

    @property
    def hash(self) -> str:
        """Content address over inputs and target alone."""
        return content_hash({"inputs": self.inputs, "target": self.target})

    def to_dict(self) -> dict[str, Any]:
        """The stored form (one JSON line)."""
        row: dict[str, Any] = {
            "id": self.id,
            "inputs": self.inputs,
            "target": self.target,
            "source": self.source,
            "index": self.index,
            "group": self.group,
            "split": self.split.value if self.split else None,
            "provenance": self.provenance.value,
        }
        if self.parents:
            row["parents"] = list(self.parents)
        if self.group_id:
            row["group_id"] = self.group_id
        return row

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Example:
        """Inverse of `to_dict`."""
        return cls(
            inputs=value["inputs"],
            target=value["target"],
            source=value["source"],
            index=value["index"],
            group=value.get("group"),
            split=Split(value["split"]) if value.get("split") else None,
            provenance=Provenance(value.get("provenance", "human")),
            parents=tuple(value.get("parents", ())),
            group_id=value.get("group_id", ""),
        )
