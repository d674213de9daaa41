"""Examples of several rows, or several in one: trees of messages, threads, rated answers."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.example import Example
from narrowcast.core.task import TaskSpec
from narrowcast.errors import DataError, UsageError
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from tests.support import imports as data
from tests.support.cli import Cli, CliJson

ROWS = 30


def asked(n: int) -> str:
    return f"where is the parcel of order {n} that never came"


def answered(n: int) -> str:
    return f"It will arrive on day {n} of the month, we promise."


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


def written(path: Path, rows: Iterable[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return f"file:{path}"


def imported(project: Project, locator: str, **options: Any) -> list[Example]:
    outcome = data.import_rows(project, locator, **options)
    assert isinstance(outcome, data.ImportOutcome)
    return [
        Example.from_dict(row) for row in read_jsonl(project.paths.accepted / f"{outcome.record.id}.jsonl")
    ]


def messages(n: int) -> list[dict[str, Any]]:
    """A tree as Open Assistant has it, flat: two replies, of which the better one is answered."""

    def message(name: str, parent: str | None, role: str, text: str, **more: Any) -> dict[str, Any]:
        return {
            "message_id": name,
            "parent_id": parent,
            "role": role,
            "text": text,
            "review_result": True,
            **more,
        }

    root = f"m{n}"
    return [
        message(root, None, "prompter", asked(n), rank=None),
        message(f"{root}a", root, "assistant", answered(n), rank=0),
        message(f"{root}b", root, "assistant", f"No idea, number {n}.", rank=1),
        message(f"{root}c", f"{root}a", "prompter", "And then?", rank=None),
        message(f"{root}d", f"{root}c", "assistant", f"Then it is yours, {n}.", rank=0),
        message(f"{root}e", f"{root}d", "prompter", "Thanks.", rank=None),
        message(f"{root}f", root, "assistant", "withdrawn", rank=2, deleted=True),
        message(f"{root}g", root, "assistant", "not fit to be read", rank=3, review_result=False),
    ]


def tree(n: int) -> dict[str, Any]:
    flat = {each["message_id"]: {**each, "replies": []} for each in messages(n)}
    for each in flat.values():
        if each["parent_id"]:
            flat[each["parent_id"]]["replies"].append(each)
    return {"message_tree_id": f"m{n}", "tree_state": "ready_for_export", "prompt": flat[f"m{n}"]}


def of_trees(*, best: bool) -> list[tuple[Any, Any]]:
    rows: list[tuple[Any, Any]] = []
    for n in range(ROWS):
        before = [user(asked(n)), said(answered(n)), user("And then?")]
        rows.append(({"messages": before}, f"Then it is yours, {n}."))
        if not best:
            rows.append(({"messages": [user(asked(n))]}, f"No idea, number {n}."))
    return rows


@pytest.mark.parametrize("best", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_trees_of_messages(project: Project, tmp_path: Path, nested: bool, best: bool) -> None:
    rows = [tree(n) for n in range(ROWS)] if nested else [each for n in range(ROWS) for each in messages(n)]
    locator = written(tmp_path / "trees.jsonl", rows)
    examples = imported(project, locator, auto=True, field_map={"replies": "best"} if best else {})
    assert [(each.inputs, each.target) for each in examples] == of_trees(best=best)
    groups = [each.group for each in examples]
    assert groups == [None] * ROWS if best else groups[::2] == groups[1::2]
    assert len(set(groups)) == (1 if best else ROWS)


def test_each_reply_of_a_tree_is_learned_once(project: Project, tmp_path: Path) -> None:
    rows = [tree(n) for n in range(ROWS)]
    for n, row in enumerate(rows):
        row["prompt"]["replies"][0]["replies"].append(
            {"message_id": "x", "role": "prompter", "text": "Why?",
             "replies": [{"message_id": "y", "role": "assistant", "text": f"Because of {n}.", "replies": []}]}
        )  # fmt: skip
    examples = imported(project, written(tmp_path / "trees.jsonl", rows), auto=True)
    assert examples[1].inputs["messages"] == [user(asked(0)), said(answered(0), weight=0), user("Why?")]
    assert examples[1].target == "Because of 0."
    taught = [
        turn["content"]
        for each in examples
        for turn in [*each.inputs["messages"], said(str(each.target))]
        if turn["role"] == "assistant" and turn.get("weight") != 0
    ]
    assert len(taught) == len(set(taught)) == 4 * ROWS


def test_messages_that_no_conversation_has_are_rejected_by_name(project: Project, tmp_path: Path) -> None:
    rows = [each for n in range(ROWS) for each in messages(n)]
    lost = {"message_id": "lost", "parent_id": "gone", "role": "assistant", "text": "a reply to nothing"}
    rounds = [
        {"message_id": f"r{n}", "parent_id": f"r{1 - n}", "role": "assistant", "text": "round and round"}
        for n in range(2)
    ]
    again = {"message_id": "m0", "parent_id": None, "role": "prompter", "text": "the id once more"}
    outcome = data.import_rows(
        project, written(tmp_path / "rows.jsonl", [lost, *rounds, *rows, again]), auto=True
    )
    assert isinstance(outcome, data.ImportOutcome)
    assert outcome.record.rejected == {"unlinked_message": 4, "rated_bad": 2 * ROWS}
    assert outcome.record.accepted == 2 * ROWS
    assert data.ledger(project).balanced


def turns_in_rows(n: int, *, order: bool) -> list[dict[str, Any]]:
    said = [("customer", asked(n)), ("agent", answered(n)), ("customer", "Thanks for that, goodbye.")]
    rows = [
        {"dialog_id": n, "turn": place, "speaker": who, "text": text}
        for place, (who, text) in enumerate(said)
    ]
    return rows[::-1] if order else [{k: v for k, v in row.items() if k != "turn"} for row in rows]


def test_rows_of_one_conversation_are_put_in_their_order(project: Project, tmp_path: Path) -> None:
    rows = [each for n in range(ROWS) for each in turns_in_rows(n, order=True)]
    examples = imported(project, written(tmp_path / "rows.jsonl", rows), auto=True)
    assert [(each.inputs, each.target) for each in examples] == [
        ({"messages": [user(asked(n))]}, answered(n)) for n in range(ROWS)
    ]


def test_rows_without_an_order_are_read_where_it_is_named(
    project: Project, tmp_path: Path, cli: Cli, cli_json: CliJson
) -> None:
    rows = [each for n in range(ROWS) for each in turns_in_rows(n, order=False)]
    locator = written(tmp_path / "rows.jsonl", rows)
    error = cli_json("data", "import", "--locator", locator, "--auto", code=1)["error"]
    assert "nothing says that the rows are in order" in error["message"]
    fields = "text=text,speaker=speaker,thread=dialog_id"
    assert f"--mapper rows_to_chat --map '{fields}'" in error["actionable_fix"]
    found = cli_json("data", "import", "--locator", locator, "--mapper", "rows_to_chat", "--map", fields)
    assert (found["record"]["accepted"], found["record"]["rejected"]) == (ROWS, {})


def rated(n: int, answer: int, good: Any) -> dict[str, Any]:
    return {"prompt": asked(n), "completion": f"{answered(n)} ({answer})", "label": good}


def pair(n: int, chosen: int, rejected: int) -> tuple[Any, Any]:
    answers = {"chosen": f"{answered(n)} ({chosen})", "rejected": f"{answered(n)} ({rejected})"}
    return {"prompt": asked(n)}, answers


def test_rated_answers_to_one_prompt_become_pairs(project: Project, tmp_path: Path) -> None:
    rows = [
        rated(n, answer, good) for answer, good in ((0, True), (1, False), (2, False)) for n in range(ROWS)
    ]
    alone = [rated(n, 0, n % 2 == 0) for n in range(100, 108)]
    odd = [rated(200, 0, "maybe"), rated(201, 0, None)]
    locator = written(tmp_path / "kto.jsonl", [*alone, *rows, *odd])
    fields = {"prompt": "prompt", "answer": "completion", "rating": "label"}
    outcome = data.import_rows(project, locator, mapper="rated_to_preference", field_map=fields)
    assert isinstance(outcome, data.ImportOutcome)
    assert outcome.record.rejected == {"unpaired_answer": 9, "unknown_rating": 1}
    accepted = read_jsonl(project.paths.accepted / f"{outcome.record.id}.jsonl")
    examples = [Example.from_dict(row) for row in accepted]
    wanted = [each for n in range(ROWS) for each in (pair(n, 0, 1), pair(n, 0, 2))]
    assert [(each.inputs, each.target) for each in examples] == wanted
    groups = [each.group for each in examples]
    assert groups[::2] == groups[1::2]
    assert len(set(groups)) == ROWS
    assert data.ledger(project).balanced


@pytest.mark.parametrize("kind", ["turns", "conversations", "thumbs"])
def test_rated_conversations_become_pairs(project: Project, tmp_path: Path, kind: str) -> None:
    def row(n: int, text: str, good: bool) -> dict[str, Any]:
        if kind == "turns":
            return {"prompt": [user(asked(n))], "completion": [said(text)], "label": good}
        if kind == "thumbs":
            return {
                "question": asked(n),
                "response": text,
                "feedback": "thumbs_up" if good else "thumbs_down",
            }
        turns = [{"from": "human", "value": asked(n)}, {"from": "gpt", "value": text}]
        return {"conversations": turns, "kto_tag": good}

    rows = [row(n, answered(n) if good else "No idea.", good) for n in range(ROWS) for good in (True, False)]
    examples = imported(project, written(tmp_path / "kto.jsonl", rows), mapper="rated_to_preference")
    inputs = {"prompt": asked(3)} if kind == "thumbs" else {"messages": [user(asked(3))]}
    assert len(examples) == ROWS
    assert examples[3].inputs == inputs
    assert examples[3].target == {"chosen": answered(3), "rejected": "No idea."}


def test_a_project_for_preferences_takes_the_reading_that_fits_it(project: Project, tmp_path: Path) -> None:
    pairs = [{"prompt": asked(n), "chosen": answered(n), "rejected": "No."} for n in range(ROWS)]
    data.import_rows(project, written(tmp_path / "pairs.jsonl", pairs), auto=True)
    rows = [rated(n, int(good), good) for n in range(ROWS) for good in (True, False)]
    examples = imported(project, written(tmp_path / "kto.jsonl", rows), auto=True)
    assert [(each.inputs, each.target) for each in examples] == [pair(n, 1, 0) for n in range(ROWS)]


@pytest.mark.parametrize("named", [True, False])
def test_rated_answers_without_pairs_are_refused_with_the_way_out(
    project: Project, tmp_path: Path, named: bool
) -> None:
    locator = written(tmp_path / "kto.jsonl", [rated(n, 0, n % 2 == 0) for n in range(ROWS)])
    options: dict[str, Any] = {"mapper": "preference_pair"} if named else {"mapper": "rated_to_preference"}
    with pytest.raises((UsageError, DataError), match="no prompt has a good and a bad answer") as caught:
        data.import_rows(project, locator, **options)
    assert "a project without a task takes the good answers by --auto" in str(caught.value)
    assert len(imported(project, locator, auto=True)) == ROWS // 2
    assert project.config.task == TaskSpec(profile="instruction", proposed_by="introspection")


def test_a_mapper_that_does_not_read_the_rows_names_the_one_that_does(
    tmp_path: Path, project: Project, cli_json: CliJson
) -> None:
    rows = [rated(n, int(good), good) for n in range(ROWS) for good in (True, False)]
    locator = written(tmp_path / "kto.jsonl", rows)
    error = cli_json("data", "import", "--locator", locator, "--mapper", "preference_pair", code=2)["error"]
    fields = "prompt=prompt,answer=completion,rating=label"
    assert error["actionable_fix"].endswith(f"--mapper rated_to_preference --map '{fields}'")
    assert "--mapper preference_pair" not in error["actionable_fix"]
