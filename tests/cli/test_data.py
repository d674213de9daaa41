"""`narrowcast data` as a user or a coding agent meets it."""

import json
from pathlib import Path

import pytest

from tests.support.cli import Cli, CliJson


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    lines = [f"I have a question about the number {n} of mine,{['a', 'b', 'c'][n % 3]}" for n in range(60)]
    lines[7] = "ragged"
    path.write_text("text,label\n" + "\n".join(lines) + "\n")
    return path


def test_from_a_file_to_a_balanced_ledger(cli: Cli, cli_json: CliJson, rows: Path) -> None:
    cli("init", "tickets")
    shown = cli("data", "introspect", "--locator", f"csv:{rows}").stdout
    assert "delimiter comma" in shown
    assert "label_to_classification" in shown
    assert f"data import --locator 'csv:{rows}' --auto" in shown
    dry = cli("data", "import", "--locator", f"csv:{rows}", "--auto", "--dry-run").stdout
    assert "60 rows = 59 accepted + 1 rejected" in dry
    assert "nothing was written" in dry
    done = cli(
        "data", "import", "--locator", f"csv:{rows}", "--project", "1", "--auto", "--limit", "5000"
    ).stdout
    assert "60 rows = 59 accepted + 1 rejected" in done
    assert "next: narrowcast prepare" in done
    assert "parse_error" in done
    assert "59" in cli("data", "imports").stdout
    assert "every row is accounted for" in cli("data", "ledger").stdout
    ledger = cli_json("data", "ledger", "tickets")
    [stage] = ledger["stages"]
    assert (stage["rows_in"], stage["rows_out"], stage["rejected"]) == (60, 59, {"parse_error": 1})
    assert (stage["balanced"], ledger["balanced"]) == (True, True)


def test_json_of_every_command(cli: Cli, cli_json: CliJson, rows: Path) -> None:
    cli("init", "tickets")
    assert {"csv", "jsonl", "file"} <= {each["scheme"] for each in cli_json("data", "sources")}
    assert {"bio_to_spans", "kv_to_structured"} <= {each["id"] for each in cli_json("data", "mappers")}
    proposal = cli_json("data", "introspect", "--locator", f"csv:{rows}")["report"]["proposal"]
    assert (proposal["mapper_id"], proposal["needs_force"]) == ("label_to_classification", False)
    dry = cli_json(
        "data", "import", "--locator", f"csv:{rows}", "--auto", "--dry-run", "--drop", "parse_error"
    )
    assert (dry["rejected"], dry["rejected_sample"]) == ({"parse_error": 1}, {})
    done = cli_json("data", "import", "--locator", f"csv:{rows}", "--mapper", "label_to_classification",
                    "--map", "text=text,label=label", "--into", "dev")  # fmt: skip
    assert done["record"]["into"] == "dev"
    [record] = cli_json("data", "imports")
    assert record == done["record"]
    assert cli_json("data", "remove", record["id"])["id"] == record["id"]
    assert cli_json("data", "imports") == []


def test_doubt_shows_the_hypotheses_and_the_next_command(cli: Cli, tmp_path: Path) -> None:
    cli("init", "tickets")
    path = tmp_path / "few.csv"
    path.write_text("text,label\n" + "\n".join(f"some words number {n},{n % 2}" for n in range(8)) + "\n")
    done = cli("data", "import", "--locator", f"csv:{path}", "--auto", code=1)
    assert "text with one label" in done.stdout
    assert "error: the best mapping has a confidence of" in done.stderr
    asked = f"data import --locator csv:{path} --auto"
    assert f"next: narrowcast {asked} --force   # to use it; or name the columns: --mapper" in done.stderr
    told = cli("data", "import", "--locator", f"csv:{path}", "--auto", "--json", code=1).stdout
    error = json.loads(told)["error"]
    assert error["reason_code"] == "dataset_mapping_uncertain"
    assert error["hypotheses"][0]["field_map"] == {"text": "text", "label": "label"}
    assert [column["name"] for column in error["columns"]] == ["text", "label"]


BAD: list[tuple[list[str], int, str]] = [
    (["--locator", "csv:gone.csv", "--auto"], 1, "dataset_source_missing"),
    (["--locator", "gone.csv", "--auto"], 2, "dataset_request_invalid"),
    (["--locator", "ftp:gone.csv", "--auto"], 2, "system_config_invalid"),
    (["--locator", "csv:rows.csv"], 2, "dataset_request_invalid"),
    (["--locator", "csv:rows.csv", "--mapper", "label_to_classification", "--map", "text=body"], 2,
     "dataset_request_invalid"),
    (["--locator", "csv:rows.csv", "--auto", "--map", "text"], 2, "system_config_invalid"),
    (["--locator", "csv:rows.csv", "--auto", "--drop", "because"], 2, "dataset_request_invalid"),
    (["--locator", "csv:empty.csv", "--auto"], 1, "dataset_source_empty"),
    (["--locator", "csv:.", "--auto"], 1, "dataset_source_empty"),
    (["--locator", "file:binary.bin", "--auto"], 1, "dataset_format_unknown"),
    (["--locator", "csv:rows.csv?encoding=klingon", "--auto"], 1, "dataset_request_invalid"),
]  # fmt: skip


def test_bad_input_is_one_clear_error(cli: Cli, rows: Path) -> None:
    cli("init", "tickets")
    (rows.parent / "empty.csv").touch()
    (rows.parent / "binary.bin").write_bytes(bytes(range(256)) * 20)
    for arguments, code, reason in BAD:
        done = cli("data", "import", *arguments, "--json", code=code, cwd=rows.parent)
        error = json.loads(done.stdout)["error"]
        assert error["reason_code"] == reason, arguments
        assert error["message"]
        assert error["actionable_fix"], arguments
        assert "Traceback" not in done.stderr


@pytest.mark.shared_data
def test_banking77_balances_to_the_row(cli: Cli, cli_json: CliJson, shared_data: Path) -> None:
    cli("init", "bank")
    cli("data", "import", "--locator", f"csv:{shared_data}/banking77/train.csv", "--auto")
    ledger = cli_json("data", "ledger")
    assert (ledger["stages"][0]["rows_in"], ledger["stages"][0]["rows_out"]) == (10_003, 10_003)
    assert ledger["balanced"]


def test_an_import_keeps_what_the_user_wrote_into_the_configuration(
    cli: Cli, cli_json: CliJson, rows: Path
) -> None:
    cli("init", "tickets")
    config = Path(cli_json("projects")[0]["path"]) / "narrowcast.yaml"
    words = [
        "# ours; ask Anna",
        'name:   "tickets"  # as the helpdesk says',
        "",
        "# five were worse",
        "train:",
        "  epochs: 3 # !",
    ]
    config.write_text("\n".join(words))
    cli("data", "import", "--locator", f"csv:{rows}", "--auto")
    assert "task:" in config.read_text()
    other = rows.with_name("other.jsonl")
    other.write_text(
        "".join(json.dumps({"text": f"a word about {n}", "label": "a"}) + "\n" for n in range(30))
    )
    taken = cli_json("data", "import", "--locator", f"jsonl:{other}", "--mapper", "label_to_classification",
                     "--map", "text=text,label=label", "--into", "dev")  # fmt: skip
    assert str(other) in config.read_text()
    cli("data", "remove", taken["record"]["id"])
    after = config.read_text()
    assert str(other) not in after
    left = iter(after.splitlines())
    assert all(line in left for line in words), after
