"""Every public data set at hand imports, by itself or with one short map; the counts are exact."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from narrowcast.cli.root import app

pytestmark = [pytest.mark.nightly, pytest.mark.shared_data]


def narrowcast(*arguments: str, code: int = 0) -> Any:
    """A command line in this process, its JSON read."""
    from narrowcast.errors import NarrowcastError

    done = CliRunner().invoke(app, [*arguments, "--json"])
    if isinstance(done.exception, NarrowcastError):
        assert done.exception.exit_code == code, done.exception.to_dict()
        return {"error": done.exception.to_dict()}
    assert done.exit_code == code, f"{done.output}\n{done.exception}"
    return json.loads(done.stdout)


def bfcl(name: str) -> str:
    folder, file = "file:DATA/bfcl_v4", f"BFCL_v4_{name}.json"
    return f"join:{folder}/{file}+{folder}/possible_answer/{file}?on=id"


AUTO: list[tuple[str, str, int, dict[str, int]]] = [
    ("csv:DATA/banking77/train.csv", "label_to_classification", 10_003, {}),
    ("csv:DATA/banking77/test.csv", "label_to_classification", 3_080, {}),
    ("file:DATA/clinc150/data_full.json", "label_to_classification", 23_700, {}),
    ("file:DATA/clinc150/data_oos_plus.json", "label_to_classification", 23_850, {}),
    ("file:DATA/clinc150/data_small.json", "label_to_classification", 16_200, {}),
    ("file:DATA/clinc150/binary_undersample.json", "label_to_classification", 9_850, {}),
    ("file:DATA/wnut17/wnut17train.conll", "bio_to_spans", 3_394, {}),
    ("file:DATA/wnut17/emerging.dev.conll", "bio_to_spans", 1_009, {}),
    ("file:DATA/wnut17/emerging.test.annotated", "bio_to_spans", 1_287, {}),
    ("file:DATA/restaurant8k/train_0.json", "kv_to_structured", 8_198, {}),
    ("file:DATA/restaurant8k/test.json", "kv_to_structured", 3_731, {}),
    ("file:DATA/xquad_en/xquad.en.json", "qa_pair_passthrough", 1_190, {}),
    ("file:DATA/wikisplit/tune.tsv", "text_pair", 5_000, {}),
    ("file:DATA/wikisplit/validation.tsv", "text_pair", 5_000, {}),
    ("file:DATA/wikisplit/test.tsv", "text_pair", 5_000, {}),
    ("file:DATA/preference_rasbt/instruction-data.json", "instruction_passthrough", 1_100, {}),
    ("file:DATA/preference_rasbt/instruction-data-with-preference.json", "preference_pair", 1_100,
     {"equal_answers": 6}),
    ("file:DATA/messy/taskmaster4_data_07.json", "chat_messages_passthrough", 210,
     {"missing_assistant_reply": 2}),
    (bfcl("simple_python"), "tool_calls_passthrough", 400, {}),
    (bfcl("multiple"), "tool_calls_passthrough", 200, {}),
    (bfcl("parallel"), "tool_calls_passthrough", 200, {}),
    (bfcl("parallel_multiple"), "tool_calls_passthrough", 200, {}),
    (bfcl("live_simple"), "tool_calls_passthrough", 258, {}),
    (bfcl("live_parallel"), "tool_calls_passthrough", 16, {}),
    (bfcl("live_parallel_multiple"), "tool_calls_passthrough", 24, {}),
    (bfcl("multi_turn_base"), "tool_calls_passthrough", 200, {"positional_arguments": 24}),
]  # fmt: skip

NAMED: list[tuple[str, str, str, int, dict[str, int]]] = [
    ("file:DATA/xquad_en/xquad.en.json", "rag_passthrough",
     "question=question,contexts=context,answer=answers", 1_190, {}),
    ("file:DATA/bfcl_v4/BFCL_v4_irrelevance.json", "tool_calls_passthrough",
     "messages=question,tools=function,unanswered=no_call", 240, {}),
    ("csv:DATA/banking77/train.csv", "text_only", "text=text", 10_003, {}),
    ("file:DATA/banking77/categories.json", "text_only", "text=value", 77, {}),
    ("file:DATA/clinc150/domains.json", "label_to_classification", "text=value,label=key", 150, {}),
    ("file:DATA/bfcl_v4/multi_turn_func_doc/math_api.json", "kv_to_structured",
     "text=description,target=parameters", 17, {}),
    ("docs:DATA/docs/html", "text_only", "text=text", 4, {}),
    ("docs:DATA/docs/md", "text_only", "text=text", 8, {}),
    ("docs:DATA/docs/UC_Berkeley_short.pdf", "text_only", "text=text", 1, {}),
    ("docs:DATA/docs/Aesop_Fables.md", "text_only", "text=text", 1, {}),
    ("docs:DATA/docs/Chekhov_The_Bet.md", "text_only", "text=text", 1, {}),
    ("docs:DATA/docs/wiki_demo.txt", "text_only", "text=text", 1, {}),
    ("sql:sqlite:///DATA/messy/multiwoz_attraction-dbase.db?table=attraction", "label_to_classification",
     "text=name,label=type", 79, {}),
    ("sql:sqlite:///DATA/messy/multiwoz_restaurant-dbase.db?table=restaurant", "label_to_classification",
     "text=name,label=food", 110, {}),
    ("sql:sqlite:///DATA/messy/weather_2012.sqlite?table=weather_2012", "kv_to_structured",
     "text=date_time,fields=temp", 100, {}),
    ("csv:DATA/messy/weather_2012.csv", "label_to_classification", "text=Date/Time,label=Weather", 8_784, {}),
    ("csv:DATA/messy/bikes_latin1_semicolon.csv", "kv_to_structured", "text=Date,fields=Berri 1|Rachel1", 310,
     {"parse_error": 295}),
    ("csv:DATA/messy/bikes_latin1_semicolon.csv?short=fill", "kv_to_structured",
     "text=Date,fields=Berri 1|Rachel1", 310, {}),
    ("csv:DATA/messy/taxi.csv.gz", "label_to_classification", "text=column_2,label=column_16", 10, {}),
    ("csv:DATA/messy/freshman_lbs.csv", "kv_to_structured",
     "text=Sex,fields=Weight(lbs,Sep)|Weight(lbs,Apr)", 67, {}),
    ("file:DATA/messy/freshman_kgs.xlsx", "kv_to_structured", "text=Sex,fields=Weight(Sep)|Weight(Apr)", 67,
     {}),
    ("file:DATA/messy/zip_area_code_map.parquet", "kv_to_structured", "text=zipcode,fields=area_code", 33_772,
     {}),
    ("file:DATA/messy/multiwoz_hotel_db.json", "label_to_classification", "text=name,label=area", 33, {}),
    ("file:DATA/messy/multiwoz_restaurant_db.json", "label_to_classification", "text=name,label=food", 110,
     {}),
    ("file:DATA/messy/popularity-contest", "text_only", "text=column_1", 2_899, {}),
    ("file:DATA/messy/taskmaster4_data_07.json", "text_only", "text=instructions", 210, {"missing_text": 35}),
]  # fmt: skip


def check(outcome: Any, mapper: str, rows: int, rejected: dict[str, int]) -> None:
    record = outcome["record"]
    assert (record["mapper"], record["rows"], record["rejected"]) == (mapper, rows, rejected)
    assert record["accepted"] == rows - sum(rejected.values())
    ledger = narrowcast("data", "ledger")
    assert ledger["balanced"]
    [stage] = ledger["stages"]
    assert (stage["rows_in"], stage["rows_out"]) == (rows, record["accepted"])


@pytest.mark.parametrize(("locator", "mapper", "rows", "rejected"), AUTO)
def test_imports_by_itself(
    shared_data: Path, locator: str, mapper: str, rows: int, rejected: dict[str, int]
) -> None:
    narrowcast("init", "task")
    found = narrowcast("data", "import", "--locator", locator.replace("DATA", str(shared_data)), "--auto")
    check(found, mapper, rows, rejected)


@pytest.mark.parametrize(("locator", "mapper", "fields", "rows", "rejected"), NAMED)
def test_imports_with_one_short_map(
    shared_data: Path, locator: str, mapper: str, fields: str, rows: int, rejected: dict[str, int]
) -> None:
    narrowcast("init", "task")
    source = locator.replace("DATA", str(shared_data))
    found = narrowcast("data", "import", "--locator", source, "--mapper", mapper, "--map", fields)
    check(found, mapper, rows, rejected)


REFUSED: list[tuple[str, str]] = [
    ("csv:DATA/messy/weather_2012.csv", "8,784 rows"),
    ("csv:DATA/messy/taxi.csv.gz", "confidence of 0.36, under 0.80: "),
    ("csv:DATA/messy/bikes_latin1_semicolon.csv", "rows"),
    ("csv:DATA/messy/freshman_lbs.csv", "rows"),
    ("file:DATA/messy/freshman_kgs.xlsx", "rows"),
    ("file:DATA/messy/zip_area_code_map.parquet", "rows"),
    ("file:DATA/messy/multiwoz_hotel_db.json", "confidence of 0"),
    ("file:DATA/messy/multiwoz_restaurant_db.json", "confidence of 0"),
    ("file:DATA/messy/popularity-contest", ""),
    ("file:DATA/clinc150/domains.json", "rows"),
    ("file:DATA/banking77/categories.json", "confidence of 0.70"),
    ("file:DATA/bfcl_v4/BFCL_v4_live_relevance.json", "confidence of 0.60"),
    ("file:DATA/bfcl_v4/multi_turn_func_doc/math_api.json", "confidence of 0.60"),
]


@pytest.mark.parametrize(("locator", "seen"), REFUSED)
def test_what_carries_no_task_is_refused_with_what_was_seen(
    shared_data: Path, locator: str, seen: str
) -> None:
    narrowcast("init", "task")
    source = locator.replace("DATA", str(shared_data))
    error = narrowcast("data", "import", "--locator", source, "--auto", code=1)["error"]
    assert error["reason_code"] == "dataset_mapping_uncertain"
    assert seen in error["message"], error["message"]
    assert error["columns"]
    assert all(each["confidence"] < 0.8 for each in error["hypotheses"])
    assert narrowcast("data", "ledger")["stages"] == []


def test_the_answers_of_another_file_lose_no_row(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "call f"}]
    asked = [{"id": n, "question": turns, "tools": [{"name": "f"}]} for n in range(3)]
    given = [{"id": n, "calls": [{"name": "f", "arguments": {}}]} for n in (0, 1, 1, 7)]
    for name, rows in (("q", asked), ("a", given)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    narrowcast("init", "task")
    found = narrowcast(
        "data", "import", "--locator", f"join:jsonl:{tmp_path}/q.jsonl+jsonl:{tmp_path}/a.jsonl",
        "--mapper", "tool_calls_passthrough", "--map", "messages=question,tools=tools,calls=calls",
    )  # fmt: skip
    assert found["record"]["rejected"] == {"missing_calls": 1, "parse_error": 2}
    assert (found["record"]["rows"], found["record"]["accepted"]) == (4, 1)
    rejects = Path(found["written_path"]).name
    kept = narrowcast("data", "imports")[0]
    assert rejects == f"{kept['id']}.jsonl"
