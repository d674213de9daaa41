"""What a bundle says of baselines that are files names no folder of the machine they were measured on."""

import pytest

from narrowcast.core.metric import Difference
from narrowcast.core.verdict import BaselineDifference, Conclusion, RunVerdict
from narrowcast.stages.export.verdict import public_verdict, verdict_section


@pytest.mark.parametrize(
    "name",
    [
        "rules:/home/me/secret/rules.py",
        "rules:~/my secret/rules.py",
        "rules:/home/jörg/my secret/rules.py",
        "tfidf",
    ],
)
def test_files_are_named_without_their_folders(name):
    difference = Difference(
        metric="macro_f1",
        value=0.1,
        low=0.0,
        high=0.2,
        p_value=0.01,
        only_first_right=3,
        only_second_right=1,
        mcnemar_p=0.6,
    )
    verdict = RunVerdict(
        run_id="exp-0123456789",
        dataset_version="0" * 64,
        split="test",
        n=60,
        groups=60,
        gates=[],
        baselines=[BaselineDifference(against=name, difference=difference, verdict="better")],
        conclusion=Conclusion(
            standing="ahead",
            sentence=f"it beats {name}, the closest; not measured: encoder:/home/me/secret/model, base",
            next=[],
        ),
        report="outputs/eval_reports/evaluate-0",
        finished="2026-01-01T00:00:00+00:00",
    )
    card = verdict_section(public_verdict(verdict))
    assert "secret" not in card
    assert f"`{'tfidf' if name == 'tfidf' else 'rules:rules.py'}`: +0.100" in card
    assert "not measured: encoder:model, base" in card
    assert public_verdict(None) is None
