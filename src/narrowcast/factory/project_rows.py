"""The rows of a project beside those that a generation brought itself.

A generation brings the rows of its import, and those of its rejected rows that reviewers rescued. It is not
compared with them: each of its rows would be a duplicate, and its import would make its own run stale.
"""

from __future__ import annotations

from narrowcast.core.example import Example
from narrowcast.core.hashing import content_hash, sha256_hex
from narrowcast.core.manifest import REVIEW_MAPPER, ImportRecord
from narrowcast.core.paths import ProjectPaths
from narrowcast.factory.held_out import evaluation_rows
from narrowcast.store.files import json_line
from narrowcast.store.import_rows import accepted_rows
from narrowcast.store.imports import generated_imports, read_records


class OwnRows:
    """The rows that a generation brought into a project.

    Args:
        project: whose.
        generation: its id; where empty, no row is its own.
    """

    def __init__(self, project: ProjectPaths, generation: str = "") -> None:
        self._project = project
        self._imports = {each.id for each in generated_imports(project, generation)} if generation else set()

    def __contains__(self, row: Example) -> bool:
        return row.source in self._imports or any(
            parent.rpartition(":")[0] in self._imports for parent in row.parents
        )

    def without(self, records: list[ImportRecord]) -> list[ImportRecord]:
        """The imports that hold other rows."""
        return [each for each in records if not self._hold_all_of(each)]

    def _hold_all_of(self, record: ImportRecord) -> bool:
        if record.id in self._imports or not self._imports:
            return record.id in self._imports
        return record.mapper == REVIEW_MAPPER and all(
            row in self for row in accepted_rows(self._project, [record])
        )


def project_rows_hash(project: ProjectPaths, generation: str = "") -> str:
    """Hash of all rows that the rows of a generation are compared with: imports and evaluation files.

    Raises:
        DataError: where an evaluation file cannot be read.
    """
    own = OwnRows(project, generation)
    return content_hash(
        {
            "imports": [[each.id, each.accepted_sha256] for each in own.without(read_records(project))],
            "held_out": [
                [name, sha256_hex(json_line(row.to_dict()))]
                for name, row in evaluation_rows(project)
                if row not in own
            ],
        }
    )
