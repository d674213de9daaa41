"""Rows that are alike count as one where the metric of a file is judged."""

import pytest

from narrowcast.ops.export import export
from narrowcast.ops.requests import ExportRequest


def test_a_fall_is_excluded_by_groups_not_by_rows(grouped):
    """Sixteen rows come from all eight groups, which prove as much as eight rows do."""
    options = {"formats": ["f16"], "parity_rows": 16, "tolerance": 0.25}
    report = export(grouped, ExportRequest(options=options)).parity
    (file,) = report.formats
    assert (file.rows, file.groups) == (16, 8)
    assert file.answers_equal == 1
    assert file.metric_difference.low == pytest.approx(-(1 - 0.05 ** (1 / 8)))
    assert report.verdict == "not_enough_data"
    assert "16 rows in 8 groups cannot exclude a fall of 0.312" in file.detail
    assert grouped.trail.events()[-1].reason_code == "export_run"
    assert "export_parity_uncertain" in [event.reason_code for event in grouped.trail.events()]
