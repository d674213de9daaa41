"""Conversations through `data import`: what is learned of each, against rows written by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.example import Example
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from tests.support import imports as data
from tests.support.cli import CliJson
from tests.support.history import forget

ROWS = 24
PROPERTIES = {"id": {"type": "integer"}, "note": {"type": ["string", "null"]}}
PLAIN_TOOLS = [{"name": "find", "parameters": {"type": "object", "properties": PROPERTIES}}]
TOOLS = [{"type": "function", "function": PLAIN_TOOLS[0]}]


def asked(n: int) -> str:
    return f"Where is the parcel of order {n}?"


def user(n: int) -> dict[str, str]:
    return {"role": "user", "content": asked(n)}


def called(n: int) -> dict[str, str]:
    return {"role": "assistant", "content": json.dumps([{"name": "find", "arguments": {"id": n}}])}


def result(n: int) -> dict[str, str]:
    return {"role": "tool", "content": f'{{"state": {n}}}'}


def call(n: int) -> dict[str, Any]:
    return {"tool_calls": [{"name": "find", "arguments": {"id": n}}]}


def words(n: int) -> dict[str, Any]:
    return {"tool_calls": [], "content": f"Order {n} was sent."}


def openai(n: int, content: Any = None) -> dict[str, Any]:
    made = {"id": "c", "type": "function", "function": {"name": "find", "arguments": json.dumps({"id": n})}}
    return {
        "messages": [
            user(n),
            {"role": "assistant", "content": content, "tool_calls": [made]},
            {**result(n), "tool_call_id": "c"},
            {"role": "assistant", "content": f"Order {n} was sent."},
        ],
        "tools": TOOLS,
    }


def legacy(n: int) -> dict[str, Any]:
    made = {"name": "find", "arguments": json.dumps({"id": n})}
    turns = openai(n)["messages"]
    return {
        "messages": [
            turns[0],
            {"role": "assistant", "content": None, "function_call": made},
            {"role": "function", "name": "find", "content": result(n)["content"]},
            turns[3],
        ],
        "functions": PLAIN_TOOLS,
    }


def sharegpt(n: int) -> dict[str, Any]:
    return {
        "conversations": [
            {"from": "human", "value": asked(n)},
            {"from": "function_call", "value": json.dumps({"name": "find", "arguments": {"id": n}})},
            {"from": "observation", "value": result(n)["content"]},
            {"from": "gpt", "value": f"Order {n} was sent."},
        ],
        "tools": json.dumps(PLAIN_TOOLS),
    }


def marked(n: int) -> dict[str, Any]:
    said = f'<tool_call>\n{{"name": "find", "arguments": {{"id": {n}}}}}\n</tool_call>'
    return {
        "conversations": [
            {"from": "human", "value": asked(n)},
            {"from": "gpt", "value": said},
            {"from": "tool", "value": result(n)["content"]},
            {"from": "gpt", "value": f"Order {n} was sent."},
        ],
        "tools": PLAIN_TOOLS,
    }


def parts(n: int) -> dict[str, Any]:
    return {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": asked(n)}]},
            {"role": "assistant", "content": [{"type": "tool_use", "name": "find", "input": {"id": n}}]},
            {"role": "user", "content": [{"type": "tool_result", "content": result(n)["content"]}]},
            {"role": "assistant", "content": [{"type": "text", "text": f"Order {n} was sent."}]},
        ],
        "tools": [{"name": "find", "input_schema": PLAIN_TOOLS[0]["parameters"]}],
    }


FORMS = {
    "openai": openai,
    "without a content": lambda n: {"messages": [
        {key: value for key, value in turn.items() if value is not None} for turn in openai(n)["messages"]],
        "tools": TOOLS},
    "json text": lambda n: {"messages": json.dumps(openai(n)["messages"]), "tools": json.dumps(TOOLS)},
    "python text": lambda n: {"messages": repr(openai(n)["messages"]), "tools": TOOLS},
    "legacy": legacy,
    "sharegpt": sharegpt,
    "marks": marked,
    "parts": parts,
}  # fmt: skip


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def imported(project: Project, path: Path, **options: Any) -> tuple[Any, list[Example]]:
    record = data.import_rows(project, f"jsonl:{path}", **options).record
    rows = read_jsonl(project.paths.accepted / f"{record.id}.jsonl")
    return record, [Example.from_dict(row) for row in rows]


@pytest.mark.parametrize("form", FORMS)
def test_calls_and_replies_are_learned_one_by_one(project: Project, tmp_path: Path, form: str) -> None:
    path = written(tmp_path / "rows.jsonl", [FORMS[form](n) for n in range(ROWS)])
    record, rows = imported(project, path, auto=True)
    assert (record.rows, record.accepted, record.rejected) == (2 * ROWS, 2 * ROWS, {})
    assert [row.target for row in rows] == [each for n in range(ROWS) for each in (call(n), words(n))]
    assert [row.inputs["messages"] for row in rows] == [
        each for n in range(ROWS) for each in ([user(n)], [user(n), called(n), result(n)])
    ]
    assert all(row.inputs["tools"] == PLAIN_TOOLS for row in rows)
    assert [row.index for row in rows] == list(range(2 * ROWS))
    # What was cut from one record stays in one split.
    groups = [row.group for row in rows]
    assert groups[::2] == groups[1::2]
    assert len(set(groups)) == ROWS
    assert data.ledger(project).balanced


def test_the_model_is_asked_for_words_where_rows_want_them(project: Project, tmp_path: Path) -> None:
    from narrowcast.core.prediction import Prediction
    from narrowcast.store.config_file import load_config
    from narrowcast.tasks import handler_for

    _, rows = imported(project, written(tmp_path / "rows.jsonl", list(map(openai, range(ROWS)))), auto=True)
    task = load_config(project.paths.config).task
    assert task is not None
    handler = handler_for(task)
    pair = rows[:2]
    assert [handler.check(row) for row in pair] == [None, None]
    messages = [handler.to_messages(row.inputs, row.target) for row in pair]
    assert "answer the user in words" in messages[0][0].content
    assert [each[-1].content for each in messages] == [called(0)["content"], "Order 0 was sent."]

    def metrics(*answers: str) -> dict[str, float]:
        return handler.score(pair, [Prediction(text=each) for each in answers]).metrics

    right = metrics(called(0)["content"], "Order 0 was sent.")
    assert (right["call_accuracy"], right["words_rouge_l"], right["invalid_rate"]) == (1, 1, 0)
    swapped = metrics("Order 0 was sent.", called(0)["content"])
    assert (swapped["call_accuracy"], swapped["words_rouge_l"], swapped["invalid_rate"]) == (0, 0, 0)
    assert metrics("[{", "[{")["invalid_rate"] == 1


def test_forgetting_one_row_of_a_record_forgets_its_others(project: Project, tmp_path: Path) -> None:
    path = written(tmp_path / "rows.jsonl", list(map(openai, range(ROWS))))
    record, _ = imported(project, path, auto=True)
    outcome = forget(project, ids=[f"{record.id}:3"], delete=True)
    assert outcome.ids == [f"{record.id}:2", f"{record.id}:3"]
    assert asked(1) not in (project.paths.raw / f"{record.id}.jsonl").read_text()
    record, rows = imported(project, path, auto=True, force=True)
    assert record.rejected == {"forgotten": 2}
    assert asked(1) not in json.dumps([row.inputs for row in rows])


def test_an_assistant_that_never_calls_answers_in_words(project: Project, tmp_path: Path) -> None:
    rows = [{"messages": [user(n), {"role": "assistant", "content": "I cannot."}], "tools": TOOLS}
            for n in range(ROWS)]  # fmt: skip
    fields = {"messages": "messages", "tools": "tools"}
    path = written(tmp_path / "rows.jsonl", rows)
    _, found = imported(project, path, mapper="tool_calls_passthrough", field_map=fields)
    assert found[0].target == {"tool_calls": [], "content": "I cannot."}


def test_a_weight_of_zero_is_context_and_never_the_target(project: Project, tmp_path: Path) -> None:
    def reply(text: str, **extra: Any) -> dict[str, Any]:
        return {"role": "assistant", "content": text, **extra}

    turns = [reply("good", weight=1), user(0), reply("bad", weight=0)]
    rows: list[dict[str, Any]] = [{"messages": [user(n), *turns]} for n in range(ROWS)]
    rows.append({"messages": [user(1), reply("bad", weight=0), user(2), reply("good")]})
    rows.append({"messages": [user(1), reply("bad", train=False), user(2), reply("good", train=True)]})
    rows.append({"messages": [user(1), reply("bad", weight=0)]})
    record, found = imported(project, written(tmp_path / "rows.jsonl", rows), auto=True)
    assert record.rejected == {"nothing_to_learn": 1}
    assert {row.target for row in found} == {"good"}
    assert found[0].inputs["messages"] == [user(0)]
    for row in found[-2:]:
        assert row.inputs["messages"] == [user(1), reply("bad", weight=0), user(2)]


def test_a_call_of_weight_zero_is_not_learned(project: Project, tmp_path: Path) -> None:
    rows = [openai(n) for n in range(ROWS)]
    for row in rows:
        row["messages"][1]["weight"] = 0
    _, found = imported(project, written(tmp_path / "rows.jsonl", rows), auto=True)
    assert [row.target for row in found] == [words(n) for n in range(ROWS)]


@pytest.mark.parametrize(
    ("good", "bad"), [(True, False), (1, 0), ("true", "false"), ("thumbs_up", "thumbs_down"), ("👍", "👎")]
)
def test_answers_that_were_rated_bad_are_not_learned(
    project: Project, tmp_path: Path, good: Any, bad: Any
) -> None:
    rows = [
        {
            "messages": [user(n), {"role": "assistant", "content": f"answer {n}"}],
            "label": good if n % 2 else bad,
        }
        for n in range(2 * ROWS)
    ]
    record, found = imported(project, written(tmp_path / "rows.jsonl", rows), auto=True)
    assert record.field_map["rating"] == "label"
    assert record.rejected == {"rated_bad": ROWS}
    assert [row.target for row in found] == [f"answer {n}" for n in range(1, 2 * ROWS, 2)]


def test_prompts_and_completions_that_were_rated_bad_are_not_learned(
    project: Project, tmp_path: Path
) -> None:
    rows = [
        {"prompt": asked(n), "completion": f"answer number {n}", "label": n % 2 == 1} for n in range(2 * ROWS)
    ]
    record, _ = imported(project, written(tmp_path / "rows.jsonl", rows), auto=True)
    assert record.rejected == {"rated_bad": ROWS}


def test_a_score_that_cannot_be_read_is_a_doubt(project: Project, tmp_path: Path, cli_json: CliJson) -> None:
    rows = [{"messages": [user(n), {"role": "assistant", "content": f"answer {n}"}], "score": n / 10}
            for n in range(ROWS)]  # fmt: skip
    path = written(tmp_path / "rows.jsonl", rows)
    found = cli_json("data", "import", "-p", project.slug, "--locator", f"jsonl:{path}", "--auto", code=None)
    assert found["error"]["reason_code"] == "dataset_mapping_uncertain"
    assert "'score' may say how good an answer is" in found["error"]["message"]


def test_a_system_column_becomes_the_system_turn(project: Project, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {
            "system": f"You are clerk {n}.",
            "conversations": [{"from": "human", "value": asked(n)}, {"from": "gpt", "value": "noted"}],
        }
        for n in range(ROWS)
    ]
    rows[1]["system"] = ""
    rows[2]["conversations"].insert(0, {"from": "system", "value": "Be short."})
    _, found = imported(project, written(tmp_path / "rows.jsonl", rows), auto=True)
    assert found[0].inputs["messages"] == [{"role": "system", "content": "You are clerk 0."}, user(0)]
    assert found[1].inputs["messages"] == [user(1)]
    assert found[2].inputs["messages"][0] == {"role": "system", "content": "You are clerk 2.\n\nBe short."}


def test_system_and_history_of_an_instruction_are_used(project: Project, tmp_path: Path) -> None:
    rows = [{"instruction": "Route it.", "input": asked(n), "output": f"queue {n}", "system": f"Router {n}.",
             "history": [["Hello", "Hi"]] if n else []} for n in range(ROWS)]  # fmt: skip
    _, found = imported(project, written(tmp_path / "rows.jsonl", rows), auto=True)
    first, second = ({"role": "user", "content": f"Route it.\n{asked(n)}"} for n in (0, 1))
    assert found[0].inputs["messages"] == [{"role": "system", "content": "Router 0."}, first]
    assert found[1].inputs["messages"] == [
        {"role": "system", "content": "Router 1."}, {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"}, second]  # fmt: skip
    assert found[1].target == "queue 1"


def test_what_turns_carry_beside_is_named(project: Project, tmp_path: Path, cli_json: CliJson) -> None:
    rows = [openai(n, content="Let me look.") for n in range(ROWS)]
    for row in rows:
        row["messages"][3]["reasoning_content"] = "It was found."
    path = written(tmp_path / "rows.jsonl", rows)
    report = cli_json("data", "introspect", "--locator", f"jsonl:{path}")["report"]
    warnings = report["proposal"]["warnings"]
    assert "turns also hold reasoning_content: not used" in warnings
    assert any("introduced in words" in each for each in warnings)
    _, found = imported(project, path, auto=True)
    assert found[1].inputs["messages"][1]["content"] == f"Let me look.\n{called(0)['content']}"


def test_nulls_that_a_table_filled_in_are_no_arguments(project: Project, tmp_path: Path) -> None:
    def made(name: str, **given: Any) -> dict[str, Any]:
        blank = dict.fromkeys(("id", "note", "city"))
        return {
            "role": "assistant",
            "tool_calls": [{"function": {"name": name, "arguments": {**blank, **given}}}],
        }

    other = {"type": "object", "properties": {"city": {"type": "string"}, "id": None, "note": None}}
    tools = [{**PLAIN_TOOLS[0], "description": None}, {"name": "weather", "parameters": other}]
    turns = [made("find", id=n) if n % 2 else made("weather", city="Lund") for n in range(ROWS)]
    rows = [{"messages": [user(n), turn], "tools": tools} for n, turn in enumerate(turns)]
    _, found = imported(project, written(tmp_path / "rows.jsonl", rows), auto=True)
    assert found[0].target == {"tool_calls": [{"name": "weather", "arguments": {"city": "Lund"}}]}
    # `note` may be null by its schema, so that it may have been said.
    assert found[1].target == {"tool_calls": [{"name": "find", "arguments": {"id": 1, "note": None}}]}
    assert found[0].inputs["tools"][1]["parameters"]["properties"] == {"city": {"type": "string"}}


def test_a_null_in_the_text_of_arguments_was_said(project: Project, tmp_path: Path) -> None:
    rows = [openai(n) for n in range(ROWS)]
    for row in rows:
        row["messages"][1]["tool_calls"][0]["function"]["arguments"] = '{"id": null}'
    _, found = imported(project, written(tmp_path / "rows.jsonl", rows), auto=True)
    assert found[0].target == {"tool_calls": [{"name": "find", "arguments": {"id": None}}]}


def test_pairs_of_human_and_assistant(project: Project, tmp_path: Path) -> None:
    def spoken(n: int, last: str) -> str:
        return f"\n\nHuman: Hello\n\nAssistant: Hi\n\nHuman: {asked(n)}\n\nAssistant: {last}"

    rows = [
        {"chosen": spoken(n, f"sent {n}\n\nwith care"), "rejected": spoken(n, "no idea")} for n in range(ROWS)
    ]
    rows.append({"chosen": spoken(1, "a"), "rejected": spoken(2, "b")})
    record, found = imported(project, written(tmp_path / "rows.jsonl", rows), auto=True)
    assert record.mapper == "preference_pair"
    assert record.rejected == {"unequal_prompts": 1}
    assert found[0].inputs["messages"] == [
        {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}, user(0)]  # fmt: skip
    assert found[0].target == {"chosen": "sent 0\n\nwith care", "rejected": "no idea"}


def test_a_text_is_never_the_prompt_of_itself(project: Project, tmp_path: Path, cli_json: CliJson) -> None:
    rows = [
        {"chosen": f"the good answer number {n}", "rejected": f"the bad answer number {n}"}
        for n in range(ROWS)
    ]
    path = written(tmp_path / "rows.jsonl", rows)
    report = cli_json("data", "introspect", "--locator", f"jsonl:{path}")["report"]
    assert "text_pair" not in [each["mapper_id"] for each in report["hypotheses"]]
    fields = "prompt=chosen,chosen=chosen,rejected=rejected"
    found = cli_json("data", "import", "-p", project.slug, "--locator", f"jsonl:{path}", "--mapper",
                     "preference_pair", "--map", fields, code=None)  # fmt: skip
    assert f"{ROWS} answer_in_prompt" in json.dumps(found)


def test_a_rating_that_is_the_same_everywhere_says_nothing(project: Project, tmp_path: Path) -> None:
    rows = [
        {"messages": [user(n), {"role": "assistant", "content": f"answer {n}"}], "weight": 1}
        for n in range(ROWS)
    ]
    record, _ = imported(project, written(tmp_path / "rows.jsonl", rows), auto=True)
    assert record.field_map == {"messages": "messages"}
