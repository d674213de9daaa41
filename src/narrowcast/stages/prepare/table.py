"""What preparation needs of each row, in columns; the rows are read again when they are written."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.core.example import Example
from narrowcast.core.hashing import TargetHashes, content_hash
from narrowcast.core.names import Split
from narrowcast.similarity.equal_texts import text_hash
from narrowcast.similarity.examples import SameFields, comparison_text, input_fields
from narrowcast.similarity.forms import Forms, FormsBuilder
from narrowcast.similarity.shingles import normalised

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Who keeps a group that touches several fixed splits: the more it must stay unseen, the earlier.
STRICTEST = (Split.GOLDEN, Split.TEST, Split.DEV, Split.TRAIN)
NO_SPLIT = len(STRICTEST)
"""The code of no split; the others are places in `STRICTEST`."""
CODES = {split: code for code, split in enumerate(STRICTEST)}


@dataclass(frozen=True, slots=True)
class RowTable:
    """Rows by their place in the table, in the order in which they were read.

    Attributes:
        numbers: among the accepted rows.
        order: of the rows in files: by content, so that it is the same however they came in.
        forms: normal forms of the texts that are compared.
        constant: fields that are left out of these texts, because they are the same in every row.
        equal: a hash of the text, the same where texts are equal but for case and white space.
        hashes: SHA-256 of inputs and target, 32 bytes a row.
        targets: a hash of the target.
        labels: the code of the target; 0 where targets are no labels.
        label_names: by code, ascending.
        labelled: targets are labels.
        keys: the code of the group key; -1 without one.
        any_key: a row has a group key that is not empty.
        fixed: the code of the split that the row was imported into.
        provenance: the code of who wrote the row.
        provenance_names: by code.
        same: what makes the row the same in another version; empty where no version is looked at.
        parents: of rows that were generated after others, the ids of those.
        sources: the code of the import.
        source_names: by code, ascending.
        indexes: record numbers in the import.
    """

    numbers: NDArray[np.uint32]
    order: NDArray[np.int32]
    forms: Forms
    constant: frozenset[str]
    equal: NDArray[np.uint64]
    hashes: bytes
    targets: NDArray[np.uint64]
    labels: NDArray[np.int32]
    label_names: Sequence[str]
    labelled: bool
    keys: NDArray[np.int32]
    any_key: bool
    fixed: NDArray[np.int8]
    provenance: NDArray[np.int8]
    provenance_names: Sequence[str]
    same: NDArray[np.int64]
    parents: dict[int, tuple[str, ...]]
    sources: NDArray[np.int32]
    source_names: Sequence[str]
    indexes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)

    def id_of(self, row: int) -> str:
        """The id of the row."""
        return f"{self.source_names[self.sources[row]]}:{self.indexes[row]}"

    def digest(self, row: int) -> str:
        """The content address of the row."""
        return self.hashes[32 * row : 32 * row + 32].hex()


class TableBuilder:
    """Takes rows one after the other, and keeps of each what the table holds.

    Args:
        labelled: targets are labels.
        recognise: rows are looked for in another version.
    """

    def __init__(self, *, labelled: bool, recognise: bool) -> None:
        self._labelled, self._recognise = labelled, recognise
        self._same_fields = SameFields()
        self._texts = _Texts()
        self.numbers = array("I")
        """Of the rows so far, among the accepted ones."""
        self._hashes, self._targets = bytearray(), array("Q")
        self._labels, self._keys, self._sources = _Coded(), _Coded(), _Coded()
        self._provenance, self._fixed = _Coded(), array("b")
        self._indexes, self._same = array("q"), array("q")
        self._parents: dict[int, tuple[str, ...]] = {}
        self._target_hashes = TargetHashes()

    def add(self, number: int, row: Example) -> None:
        """The next row, and its number among the accepted ones."""
        fields = input_fields(row.inputs)
        self._same_fields.see(fields)
        self._texts.add("\n".join(fields.values()))
        if row.parents:
            self._parents[len(self.numbers)] = row.parents
        self.numbers.append(number)
        self._hashes += bytes.fromhex(row.hash)
        self._targets.append(self._target_hashes.hash(row.target))
        self._labels.add(str(row.target) if self._labelled else "")
        self._keys.add(row.group)
        self._sources.add(row.source)
        self._provenance.add(row.provenance)
        self._fixed.append(NO_SPLIT if row.split is None else CODES[row.split])
        self._indexes.append(row.index)
        if self._recognise:
            self._same.append(same_row(row))

    @property
    def constant(self) -> frozenset[str]:
        """Fields that are the same in every row so far."""
        return self._same_fields.names

    def compare_without(self, constant: frozenset[str], rows: Iterable[Example]) -> frozenset[str]:
        """Compare the rows, which are those of the table in their order, without these fields.

        Where a row has no others, nothing is left out.

        Returns:
            What is left out.
        """
        texts, others = _Texts(), False
        for row in rows:
            fields = input_fields(row.inputs)
            others = others or not fields.keys() <= constant
            texts.add(comparison_text(fields, constant))
        if not others:
            return frozenset()
        self._texts = texts
        return constant

    def table(self, constant: frozenset[str]) -> RowTable:
        """The table; the builder is empty then."""
        import numpy as np

        any_key = any(self._keys.known)
        self._keys.known = {}  # only which rows share one is needed
        labels, label_names = self._labels.sorted()
        sources, source_names = self._sources.sorted()
        hashes, indexes = bytes(self._hashes), np.array(self._indexes, np.int64)
        self._hashes = bytearray()
        words = np.frombuffer(hashes, ">u8").reshape(-1, 4).astype(np.uint64)
        order = np.lexsort((indexes, sources, words[:, 1], words[:, 0])).astype(np.int32)
        return RowTable(
            numbers=np.array(self.numbers, np.uint32),
            order=order,
            forms=self._texts.builder.forms(),
            constant=constant,
            equal=np.array(self._texts.equal, np.uint64),
            hashes=hashes,
            targets=np.array(self._targets, np.uint64),
            labels=labels,
            label_names=label_names,
            labelled=self._labelled,
            keys=np.array(self._keys.codes, np.int32),
            any_key=any_key,
            fixed=np.array(self._fixed, np.int8),
            provenance=np.array(self._provenance.codes, np.int8),
            provenance_names=list(self._provenance.known),
            same=np.array(self._same, np.int64),
            parents=self._parents,
            sources=sources,
            source_names=source_names,
            indexes=indexes,
        )


def same_row(row: Example) -> int:
    """What makes a row the same in another version: its inputs, whatever its target, import and case."""
    strings = sorted((name, normalised(text)) for name, text in input_fields(row.inputs).items())
    return int(content_hash(strings)[:15], 16)


class _Texts:
    """Normal forms of texts, and a hash of each."""

    def __init__(self) -> None:
        self.builder = FormsBuilder()
        self.equal = array("Q")

    def add(self, text: str) -> None:
        self.equal.append(text_hash(text))
        self.builder.add(text)


class _Coded:
    """Names as numbers, in the order in which they come; -1 stands for none."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}
        self.codes = array("i")

    def add(self, name: str | None) -> None:
        self.codes.append(-1 if name is None else self.known.setdefault(name, len(self.known)))

    def sorted(self) -> tuple[NDArray[np.int32], list[str]]:
        """The codes in the order of the names, and the names."""
        import numpy as np

        names = sorted(self.known)
        ranks = np.empty(len(names), np.int32)
        ranks[[self.known[name] for name in names]] = np.arange(len(names), dtype=np.int32)
        return ranks[np.array(self.codes, np.int32)], names
