"""Folders, patterns and lists of files as one source."""

import json
import sys
from pathlib import Path

import pytest

from narrowcast.connectors import connect, settle
from narrowcast.core.locator import Locator
from narrowcast.errors import DataError, UsageError
from narrowcast.pipeline.project import Project
from narrowcast.store.config_file import load_config
from tests.support import imports as data
from tests.support.cli import CliJson

KINDS = ("alarm", "music", "weather")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files below a folder, one of them deeper, and two that are none of them."""
    root = tmp_path / "parts"
    (root / "more").mkdir(parents=True)
    (root / ".hidden").mkdir()
    for place, kind in zip((root, root, root / "more"), KINDS, strict=True):
        lines = [f"please do number {n} of the {ord(kind[0])} things,{kind}" for n in range(30)]
        (place / f"{kind}.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    (root / "README.md").write_text("about")
    (root / ".hidden" / "x.csv").write_text("text,label\nno,no\n")
    return root


def rows(locator: str) -> list[dict[str, str]]:
    return [row.data for row in connect(Locator.parse(locator)).load()]


@pytest.mark.parametrize(
    "form", ["csv:{0}", "file:{0}", "csv:{0}/**/*.csv", "csv:{0}/alarm.csv,{0}/music.csv,{0}/more"]
)
def test_every_file_is_read_and_named(folder: Path, form: str) -> None:
    found = rows(form.format(folder))
    assert len(found) == 90
    assert {(row["file"], row["label"]) for row in found} == {
        ("alarm.csv", "alarm"), ("music.csv", "music"), ("more/weather.csv", "weather")}  # fmt: skip
    connector = connect(Locator.parse(form.format(folder)))
    assert [row.index for row in connector.load()] == list(range(90))
    description = connector.describe()
    assert description.columns == ["text", "label", "file"]
    assert description.notes[0].startswith("3 files: ")


def test_a_pattern_takes_what_it_matches(folder: Path) -> None:
    assert {row["file"] for row in rows(f"csv:{folder}/*.csv")} == {"alarm.csv", "music.csv"}
    assert {row["file"] for row in rows(f"csv:{folder}/m?sic.csv")} == {"music.csv"}
    with pytest.raises(DataError, match="no file was found"):
        connect(Locator.parse(f"csv:{folder}/*.txt"))


def test_options_are_those_of_each_file(folder: Path) -> None:
    assert set(rows(f"csv:{folder}/*.csv?header=no")[0]) == {"column_1", "column_2", "file"}


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="such a pattern is read there")
def test_a_pattern_that_cannot_be_read_is_refused(folder: Path, cli_json: CliJson, project: Project) -> None:
    refused = cli_json("data", "import", "--locator", f"csv:{folder}/**.csv", "-p", project.slug, code=1)[
        "error"
    ]
    assert "the pattern cannot be read" in refused["message"]
    assert "unexpected" not in refused["message"]


def test_a_word_behind_a_file_is_an_option_and_no_pattern(folder: Path) -> None:
    with pytest.raises(UsageError, match="unknown option: bogus"):
        connect(Locator.parse(f"csv:{folder}/alarm.csv?bogus"))


def test_files_that_differ_are_read_together_and_said(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one", "file": "mine"}\n')
    (tmp_path / "b.csv").write_text("text,extra\ntwo,2\nthree,3\n")
    (tmp_path / "notes.txt").write_text("x")
    connector = connect(Locator.parse(f"file:{tmp_path}"))
    assert next(row.data for row in connector.load()) == {
        "text": "one",
        "file": "mine",
        "file_name": "a.jsonl",
    }
    notes = " ".join(connector.describe().notes)
    assert "not read: notes.txt" in notes
    assert "not in every file: 'file', 'extra'" in notes


def test_a_record_that_cannot_be_read_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n')
    (tmp_path / "b.jsonl").write_text('{"text": "two"}\n{"text":\n')
    [bad] = [row for row in connect(Locator.parse(f"jsonl:{tmp_path}")).load() if row.error]
    assert bad.index == 2
    assert bad.error is not None
    assert bad.error.startswith("b.jsonl, record 1: ")


def test_names_with_commas_and_marks_are_names(tmp_path: Path) -> None:
    path = tmp_path / "a,b [1].jsonl"
    path.write_text(json.dumps({"text": "one"}) + "\n")
    assert rows(f"jsonl:{path}") == [{"text": "one"}]


def test_a_folder_is_one_import_that_notices_a_new_file(project: Project, folder: Path) -> None:
    outcome = data.import_rows(
        project, f"csv:{folder}", mapper="label_to_classification",
        field_map={"text": "text", "label": "label"}, derive=['label = split(file, ".")[0]'],
    )  # fmt: skip
    assert isinstance(outcome, data.ImportOutcome)
    assert outcome.record.accepted == 90
    task = load_config(project.paths.config).task
    assert task is not None
    assert task.labels == ["alarm", "more/weather", "music"]
    again = data.import_rows(project, f"csv:{folder}")
    assert isinstance(again, data.ImportOutcome)
    assert again.change == "unchanged"
    (folder / "news.csv").write_text("text,label\nread me the news of today,news\n")
    again = data.import_rows(project, f"csv:{folder}")
    assert isinstance(again, data.ImportOutcome)
    assert (again.change, again.record.accepted) == ("replaced", 91)


def test_files_of_the_same_labels_are_no_labels(project: Project, folder: Path) -> None:
    for path in folder.rglob("*.csv"):
        lines = [
            f"{path.stem} wants thing {n} and {n * n},{('good', 'bad', 'none')[n % 3]}" for n in range(40)
        ]
        path.write_text("\n".join(["text,label", *lines]) + "\n")
    outcome = data.import_rows(project, f"csv:{folder}", auto=True)
    assert isinstance(outcome, data.ImportOutcome)
    assert outcome.record.field_map == {"text": "text", "label": "label"}


def test_a_folder_imports_by_itself(project: Project, folder: Path) -> None:
    outcome = data.import_rows(project, f"csv:{folder}", auto=True)
    assert isinstance(outcome, data.ImportOutcome)
    assert outcome.record.field_map == {"text": "text", "label": "label"}


def test_a_list_means_the_same_files_from_everywhere(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    settled = settle("csv:alarm.csv,more/weather.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert len(rows(str(settled.opened))) == 60
    assert settled.recorded == f"csv:{folder}/alarm.csv,{folder}/more/weather.csv"


@pytest.mark.parametrize("place", ["/", "~", "~/.", "/tmp/.."])
@pytest.mark.parametrize("scheme", ["docs", "csv"])
def test_everything_on_the_machine_is_refused_as_a_folder_of_rows(scheme, place, cli):
    cli("init", "task")
    done = cli("data", "import", "--locator", f"{scheme}:{place}", "--auto", code=1)
    assert "this folder holds everything" in done.stderr
