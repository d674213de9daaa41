"""Rows that are alike count as one where the metric of a file is judged."""

import pytest

from narrowcast.ops.export import export
from narrowcast.ops.requests import ExportRequest


def test_a_fall_is_excluded_by_groups_not_by_rows(grouped):
    """Sixteen rows come from all eight groups, which prove as much as eight rows do."""
    options = {"formats": ["f16", "q8_0"], "parity_rows": 16, "tolerance": 0.0}
    report = export(grouped, ExportRequest(options=options)).parity
    whole, file = report.formats
    assert (whole.rows, whole.groups, whole.answers_equal) == (16, 8, 1)
    assert whole.metric_difference.low == pytest.approx(-(1 - 0.05 ** (1 / 8)))
    assert whole.verdict == "pass"  # identical float weights are the model, however few the rows
    assert (file.verdict, report.verdict) == ("not_enough_data", "not_enough_data")
    assert "16 rows in 8 groups cannot exclude a fall of" in file.detail
    assert grouped.trail.events()[-1].reason_code == "export_run"
    assert "export_parity_uncertain" in [event.reason_code for event in grouped.trail.events()]
