"""Whatever stands in a file: rows = accepted + rejected, in the report, in the files and in the ledger."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from narrowcast.errors import NarrowcastError
from narrowcast.ops import data
from narrowcast.ops.project import Project

PARTS = st.lists(
    st.one_of(
        st.binary(max_size=25),
        st.sampled_from(
            [b'{"text": "a b", "label": "x"}', b'{"text": "", "label": 1}', b'{"text": "c", "label": null}',
             b'{"text": ["c"]}', b'{"label": 1e999, "text": "t"}', b'["a", "b"]', b"a b,x",
             b"text,label", b'"a,x']
        ),
    ),
    min_size=1,
    max_size=10,
)  # fmt: skip


@pytest.mark.parametrize(("scheme", "name"), [("csv", "x.csv"), ("csv", "x.tsv"), ("jsonl", "x.jsonl")])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=PARTS)
def test_rows_and_rejects_add_up(
    project: Project, tmp_path: Path, scheme: str, name: str, parts: list[bytes]
) -> None:
    head = b"text,label\nfirst one,x\n" if scheme == "csv" else b'{"text": "first one", "label": "x"}\n'
    path = tmp_path / name
    path.write_bytes(head + b"\n".join(parts) + b"\n")
    options = {"text": "text", "label": "label"}
    try:
        outcome = data.import_rows(
            project, f"{scheme}:{path}", mapper="label_to_classification", field_map=options
        )
    except NarrowcastError as error:
        if not (error.where and error.next_command):
            raise AssertionError(f"no place or no next command: {error!r}") from error
        assert data.imports(project) == []
        return
    assert isinstance(outcome, data.ImportOutcome)
    record = outcome.record
    assert record.rows == record.accepted + sum(record.rejected.values())
    assert record.accepted >= 1
    ledger = data.ledger(project)
    assert ledger.balanced
    assert ledger.stages[0].rows_in == record.rows
    data.remove_import(project, record.id)
