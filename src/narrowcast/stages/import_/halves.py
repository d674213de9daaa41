"""Questions in one file, their answers in another of the same name: which two to join."""

from __future__ import annotations

import shlex
from pathlib import Path

from narrowcast.stages.import_.source import IntrospectedSource

_SCHEMES = ("file", "jsonl", "csv")
_KEYS = ("id", "key", "uid", "question_id")
_ANSWERS = ("answer", "truth", "label", "gold", "target", "reference", "solution")


def joined_with_other_half(introspection: IntrospectedSource) -> str | None:
    """The command that joins this file with one of its name in a folder below or above, or None."""
    scheme, _, rest = introspection.source.locator.partition(":")
    key = next((name for name in introspection.report.column_names if name.lower() in _KEYS), None)
    path = Path(rest)
    if scheme not in _SCHEMES or key is None or not path.is_file():
        return None
    below = sorted(path.parent.glob(f"*/{path.name}"))
    above = path.parent.parent / path.name
    if below:
        pair = [path, below[0]]
    elif above.is_file():
        pair = [above, path]
    else:
        return None
    if not any(word in pair[1].parent.name.lower() for word in _ANSWERS):
        return None
    locator = f"join:{scheme}:{pair[0]}+{scheme}:{pair[1]}?on={key}"
    return (
        f"narrowcast data import --locator {shlex.quote(locator)} --auto, which joins it with its other half"
    )
