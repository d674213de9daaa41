"""A user's rules file as a yardstick: what it gets, what it may answer, how it fails, and who lets it run."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from narrowcast.models import rules_process
from narrowcast.ops.evaluate import baseline
from narrowcast.ops.requests import BaselineRequest
from narrowcast.store.files import read_jsonl
from narrowcast.store.runs import current_run
from tests.evaluation.conftest import booking_rows, intent_rows, ticket_rows

GOOD = """
import re

WORDS = {"card": "card|plastic|envelope|posted|arrived", "fee": "fee|charged|cost|commission|deducted"}


def answer(inputs):
    assert set(inputs) == {"text"}, inputs
    print("a print does not end up among the answers")
    for label, words in WORDS.items():
        if re.search(words, inputs["text"]):
            return label
    return "login"
"""


@pytest.fixture
def rules(tmp_path: Path):
    def write(source: str) -> Path:
        path = tmp_path / "rules.py"
        path.write_text(source)
        return path

    return write


def read_texts(project) -> list[str]:
    stored = project.paths.reports.glob("predictions/*.jsonl")
    return [row["text"] for path in stored for row in list(read_jsonl(path))[1:]]


def measure(cli, path: Path, *more: str, code: int = 0, **here: Path):
    return cli("baseline", "--models", f"majority,rules:{path}", "--samples", "100", *more, code=code, **here)


def test_rules_are_measured_on_the_same_rows_and_named_in_the_event(intents, cli, rules):
    path = rules(GOOD)
    page = measure(cli, path).stdout
    assert "majority = +0." in page
    event = intents.trail.events()[-2]
    assert event.reason_code == "model_code_run"
    first = event.payload["sha256"]
    assert (event.payload["file"], event.payload["rows"]) == ("rules.py", 60)

    measure(cli, path, "--samples", "150")  # reused: nothing is run
    assert [each.reason_code for each in intents.trail.events()].count("model_code_run") == 1
    measure(cli, rules(GOOD.replace('return "login"', 'return "fee"')))
    assert intents.trail.events()[-2].payload["sha256"] != first


@pytest.mark.parametrize(
    ("returned", "wrong"),
    [("'card'", 0), ("'Card?'", 60), ("None", 60), ("['card']", 60), ("object()", 60), ("'\\ud800'", 60)],
)
def test_an_answer_of_another_form_is_invalid_and_not_an_error(intents, rules, returned, wrong):
    path = rules(f"def answer(inputs):\n    return {returned}\n")
    result = baseline(intents, BaselineRequest(options={"models": [f"rules:{path}"], "samples": 100}))
    assert sum(result.results[0].errors.values()) == wrong


NESTED = "x = 'card'\nfor _ in range(DEPTH): x = [x]\n"


@pytest.mark.parametrize(
    "before",
    [
        NESTED.replace("DEPTH", "100"),
        NESTED.replace("DEPTH", "960"),
        "import sys\nsys.setrecursionlimit(10**6)\n" + NESTED.replace("DEPTH", "5000"),
        "import sys\nsys.set_int_max_str_digits(0)\nx = 10**5000\n",
    ],
)
def test_an_answer_that_is_too_deep_or_too_large_is_invalid(intents, rules, before):
    path = rules(f"{before}def answer(inputs):\n    return x\n")
    result = baseline(intents, BaselineRequest(options={"models": [f"rules:{path}"], "samples": 100}))
    assert sum(result.results[0].errors.values()) == 60


def test_spans_and_fields_are_answered_in_their_own_form(prepared, rules):
    spans = rules(
        "import re\ndef answer(inputs):\n"
        "    found = {'people': re.findall(r'for (\\d)', inputs['text'])}\n"
        "    found['time'] = re.findall(r'at (\\d+ pm)', inputs['text'])\n"
        "    return {kind: texts for kind, texts in found.items() if texts}\n"
    )
    project = prepared(booking_rows(120), booking_rows(40, seed=1))
    options = {"models": [f"rules:{spans}"], "samples": 100}
    assert baseline(project, BaselineRequest(options=options)).results[0].metrics["span_f1"].value == 1.0


def test_fields_are_an_object(prepared, rules):
    fields = rules(
        "import re\ndef answer(inputs):\n"
        "    order = re.search(r'A-\\d+', inputs['text'])\n"
        "    return {'topic': 'fee', 'order': order and order[0]}\n"
    )
    mapping = {"mapper": "kv_to_structured", "field_map": {"text": "text", "target": "ticket"}}
    project = prepared(ticket_rows(120), ticket_rows(40, seed=1), **mapping)
    result = baseline(
        project, BaselineRequest(options={"models": [f"rules:{fields}"], "samples": 100})
    ).results[0]
    assert result.metrics["parse_rate"].value == 1.0
    assert result.breakdown["accuracy"]["order"].value == 1.0


def test_an_exception_names_the_line_and_the_row(intents, cli, rules):
    path = rules("def answer(inputs):\n    words = inputs['text'].split()\n    return words[1000]\n")
    shown = measure(cli, path, code=1).stderr
    assert f"{path}:3" in shown
    assert "IndexError: list index out of range" in shown
    first = next(
        iter(list(read_jsonl(next(intents.paths.prepared.glob("*/test.jsonl")))))
    )  # the first of the test rows
    assert f"row {first['id']}" in shown
    assert intents.trail.events()[-2].reason_code == "model_code_run"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def answer(inputs)\n", "rules.py:1"),
        ("answers = {}\n", "there is no function answer(inputs)"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
        ("import os\nos._exit(3)\n", "exit code 3"),
        ("from narrowcast_test_sibling import x\n", "No module named"),
    ],
)
def test_a_file_that_cannot_be_loaded_says_why_and_leaves_an_event(intents, cli, rules, source, message):
    assert message in measure(cli, rules(source), code=1).stderr
    event = intents.trail.events()[-2]
    assert (event.reason_code, event.payload["rows"]) == ("model_code_run", 0)


def test_a_byte_order_mark_is_not_code(intents, cli, rules):
    assert "majority = +0." in measure(cli, rules(f"\ufeff{GOOD}")).stdout


@pytest.mark.parametrize("endless", ["while True: pass", "import re; re.match('(a+)+$', 'a' * 60 + 'b')"])
def test_a_row_that_takes_too_long_ends_the_process(intents, cli, rules, monkeypatch, endless):
    monkeypatch.setattr(rules_process, "SECONDS_PER_ROW", 1.0)
    shown = measure(cli, rules(f"def answer(inputs):\n    {endless}\n"), code=1).stderr
    assert "no answer within 1 seconds" in shown


def test_an_answer_without_end_ends_with_the_limit_of_a_line(intents, cli, rules):
    shown = measure(cli, rules("def answer(inputs):\n    return 'x' * (64 << 20)\n"), code=1).stderr
    assert "its answer has over 1 MiB" in shown
    assert "row" in shown


def test_output_that_never_pauses_does_not_move_the_deadline(intents, cli, rules, monkeypatch):
    monkeypatch.setattr(rules_process, "SECONDS_PER_ROW", 1.0)
    source = "import os\ndef answer(inputs):\n    while True: os.write(1, b'y' * 65536)\n"
    assert "no answer within 1 seconds" in measure(cli, rules(source), code=1).stderr


def test_of_what_a_file_prints_the_end_is_kept(intents, cli, rules):
    source = (
        "import os, pathlib\ndef answer(inputs):\n    os.write(1, b'y' * (4 << 20))\n"
        "    opened = pathlib.Path('/proc/self/fd').iterdir()\n"
        "    sizes = [each.stat().st_size for each in opened if each.exists()]\n"
        "    os.write(2, f'\\nlargest {max(sizes) >> 20}\\n'.encode())\n    os._exit(3)\n"
    )
    shown = measure(cli, rules(source), code=1).stderr
    assert "exit code 3): largest 0" in shown


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only what is of its session ends")
@pytest.mark.parametrize("then", ["return 'card'", "os._exit(3)", "while True: pass"])
def test_what_a_file_starts_ends_with_it_in_whatever_session(
    intents, cli, rules, tmp_path, monkeypatch, then
):
    monkeypatch.setattr(rules_process, "SECONDS_PER_ROW", 1.0)
    pid = tmp_path / "pid"
    source = (
        "import os, pathlib, subprocess\n"
        "sleep = subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
        "if not os.fork():\n    os.setsid()\n"  # a daemon, whose own parent ends
        "    left = subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
        f"    pathlib.Path({str(pid)!r}).write_text(f'{{left.pid}} {{sleep.pid}}')\n    os._exit(0)\n"
        f"os.wait()\ndef answer(inputs):\n    {then}\n"
    )
    measure(cli, rules(source), code=0 if "return" in then else 1)
    for each in map(int, pid.read_text().split()):
        with pytest.raises(ProcessLookupError):
            os.kill(each, 0)


def test_a_stop_ends_the_row_under_way(intents, cli, rules):
    source = (
        "import os, signal, time\nasked = []\ndef answer(inputs):\n"
        "    if not asked:\n        asked.append(1)\n"
        f"        os.kill({os.getpid()}, signal.SIGTERM)\n        time.sleep(8)\n    return 'card'\n"
    )
    assert "stopped on request" in measure(cli, rules(source), code=1).stderr
    sent = next(each for each in intents.trail.events() if each.reason_code == "model_code_run")
    assert sent.payload["rows"] == 1


def test_what_an_exception_says_does_not_steer_the_terminal(intents, cli, rules):
    source = r"def answer(inputs): raise ValueError('\ud800 \x1b[31mred\x1b]0;title\x07 \x9b2J \u202eright')"
    shown = measure(cli, rules(source), code=1).stderr
    assert r"\ud800 \x1b[31mred\x1b]0;title\x07 \x9b2J \u202eright" in shown
    assert not set("\x1b\x07\x9b\u202e") & set(shown)


@pytest.mark.parametrize(
    "written",
    ["hello", "[1]", '{"x": 1}', '{"error": "x"}', '{"answer": "fee"}', "[" * 5000, "\xff", "1" * 5000],
)
def test_what_a_file_writes_among_the_answers_is_none(intents, cli, rules, written):
    line = f"{written}\n".encode("latin-1")
    source = (
        f"import os\ndef answer(inputs):\n    for each in map(int, os.listdir('/proc/self/fd')):\n"
        f"        if each > 2 and os.readlink(f'/proc/self/fd/{{each}}').startswith('pipe:'):\n"
        f"            os.write(each, {line!r})\n    return 'card'\n"
    )
    shown = measure(cli, rules(source), code=1).stderr
    assert "its process wrote something else than the answer" in shown
    assert "row " in shown


def test_of_a_file_that_forks_one_process_answers(intents, rules):
    forked = "import os\nfirst = os.getpid()\nos.fork()\ndef answer(inputs):\n    os.fork()\n"
    path = rules(f"{forked}    return 'card' if os.getpid() == first else 'fee'\n")
    result = baseline(intents, BaselineRequest(options={"models": [f"rules:{path}"], "samples": 100}))
    assert set(read_texts(intents)) == {"card"}
    assert sum(result.results[0].errors.values()) == 0


def test_rules_get_no_environment_and_an_empty_folder(intents, cli, rules, monkeypatch):
    monkeypatch.setenv("NARROWCAST_TEACHER_KEY", "secret")
    source = "import os\ndef answer(inputs):\n    raise ValueError(sorted(os.environ), os.listdir())\n"
    shown = measure(cli, rules(source), code=1).stderr
    assert "NARROWCAST" not in shown.split("row", 1)[1].split("(", 1)[0]
    assert "PYTHONHASHSEED" in shown
    assert "secret" not in shown
    assert "[])" in shown


def test_a_configuration_alone_runs_no_rules(intents, cli, rules, tmp_path):
    ran = tmp_path / "ran"
    path = rules(f"open({str(ran)!r}, 'w').close()\n{GOOD}")
    with intents.paths.config.open("a") as file:
        file.write(f"baseline: {{models: [majority, 'rules:{path}']}}\n")
        file.write(f"evaluate: {{against: ['rules:{path}']}}\n")
    refused = cli("baseline", code=2).stderr
    assert f"needs your yes: models: rules:{path}" in refused
    assert f"narrowcast baseline --models rules:{path}" in refused
    assert "needs your yes: against" in cli("eval", "svm", code=2).stderr
    assert "needs your yes" in cli("run", "--dry-run", code=2).stderr
    assert not ran.exists()
    text = intents.paths.config.read_text()
    intents.paths.config.write_text(text.replace(f"[majority, 'rules:{path}']", f"'rules:{path}'"))
    assert "models: input should be a valid list" in cli("baseline", code=2).stderr
    intents.paths.config.write_text(text)
    measure(cli, path)
    assert ran.exists()


def test_recorded_rules_are_compared_by_their_answers_and_never_run_again(intents, cli, rules, tmp_path):
    ran = tmp_path / "ran"
    path = rules(f"open({str(ran)!r}, 'a').write('.')\n{GOOD}")

    def shown(*more):
        return " ".join(cli("eval", "svm", "--samples", "100", *more, code=None).stdout.split())

    measure(cli, path)
    assert ran.read_text() == "."
    same = json.loads(cli("eval", "svm", "--samples", "100", "--json", code=None).stdout)
    assert f"rules:{path}" in [each["model"] for each in same["against"]]
    other = shown("--split", "dev")
    assert "it runs the code of a file, and has no answers to these rows" in other
    assert f"narrowcast baseline --split dev --models rules:{path}" in other
    for again in ("--force", "--no-reuse"):  # what may not run again still counts
        assert f"svm − rules:{path}" in shown(again)
    assert ran.read_text() == "."
    cli("baseline", "--split", "dev", "--models", f"rules:{path}")
    assert f"svm − rules:{path}" in shown("--split", "dev")
    path.write_text(f"{GOOD}\n# edited")
    assert "has no answers to these rows" in shown()


def test_recorded_rules_whose_file_is_gone_are_named_and_block_nothing(intents, cli, cli_json, rules):
    path = rules(GOOD)
    here = {"cwd": intents.paths.root}
    measure(cli, path, **here)
    cli("train", "--method", "linear", "--features", "words", **here)
    run = current_run(intents.paths).run_id
    path.unlink()
    result = cli_json("eval", "--samples", "100", code=None, **here)
    assert result["conclusion"]["standing"] == "ahead"
    assert f"not measured: rules:{path}" in result["conclusion"]["sentence"]
    assert cli_json("runs", "show", run, **here)["verdict"]["conclusion"]["standing"] == "ahead"


def test_a_rules_file_of_the_project_is_offered_and_not_run(prepared, cli, tmp_path):
    project = prepared(intent_rows(90), intent_rows(40, seed=1))
    (project.paths.specs / "rules.py").write_text("raise SystemExit('it ran')\n")
    (tmp_path / "base").mkdir()
    page = cli("baseline", "--rows", "8", "--budget-minutes", "0.0001", "--samples", "100").stdout
    page = " ".join(page.split())
    assert "rules:specs/rules.py" in page
    assert "narrowcast baseline --rows 8 --models rules:specs/rules.py" in page
    assert "it ran" not in page
    (project.paths.specs / "rules.py").write_text(GOOD)
    cli("baseline", "--models", "majority,rules:specs/rules.py", "--samples", "100")
    again = cli("baseline", "--rows", "9", "--budget-minutes", "0.0001", "--samples", "100").stdout
    assert "rules:" not in again
