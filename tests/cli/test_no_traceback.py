"""Whatever is raised, a user sees two lines with a reason code, and the project stays usable."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from narrowcast.pipeline.project import Project
from narrowcast.reasons import REASONS
from tests.support.cli import Cli, CliJson, Completed

ROWS = "text,label\n" + "".join(f"message number {each} here,{'ab'[each % 2]}\n" for each in range(40))


def _code(done: Completed) -> str:
    """The reason code of an error that was printed as an object; nothing else may stand on standard error."""
    assert "Traceback" not in done.stderr
    error = json.loads(done.stdout)["error"]
    assert error["reason_code"] in REASONS
    assert error["actionable_fix"]
    assert "unexpected" not in error["message"] or error["reason_code"] == "system_unexpected"
    return str(error["reason_code"])


def _import(cli: Cli, locator: str) -> Completed:
    return cli("data", "import", "--locator", locator, "--auto", "--force", "--json", code=None)


def test_a_file_name_that_is_not_utf8_is_refused_before_it_is_read(
    project: Project, cli: Cli, tmp_path: Path
) -> None:
    path = os.fsencode(tmp_path) + b"/bad\xff.csv"
    Path(os.fsdecode(path)).write_text(ROWS)
    assert _code(_import(cli, f"csv:{os.fsdecode(path)}")) == "system_name_undecodable"
    assert "bad\\udcff.csv" in cli("data", "import", "--locator", f"csv:{os.fsdecode(path)}", code=2).stderr
    assert project.trail.verify().intact
    assert len(project.trail.events()) == 1
    (tmp_path / "good.csv").write_text(ROWS)
    assert _import(cli, f"csv:{tmp_path}/good.csv").returncode == 0
    cli("prepare")


def test_documents_with_undecodable_names_are_read_under_escaped_ones(
    project: Project, cli: Cli, cli_json: CliJson, tmp_path: Path
) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / os.fsdecode(b"bad\xff.txt")).write_text(
        "A text that is long enough to be a document of its own."
    )
    cli("data", "clean", "--locator", f"docs:{folder}")
    assert project.trail.verify().intact
    assert project.trail.events()[-1].reason_code == "cleaning_run"
    assert cli_json("data", "cleanings")


@pytest.mark.parametrize("variable", ["NARROWCAST_HOME", "NARROWCAST_ACTOR"])
def test_a_variable_that_is_not_utf8_is_refused(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, os.fsdecode(b"a\xffb"))
    assert _code(cli("projects", "--json", code=2)) == "system_name_undecodable"


def test_a_variable_that_is_not_a_number_is_refused(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NARROWCAST_MAX_DOWNLOAD_BYTES", "20 GiB")
    done = cli("projects", "--json", code=2)
    assert _code(done) == "system_config_invalid"
    assert "NARROWCAST_MAX_DOWNLOAD_BYTES is not a whole number: '20 GiB'" in done.stdout


@pytest.mark.parametrize("home", ["/dev/null", "/proc/nowhere", "x" * 5000])
def test_a_home_that_cannot_be_one_is_refused(cli: Cli, home: str) -> None:
    code = _code(cli("--home", home, "projects", "--json", code=None))
    assert code in ("system_io_error", "system_path_invalid")


def test_a_locked_database_is_named(project: Project, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NARROWCAST_DATABASE_URL", f"{project.settings.database_url}?timeout=0.05")
    project.close()
    with closing(sqlite3.connect(project.settings.home / "narrowcast.db", isolation_level=None)) as holder:
        holder.execute("PRAGMA journal_mode=DELETE")
        holder.execute("BEGIN EXCLUSIVE")
        assert _code(cli("projects", "--json", code=1)) == "system_db_busy"
        assert _code(cli("audit", "verify", "--json", code=1)) == "system_db_busy"
    cli("audit", "verify")


def test_a_damaged_database_is_named(project: Project, cli: Cli) -> None:
    project.close()
    path = project.settings.home / "narrowcast.db"
    for name in ("narrowcast.db-wal", "narrowcast.db-shm"):
        (path.parent / name).unlink(missing_ok=True)
    content = bytearray(path.read_bytes())
    content[100:] = b"\x99" * (len(content) - 100)
    path.write_bytes(content)
    assert _code(cli("projects", "--json", code=1)) == "system_db_damaged"
    path.write_bytes(b"no database" * 100)
    assert _code(cli("projects", "--json", code=1)) == "system_db_damaged"


_NAMED = {"value": {"start": 0, "end": 4, "text": "Alex", "labels": ["name"]}}
BROKEN_FILES = {
    "odd annotations": (
        "odd.jsonl",
        lambda: "".join(
            json.dumps({"text": f"Alex is here {each}", "annotations": [{"result": result}]}) + "\n"
            for each in range(5)
            for result in [*[[_NAMED]] * 20, [_NAMED, []], [5, _NAMED], [{"value": 5}]]
        ),
    ),
    "odd tools": (
        "odd.jsonl",
        lambda: "".join(
            json.dumps(
                {
                    "messages": [
                        {"role": "user", "content": f"ask {each}"},
                        {"role": "assistant", "tool_calls": [{"name": "f", "arguments": {"a": None}}]},
                    ],
                    "tools": [{"name": "f", "parameters": odd}],
                }
            )
            + "\n"
            for each in range(5)
            for odd in [
                {"properties": 5},
                {"properties": {"a": {"enum": 5}}},
                {"properties": {"a": {"anyOf": 5}}},
            ]
        ),
    ),
    "odd parts": (
        "odd.jsonl",
        lambda: "".join(
            json.dumps(
                {"messages": [{"role": "user", "content": [part]}, {"role": "assistant", "content": "x"}]}
            )
            + "\n"
            for part in [[], 5, None, ["x"], {"type": []}, {"type": "text", "text": 5}] * 5
        ),
    ),
    "deep list": ("deep.json", lambda: "[" * 200_000),
    "deep object": ("deep.json", lambda: '{"a":' * 200_000),
    "deep jsonl": ("deep.jsonl", lambda: '{"a":' * 200_000 + "\n{}\n"),
    "odd SQuAD": ("odd.json", lambda: '{"data":[{"paragraphs":["x"]}]}'),
    "odd questions": ("odd.json", lambda: '{"data":[{"paragraphs":[{"context":"c","qas":["x"]}]}]}'),
    "odd messages": (
        "odd.jsonl",
        lambda: "".join(
            json.dumps({"messages": value}) + "\n"
            for value in [5, {"a": 1}, [], [1], [[]], None, "x", [{"role": 1}]] * 5
        ),
    ),
}


@pytest.mark.parametrize("name", BROKEN_FILES)
def test_an_odd_file_is_an_error_with_a_code(project: Project, cli: Cli, tmp_path: Path, name: str) -> None:
    file, make = BROKEN_FILES[name]
    (tmp_path / file).write_text(make())
    done = _import(cli, f"file:{tmp_path / file}")
    assert done.returncode == 0 or _code(done) not in ("system_unexpected", "system_error")
    assert project.trail.verify().intact


@pytest.mark.parametrize("codec", ["rot13", "zlib_codec", "base64", "idna", "undefined", "a%00b", "nope"])
def test_a_codec_of_bytes_is_refused(project: Project, cli: Cli, tmp_path: Path, codec: str) -> None:
    (tmp_path / "rows.csv").write_text(ROWS)
    code = _code(_import(cli, f"csv:{tmp_path}/rows.csv?encoding={codec}"))
    assert code not in ("system_unexpected", "system_error", "dataset_import_failed") or codec == "nope"


@pytest.mark.parametrize("scheme", ["file", "csv", "json", "jsonl", "docs", "parquet", "excel", "sql"])
@pytest.mark.parametrize("rest", ["x" * 5000, "a\0b", "\n"], ids=["long", "null", "line"])
def test_a_path_that_cannot_be_one_is_refused(project: Project, cli: Cli, scheme: str, rest: str) -> None:
    assert _code(_import(cli, f"{scheme}:{rest}")) not in ("system_unexpected", "system_error")


FOREIGN: dict[str, tuple[Callable[[], BaseException], str]] = {
    "unforeseen": (lambda: AttributeError("no attribute"), "system_unexpected"),
    "memory": (MemoryError, "system_memory_short"),
    "recursion": (lambda: RecursionError("too deep"), "system_value_too_deep"),
    "disk": (lambda: OSError(28, "No space left on device", "/x"), "system_disk_full"),
    "missing": (lambda: FileNotFoundError(2, "No such file or directory", "/x"), "system_io_error"),
    "panic": (lambda: type("PanicException", (BaseException,), {})("out of range"), "system_unexpected"),
    "surrogate": (
        lambda: UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"),
        "system_name_undecodable",
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_any_exception_of_a_command_is_an_error_with_a_code(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    make, expected = FOREIGN[name]

    def fail(*_: object, **__: object) -> None:
        raise make()

    monkeypatch.setattr("narrowcast.ops.doctor.examine", fail)
    done = cli("doctor", "--json", code=1 if name != "surrogate" else 2)
    assert _code(done) == expected


def test_a_record_that_a_library_cannot_format_prints_no_traceback(cli_process: Cli, tmp_path: Path) -> None:
    text = "(Where is my card, and why does it take so long?)"
    stream = f"BT /F1 12 Tf 40 700 Td {text} Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    written = b"%PDF-1.4\n" + b"".join(
        b"%d 0 obj\n%s\nendobj\n" % pair for pair in enumerate(objects, start=1)
    )
    # A word for an entry in the table of objects: pypdf's warning has arguments that do not fit its message.
    entries = b"label\n" + b"0000000009 00000 n \n" * 5
    table = (
        b"xref\n0 6\n"
        + entries
        + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(written)
    )
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.pdf").write_bytes(written + table)
    done = cli_process("data", "introspect", "--locator", f"docs:{tmp_path}/docs", "--json", code=None)
    assert done.stderr == ""


@pytest.mark.parametrize(
    "words",
    [
        ["data", "import", "--locator", "csv:ok.csv", "--auto", "--limit"],
        ["data", "introspect", "--locator", "csv:ok.csv", "--limit"],
        ["data", "clean", "--locator", "csv:ok.csv", "--limit"],
        ["events", "--limit"],
        ["jobs", "list", "--limit"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_number_beyond_every_register_is_refused(
    project: Project, cli: Cli, tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "ok.csv").write_text(ROWS)
    done = cli(*words, "9" * 25, "--json", code=None, cwd=tmp_path)
    assert "unexpected" not in done.stdout
    assert done.returncode == 0 or "Usage:" in done.stderr or _code(done) == "system_config_invalid"


@pytest.mark.parametrize("words", [["--dry-run"], []], ids=["dry", "real"])
def test_a_value_too_deep_to_print_is_named(
    project: Project, cli: Cli, tmp_path: Path, words: list[str]
) -> None:
    deep = "[" * 300 + "]" * 300
    rows = [
        json.loads(f'{{"text": "message {each} here", "label": "ab", "x": {deep}}}') for each in range(30)
    ]
    (tmp_path / "deep.json").write_text(json.dumps(rows))
    done = cli(
        "data", "import", "--locator", f"file:{tmp_path}/deep.json", "--auto", "--force", "--json", *words,
        code=None,
    )  # fmt: skip
    assert done.returncode == 0 or _code(done) not in ("system_unexpected", "system_error")


@pytest.mark.parametrize(
    "words",
    [
        ["data", "introspect", "--locator", "jsonl:~?delimiter=;"],
        ["data", "import", "--locator", "csv:~nobody-here/rows.csv", "--auto"],
        ["models", "pull", "minilm", "--index", "~nobody-here/wheels"],
        ["prepare", "--project", "~nobody-here/project"],
    ],
)
def test_the_home_of_an_unknown_user_is_named(project: Project, cli: Cli, words: list[str]) -> None:
    done = cli(*words, "--json", code=None)
    assert _code(done) != "system_unexpected"
    assert done.returncode == 2
