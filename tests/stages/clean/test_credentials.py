"""Secrets by their format: each is redacted, its neighbours are not, and ordinary texts hold none."""

from __future__ import annotations

import csv
import json
import random
import string
from pathlib import Path

import pytest

from tests.support.cli import Cli, CliJson

PASSWORDS = [
    "http://bob:{}@example.com/", "https://admin:{}@host.example/x?a=b", "postgres://app:{}@db.internal:5432/prod",
    "postgresql+psycopg://app:{}@db/x", "mysql://root:{}@db/x", "mongodb+srv://u:{}@cluster0.mongodb.net/t",
    "redis://:{}@cache:6379/0", "rediss://default:{}@cache:6379", "amqp://guest:{}@mq:5672/", "ftp://joe:{}@ftp.example/f",
    "sftp://joe:{}@[::1]/f", "snowflake://me:{}@account/db",
]  # fmt: skip
VALUES = ["hunter2hunter2", "S3cr3t!pass", "p%40ss%2Fw0rd", "p@ssw0rd", "onlyletters", "x7"]
NAMED = [
    "https://api.example.com/v1?user=bob&password={}&x=1", "Server=db;User Id=sa;Password={};",
    "?client_secret={}", "jdbc:postgresql://db/x?user=me&password={}",
]  # fmt: skip


def _run(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    chance = random.Random(length)
    return "".join(chance.choice(alphabet) for _ in range(length - 1)) + "7"


TOKENS = {
    "github_pat": f"github_pat_{_run(22)}_{_run(59)}",
    "ghp": f"ghp_{_run(36)}",
    "google": f"AIza{_run(35)}",
    "google_oauth": f"GOCSPX-{_run(28)}",
    "slack": f"xoxb-{_run(12, string.digits)}-{_run(12, string.digits)}-{_run(24)}",
    "slack_hook": f"https://hooks.slack.com/services/T{_run(9)}/B{_run(9)}/{_run(24)}".removeprefix(
        "https://"
    ),
    "stripe": f"rk_live_{_run(24)}",
    "npm": f"npm_{_run(36)}",
    "pypi": f"pypi-{_run(120)}",
    "hugging_face": f"hf_{_run(34)}",
    "openai": f"sk-proj-{_run(74)}",
    "openai_old": f"sk-{_run(48)}",
    "anthropic": f"sk-ant-api03-{_run(90)}-AA7",
    "jwt": f"eyJ{_run(20)}.eyJ{_run(30)}.{_run(43)}",
    "gitlab": f"glpat-{_run(20)}",
    "databricks": f"dapi{_run(32, '0123456789abcdef')}",
    "aws": f"AKIA{_run(16, string.ascii_uppercase + string.digits)}",
}
KEY = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{_run(64)}\n{_run(50)}\n-----END OPENSSH PRIVATE KEY-----"

HARMLESS = [
    "https://medium.com/@user/x and ssh://git@github.com/x and git@github.com:a/b.git",
    "https://host.example:8080/@user/x",
    "redis://host:6379/0?user=a@b.example",
    "https://${USER}:${PASS}@h.example/",
    "https://x.example/reset?token=cat&code=a12&key=value",
    "My password is incorrect.",
    "the password is wrong!",
    "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "AIzaXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
    "task-force sk-learn-contrib",
]


def redacted(texts: list[str], cli: Cli, cli_json: CliJson, tmp_path: Path) -> tuple[list[str], Path]:
    """The texts after `data clean --secrets redact`, and the folder of the cleaning."""
    cli("init", "secrets", "--yes")
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps({"text": each}) + "\n" for each in texts))
    report = cli_json("data", "clean", "-p", "secrets", "--locator", f"jsonl:{source}", "--secrets", "redact")
    folder = Path(cli_json("projects")[0]["path"]) / report["folder"]
    return [json.loads(line)["text"] for line in (folder / "cleaned.jsonl").read_text().splitlines()], folder


def test_passwords_in_addresses_are_found_and_what_is_around_them_stays(
    cli: Cli, cli_json: CliJson, tmp_path: Path
) -> None:
    wanted = [(form, value) for form in (*PASSWORDS, *NAMED) for value in VALUES]
    texts, folder = redacted(
        [f"see {form.format(value)} there" for form, value in wanted], cli, cli_json, tmp_path
    )
    missed = [
        (form.format(value), text)
        for (form, value), text in zip(wanted, texts, strict=True)
        if value in text or form.partition("{}")[0] not in text
    ]
    assert not missed
    assert not [path for path in folder.iterdir() if "hunter2hunter2" in path.read_text()]


def test_tokens_are_found_by_their_format(cli: Cli, cli_json: CliJson, tmp_path: Path) -> None:
    beside = f"{TOKENS['aws']} / {_run(40)}"
    values = [*TOKENS.values(), KEY, beside]
    texts, _ = redacted([f"use {value}, please" for value in values], cli, cli_json, tmp_path)
    for value, text in zip(values, texts, strict=True):
        assert text.startswith("use "), value
        assert not [part for part in value.split() if len(part) > 15 and part in text], text


def test_ordinary_texts_are_left_alone(cli: Cli, cli_json: CliJson, tmp_path: Path) -> None:
    assert redacted(HARMLESS, cli, cli_json, tmp_path)[0] == HARMLESS


@pytest.mark.shared_data
@pytest.mark.nightly
def test_real_texts_hold_no_false_alarm(
    shared_data: Path, cli: Cli, cli_json: CliJson, tmp_path: Path
) -> None:
    with (shared_data / "banking77" / "test.csv").open(newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    assert redacted(texts, cli, cli_json, tmp_path)[0] == texts
