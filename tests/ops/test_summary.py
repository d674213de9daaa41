"""What is advised after a run follows from the interval of the difference."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from narrowcast.cli.summary import show_summary
from narrowcast.core.metric import Difference
from narrowcast.core.model_ref import ModelRef
from narrowcast.ops.prepare import prepare
from narrowcast.ops.summary import SummaryDifference, _conclusion, _next_steps, summarise
from tests.support.imports import import_rows

MODELS = [ModelRef(each) for each in ("tfidf", "run:exp-1", "gguf:q8_0")]


def difference(low: float, value: float, high: float) -> list[SummaryDifference]:
    counts = {"p_value": 0.01, "only_first_right": 3, "only_second_right": 1, "mcnemar_p": 0.1}
    found = Difference(metric="macro_f1", value=value, low=low, high=high, **counts)
    return [SummaryDifference(against=MODELS[0], name="TF-IDF + linear", difference=found)]


@pytest.mark.parametrize(
    ("interval", "said", "first"),
    [
        ((0.01, 0.05, 0.09), "beats every baseline", "narrowcast serve"),
        ((-0.02, 0.01, 0.03), "no difference", "narrowcast serve"),
        ((-0.09, -0.05, -0.01), "do not deploy", "narrowcast models list"),
    ],
)
def test_a_model_that_lost_is_not_offered_for_serving(interval, said, first):
    differences = difference(*interval)
    assert said in _conclusion(differences)
    steps = _next_steps(SimpleNamespace(slug="cards"), MODELS, differences)
    assert steps[0].startswith(first)
    assert any("serve" in step for step in steps) == (first == "narrowcast serve")


def test_a_run_that_ends_with_prepare_says_what_was_done_and_what_is_next(project, tmp_path, capsys):
    path = tmp_path / "rows.csv"
    lines = [f"card number {n} is lost,{('lost', 'found')[n % 2]}" for n in range(60)]
    path.write_text("\n".join(["text,label", *lines]) + "\n")
    import_rows(project, f"csv:{path}", auto=True, force=True)
    done = prepare(project)
    summary = summarise(project)
    assert (summary.rows, summary.dataset_version) == ([], done.version)
    assert summary.next[0].startswith("narrowcast baseline")
    show_summary(summary)
    shown = capsys.readouterr().out
    assert "is prepared" in shown
    assert "on 0" not in shown
