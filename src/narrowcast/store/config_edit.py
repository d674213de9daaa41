"""Change a YAML text where its values change, and nowhere else: comments, order, quoting and spaces stay.

The text is edited at the places that the parser names, not written anew: a library that writes a whole
document with its comments still changes spaces, folds lists and rewrites empty values that nobody touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

_MISSING: Any = object()
_WIDE = 1_000_000


class CannotEdit(Exception):  # noqa: N818 - caught by whoever can write the text in another way
    """The text is written in a form that has no place for the change, such as an alias."""


class _Edit(NamedTuple):
    """`text[start:end]` becomes `new`."""

    start: int
    end: int
    new: str


def edited(text: str, old: Mapping[str, Any], new: Mapping[str, Any], *, whole_entries: bool = False) -> str:
    """The text with every value changed in which `new` differs from `old`.

    Args:
        text: a block mapping; it may also hold keys that neither `old` nor `new` has.
        old: what the text means.
        new: what it is to mean.
        whole_entries: write each changed entry of the text anew, without looking into it.

    Raises:
        CannotEdit: if a change has no place in the text.
        yaml.YAMLError: where the text is not YAML.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not _is_block(root) or not isinstance(root, MappingNode):
        raise CannotEdit
    edits = enumerate(_Editor(text, deep=not whole_entries).mapping(root, old, new))
    # From the end to the start, so that the places of the edits to come still hold.
    for _, edit in sorted(edits, key=lambda each: (each[1].start, each[1].end, each[0]), reverse=True):
        text = text[: edit.start] + edit.new + text[edit.end :]
    return text


class _Editor:
    """Finds the edits; `deep` ones look into entries and items."""

    def __init__(self, text: str, *, deep: bool) -> None:
        self._text = text
        self._deep = deep
        self._newline = "\r\n" if "\r\n" in text else "\n"

    def mapping(self, node: MappingNode, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[_Edit]:
        """Entries changed in place, removed with their lines, and added after the entry before them."""
        entries = {key.value: (key, value) for key, value in node.value}
        column = node.start_mark.column
        last = ""
        for key, after in new.items():
            before = old.get(key, _MISSING)
            if key in entries:
                if before != after:
                    yield from self._entry(*entries[key], before, after)
                last = key
            elif before != after:
                at = self._lines_end(*entries[last]) if last else self._own_line(node.value[0][0])
                yield self._insertion(at, {key: after}, column)
        for key in old.keys() - new.keys():
            if key in entries:
                yield _Edit(self._own_line(entries[key][0]), self._lines_end(*entries[key]), "")

    def _entry(self, key: ScalarNode, value: Node, old: Any, new: Any) -> Iterator[_Edit]:
        inside = self._inside(value, old, new)
        if inside is not None:
            yield from inside
        elif self._is_inline(value) and (_is_scalar(new) or isinstance(value, CollectionNode)):
            yield _Edit(value.start_mark.index, value.end_mark.index, _inline(new, value))
        else:
            start, column = key.start_mark.index, key.start_mark.column
            written = self._block({key.value: new}, column).strip()
            yield _Edit(start, self._content_end(key, value), written)

    def _inside(self, node: Node, old: Any, new: Any) -> list[_Edit] | None:
        """The edits inside a collection; None where it has to be written anew."""
        if not (self._deep and new and _is_block(node)):
            return None
        try:
            if isinstance(node, MappingNode) and isinstance(old, dict) and isinstance(new, dict):
                return list(self.mapping(node, old, new))
            if isinstance(node, SequenceNode) and isinstance(old, list) and isinstance(new, list):
                return list(self._sequence(node, old, new))
        except CannotEdit:
            return None
        return None

    def _sequence(self, node: SequenceNode, old: Sequence[Any], new: Sequence[Any]) -> Iterator[_Edit]:
        """Items that differ between the equal ones at the start and at the end are paired in order."""
        items = node.value
        if len(items) != len(old):
            raise CannotEdit
        first, last = _unequal(old, new)
        paired = min(last, last + len(new) - len(old))
        column = self._dash(items[0])[1]
        for number in range(first, paired):
            inside = self._inside(items[number], old[number], new[number])
            yield from inside if inside is not None else [self._item(items[number], new[number])]
        for item in items[paired:last]:
            yield _Edit(self._dash(item)[0], self._lines_end(item, item), "")
        at = self._lines_end(items[paired - 1], items[paired - 1]) if paired else self._dash(items[0])[0]
        for added in new[paired : last + len(new) - len(old)]:
            yield self._insertion(at, [added], column)

    def _item(self, item: Node, new: Any) -> _Edit:
        start, column = self._dash(item)
        if self._is_inline(item) and _is_scalar(new):
            return _Edit(item.start_mark.index, item.end_mark.index, _inline(new, item))
        return _Edit(start, self._lines_end(item, item), self._block([new], column))

    def _dash(self, item: Node) -> tuple[int, int]:
        """Where the line of an item begins, and the column of its dash."""
        before = self._text[: item.start_mark.index].rstrip(" ")
        start = self._line_start(len(before))
        if not before.endswith("-") or before[start:-1].strip(" "):
            raise CannotEdit
        return start, len(before) - 1 - start

    def _insertion(self, at: int, value: Any, column: int) -> _Edit:
        ended = at == 0 or self._text[at - 1] == "\n"
        written = self._block(value, column)
        return _Edit(at, at, written if ended else self._newline + written.rstrip())

    def _block(self, value: Any, column: int) -> str:
        """The value as lines, each with this indentation."""
        dumped = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
        lines = (f"{' ' * column}{line}".rstrip(" ") for line in dumped.rstrip("\n").split("\n"))
        return "".join(line + self._newline for line in lines)

    def _line_start(self, index: int) -> int:
        return self._text.rfind("\n", 0, index) + 1

    def _own_line(self, key: Node) -> int:
        """Where the line of an entry begins; there is nothing before the entry in it."""
        start = self._line_start(key.start_mark.index)
        if self._text[start : key.start_mark.index].strip(" "):
            raise CannotEdit
        return start

    def _lines_end(self, owner: Node, value: Node) -> int:
        """Behind the last line of a value, with the comment in it; comments below belong to what follows."""
        end = self._content_end(owner, value)
        stop = self._text.find("\n", end)
        rest = self._text[end:] if stop < 0 else self._text[end:stop]
        if rest.strip() and not rest.lstrip().startswith("#"):
            raise CannotEdit
        return len(self._text) if stop < 0 else stop + 1

    def _content_end(self, owner: Node, node: Node) -> int:
        """After the last character of a value: a block's own end mark is after the comments below it."""
        while _is_block(node) and node.value:
            last = node.value[-1]
            node = last[1] if isinstance(last, tuple) else last
        end = node.end_mark.index
        if end < owner.start_mark.index:  # an alias: the value is written elsewhere
            raise CannotEdit
        return len(self._text[:end].rstrip())

    def _is_inline(self, node: Node) -> bool:
        """Written on the line of its key, so that it can be replaced there."""
        written = self._text[node.start_mark.index : node.end_mark.index]
        return bool(written) and not _is_block(node) and written[0] not in "|>&*!"


def _is_block(node: Node | None) -> TypeGuard[CollectionNode]:
    return isinstance(node, CollectionNode) and not node.flow_style


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _inline(value: Any, node: Node) -> str:
    """The value on one line; a text keeps the quotes of the one before."""
    style = node.style if isinstance(node, ScalarNode) and isinstance(value, str) else None
    if isinstance(value, str) and "\n" in value:
        style = '"'
    dumped: str = yaml.safe_dump(
        [value],
        default_flow_style=True,
        default_style=style,
        sort_keys=False,
        allow_unicode=True,
        width=_WIDE,
    )
    return dumped.strip()[1:-1]


def _unequal(old: Sequence[Any], new: Sequence[Any]) -> tuple[int, int]:
    """`old[first:last]` are the items that differ from `new`."""
    shorter = min(len(old), len(new))
    first = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    same = next((n for n in range(shorter - first) if old[-1 - n] != new[-1 - n]), shorter - first)
    return first, len(old) - same
