"""The commands, in processes of their own."""

import pytest

pytestmark = pytest.mark.nightly


@pytest.fixture
def here(intents):
    """The project's folder names it."""
    return {"cwd": intents.paths.root}


def test_baseline_prints_a_table_and_the_next_step(cli, here):
    out = cli("baseline", "--models", "majority,tfidf", "--samples", "200", **here).stdout
    assert "macro_f1" in out
    assert "tfidf − majority = +" in out
    assert "next: narrowcast train" in out


def test_eval_prints_the_agreed_object(cli_json, intents):
    found = cli_json("eval", "tfidf", "-p", str(intents.id), "--samples", "200", "--gates", "accuracy>=0.5")
    assert (found["model"], found["split"], found["n"], found["verdict"]) == ("tfidf", "test", 60, "pass")
    assert {"value", "low", "high"} == set(found["metrics"]["macro_f1"])
    assert found["gates"][0]["gate_id"] == "accuracy>=0.5"
    assert found["gates"][0]["verdict"] == "pass"


def test_a_baseline_that_wins_is_not_to_be_exported(cli, here):
    cli("baseline", "--models", "majority,base", "--samples", "200", **here)
    out = cli("eval", "tfidf", "--samples", "200", **here).stdout
    assert "ahead: tfidf beats" in out
    assert out.endswith("next: narrowcast train\n")


def test_a_failing_gate_exits_with_3(cli, cli_json, intents):
    arguments = ("eval", "majority", "-p", intents.slug, "--samples", "200", "--gates", "accuracy>=0.99")
    assert "accuracy>=0.99 on majority: fail" in cli(*arguments, code=3).stdout
    assert cli_json(*arguments, code=3)["verdict"] == "fail"


def test_compare_prints_difference_and_p_value(cli, cli_json, intents):
    arguments = ("compare", "tfidf", "majority", "-p", intents.slug, "--samples", "200")
    found = cli_json(*arguments)
    assert found["difference"]["low"] > 0
    assert found["p_value"] == found["difference"]["p_value"] < 0.05
    assert (found["model"], found["against"]["model"], found["verdict"]) == ("tfidf", "majority", "better")
    assert "tfidf − majority = +" in cli(*arguments).stdout


def test_an_unknown_model_is_wrong_usage(cli_json, intents):
    found = cli_json("eval", "tfdif", "-p", intents.slug, code=2)
    assert "tfidf" in found["error"]["actionable_fix"]
