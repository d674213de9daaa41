"""Spreadsheets as people keep them: titles, a header in the third line, merged cells."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from narrowcast.connectors import connect
from narrowcast.connectors.fill import with_filled
from narrowcast.core.locator import Locator
from narrowcast.errors import DataError
from narrowcast.pipeline.project import Project
from tests.support import imports as data
from tests.support.cli import Cli
from tests.support.xls import workbook

LABELS = ("late parcel", "lost parcel", "praise")
NAMES = ["Nr", "Kundentext", "Kategorie", "Bemerkung"]


def said(n: int) -> str:
    return f"what became of the kettle {n * 37} that I sent"


def sheet(path: Path, table: list[list[Any]]) -> str:
    """As a workbook, or as csv, by the name."""
    if path.suffix == ".xls":
        path.write_bytes(workbook({"Daten": table}))
    else:
        path.write_text("".join(";".join(map(str, row)) + "\n" for row in table), encoding="utf-8")
    return f"file:{path}"


def rows(locator: str) -> list[dict[str, Any]]:
    return [row.data for row in connect(Locator.parse(locator)).load() if row.error is None]


@pytest.mark.parametrize("name", ["x.xls", "x.csv"])
def test_a_header_that_comes_again_with_a_cell_left_empty_is_one(tmp_path: Path, name: str) -> None:
    body = [[str(n), said(n), LABELS[n % 3], "ok"] for n in range(40)]
    body.insert(20, ["Nr", "Kundentext", "", "Bemerkung"])
    table = [["Auswertung", "", "", ""], ["", "", "", ""], NAMES, *body]
    assert list(rows(sheet(tmp_path / name, table))[0]) == NAMES


@pytest.mark.parametrize("name", ["x.xls", "x.csv"])
def test_the_line_of_the_header_can_be_named(tmp_path: Path, name: str) -> None:
    names = ["7", "8", "9", "10"]  # which nobody takes for names
    table = [
        ["Auswertung", "", "", "Q3"],
        ["", "", "", ""],
        names,
        *([n, said(n), "a", "b"] for n in range(30)),
    ]
    locator = sheet(tmp_path / name, table)
    assert (
        "where another line is the header, name it: ?header=3 for line 3"
        in connect(Locator.parse(locator)).describe().notes
    )
    assert list(rows(f"{locator}?header=3")[0]) == names
    assert len(rows(f"{locator}?header=3")) == 30
    for line in ("90000", "9" * 30, "0"):
        with pytest.raises(DataError, match=f"line {line} holds no record"):
            rows(f"{locator}?header={line}")
    with pytest.raises(DataError, match="is not yes, no or the number of a line"):
        rows(f"{locator}?header=maybe")


def test_a_header_that_is_said_to_be_there_is_below_the_title(tmp_path: Path) -> None:
    table = [["Auswertung", "", ""], ["", "", ""], ["a", "b", "c"], *([said(n), "x", "x"] for n in range(30))]
    assert list(rows(f"{sheet(tmp_path / 'x.xls', table)}?header=yes")[0]) == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["x.xls", "x.csv"])
def test_merged_cells_are_named_and_filled_down(
    cli: Cli, project: Project, tmp_path: Path, name: str
) -> None:
    table = [NAMES[:3], *([str(n + 1), said(n), "" if n % 30 else LABELS[n // 30]] for n in range(90))]
    locator = sheet(tmp_path / name, table)
    with pytest.raises(
        data.MappingUncertainError, match="only the first cell of each block of 'Kategorie'"
    ) as caught:
        data.import_rows(project, locator, auto=True)
    hint = caught.value.next_command.partition("--locator '")[2].rstrip("'")
    assert hint == f"{locator}?fill=Kategorie"
    shown = cli("data", "introspect", "--locator", locator).stdout
    assert "only the first cell of each block of 'Kategorie' seems to be filled (3 of 90 rows)" in shown
    preview = data.import_rows(project, hint, auto=True, dry_run=True)
    assert isinstance(preview, data.ImportPreview)
    assert (preview.accepted, preview.task.labels) == (90, sorted(LABELS))
    named = {"text": "Kundentext", "label": "Kategorie"}
    mapped = data.import_rows(
        project, locator, mapper="label_to_classification", field_map=named, dry_run=True
    )
    assert isinstance(mapped, data.ImportPreview)
    assert any("?fill=Kategorie after the path" in each for each in mapped.plan.warnings)


def test_a_column_that_cannot_be_filled_is_refused(tmp_path: Path) -> None:
    locator = sheet(tmp_path / "x.csv", [["text", "label"], *([said(n), LABELS[n % 3]] for n in range(30))])
    with pytest.raises(DataError, match="no column '' to fill"):
        rows(f"{locator}?fill=")
    with pytest.raises(DataError, match="no column 'labl' to fill") as caught:
        rows(f"{locator}?fill=labl")
    assert "text, label" in caught.value.next_command


def test_words_that_are_read_as_empty_cells_are_counted(cli: Cli, tmp_path: Path) -> None:
    table = [["text", "label"], *([said(n), LABELS[n % 3] if n % 10 else "#N/A"] for n in range(60))]
    done = cli("data", "introspect", "--json", "--locator", sheet(tmp_path / "x.csv", table))
    assert (
        "read as empty cells, counted in the first MiB: #N/A (6)"
        in json.loads(done.stdout)["source"]["notes"]
    )


def test_a_badly_quoted_line_cannot_be_the_header(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    good = "".join(f'"{said(n)}, and more","x"\n' for n in range(30))
    path.write_text(f'{good}"a"b,c\nd,"e\n{good}')
    for line in (31, 32):
        with pytest.raises(DataError, match=f"line {line} holds no record"):
            rows(f"file:{path}?header={line}")


@pytest.mark.parametrize("name", ["Kategorie & Typ", "C+D", "50% of it", "is it?", "a/b", "Kunde's", "Größe"])
def test_a_name_of_any_signs_can_be_filled_by_the_command_that_is_printed(
    project: Project, tmp_path: Path, name: str
) -> None:
    blocks = [["", ""] if n % 30 else [LABELS[n // 30], "abc"[n // 30] * 3] for n in range(90)]
    table = [["Kundentext", name, "Team"], *([said(n), *blocks[n]] for n in range(90))]
    locator = sheet(tmp_path / "x.csv", table)
    with pytest.raises(data.MappingUncertainError) as caught:
        data.import_rows(project, locator, auto=True)
    words = shlex.split(caught.value.next_command)
    hint = words[words.index("--locator") + 1]
    assert rows(hint)[89] == {"Kundentext": said(89), name: LABELS[2], "Team": "ccc"}
    # A column that is filled already stays so.
    assert rows(with_filled(f"{locator}?fill=Team&header=yes", [name]))[89] == rows(hint)[89]


def test_remarks_beside_some_rows_are_no_merged_cells(project: Project, tmp_path: Path) -> None:
    table = [NAMES[:2], *([said(n), f"called {n} times" if n % 7 == 3 else ""] for n in range(90))]
    with pytest.raises(data.MappingUncertainError) as caught:
        data.import_rows(project, sheet(tmp_path / "x.csv", table), auto=True)
    assert "fill" not in str(caught.value)
