"""The verdict on a model card."""

from __future__ import annotations

import pytest

from narrowcast.core.names import Split
from narrowcast.core.verdict import Conclusion, RunVerdict
from narrowcast.stages.export.verdict import verdict_section


@pytest.mark.parametrize(
    ("sentence", "written"),
    [
        ("run:exp-0123456789 is not shown to be better", "run:exp-0123456789 is not shown to be better."),
        ("do not ship run:exp-0123456789", "Do not ship run:exp-0123456789."),
    ],
)
def test_a_sentence_begins_with_a_capital_letter_but_for_a_reference(sentence: str, written: str) -> None:
    verdict = RunVerdict(
        run_id="exp-0123456789",
        dataset_version="v",
        split=Split.TEST,
        n=60,
        groups=60,
        gates=[],
        baselines=[],
        conclusion=Conclusion(standing="undecided", sentence=sentence),
        report="outputs/eval_reports/evaluate-1",
        finished="2026",
    )
    assert written in verdict_section(verdict).splitlines()
