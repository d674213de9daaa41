"""An import of the first rows of a source: what more of its rows, and more of its files, say of them."""

from __future__ import annotations

from collections.abc import Iterable

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.files import FILE_COLUMNS
from narrowcast.core.row import SourceRow
from narrowcast.stages.import_.choose import ChosenMapping, MappingUncertainError
from narrowcast.stages.import_.introspect import IntrospectionReport
from narrowcast.stages.import_.mapping.base import getter
from narrowcast.stages.import_.source import IntrospectedSource

# An import of fewer rows is introspected in this many: the head of a sorted file has one label only.
_LEAST_SCANNED = 100_000


def rows_to_introspect(limit: int | None) -> int | None:
    """How many rows introspection reads for an import of at most `limit` rows; None: all."""
    return None if limit is None else max(limit, _LEAST_SCANNED)


def warn_of_first(
    introspection: IntrospectedSource, chosen: ChosenMapping, head: IntrospectionReport
) -> None:
    """Let the warnings of a mapping count the rows that are imported, not those that were introspected.

    Args:
        introspection: of more rows than are imported.
        chosen: what they are mapped by.
        head: of those that are imported.
    """
    reports = (introspection.report, head)
    whole, first = (
        next(
            (
                each.warnings
                for each in report.hypotheses
                if (each.mapper_id, each.field_map) == (chosen.mapper.id, chosen.field_map)
            ),
            None,
        )
        for report in reports
    )
    if whole is not None and first is not None:
        chosen.warnings[:] = [*first, *(each for each in chosen.warnings if each not in whole)]


def files_not_reached(source: SourceDescription, rows: Iterable[SourceRow]) -> list[str]:
    """A warning where the rows of a limited import come from some of the files of their source only.

    Args:
        source: which says in `origin` of how many files it consists.
        rows: those that are imported.
    """
    column = next((each for each in reversed(FILE_COLUMNS) if each in source.columns), None)
    files = int(source.origin.get("files", "0").replace(",", ""))
    if column is None or files < 2:
        return []
    reached = list(dict.fromkeys(str(row.data[column]) for row in rows if row.error is None))
    if len(reached) >= files:
        return []
    named = ", ".join(reached[:3]) + (f" and {len(reached) - 3:,} more" if len(reached) > 3 else "")
    return [f"the limit was reached in {named}: {files - len(reached):,} of {files:,} files were not read"]


def refuse_sorted(
    introspection: IntrospectedSource, chosen: ChosenMapping, rows: Iterable[SourceRow]
) -> None:
    """Say which labels the first rows of a source lack; add it to the warnings of the mapping.

    Args:
        introspection: of more rows than are imported.
        chosen: what they are mapped by.
        rows: those that are imported.

    Raises:
        MappingUncertainError: if they have one label of several, as in a file that is sorted by label.
    """
    label = chosen.field_map.get("label")
    column = next((each for each in introspection.report.columns if each.name == label), None)
    if label is None or column is None or column.distinct is None:
        return
    read, found, count = getter(label), set(), 0
    for row in rows:
        count += 1
        value = read(row.data) if row.error is None else None
        if value is not None and value != "":  # which introspection does not count either
            found.add(str(value))
    if len(found) >= column.distinct:
        return
    labels = {each.strip() for each in found} - {""}
    seen = f"{len(labels)} of {column.distinct:,} labels"
    what = f"the first {count:,} rows have {seen}: the file may be sorted"
    if len(labels) < 2 and not chosen.forced:
        raise MappingUncertainError(
            introspection,
            f"{what}, and one label teaches nothing ({next(iter(labels), 'they have none')})",
            "the same command without --limit; `narrowcast train --rows N` draws N rows at random",
        )
    chosen.warnings.insert(0, what)
