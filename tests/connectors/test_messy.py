"""Every file of the shared messy folder is read to its last row, or refused with a clear reason."""

from pathlib import Path

import pytest

from narrowcast.connectors import connect
from narrowcast.core.locator import Locator
from narrowcast.errors import NarrowcastError

pytestmark = pytest.mark.nightly

# name → rows, unreadable rows, columns
READ = {
    "file:bikes_latin1_semicolon.csv": (310, 295, 10),  # most of its lines lack the last, empty cell
    "file:freshman_kgs.xlsx": (67, 0, 5),
    "file:freshman_lbs.csv": (67, 0, 5),  # its header holds commas that are not quoted
    "file:multiwoz_hotel_db.json": (33, 0, 14),
    "file:multiwoz_restaurant_db.json": (110, 0, 12),
    "file:popularity-contest": (2899, 0, 1),
    "file:taskmaster4_data_07.json": (210, 0, 5),
    "file:taxi.csv.gz": (10, 0, 17),
    "file:weather_2012.csv": (8784, 0, 8),
    "parquet:zip_area_code_map.parquet": (33772, 0, 4),
}
REFUSED = {
    "file:multiwoz_attraction-dbase.db": "sql:sqlite:///",
    "file:multiwoz_hotel-dbase.db": "did you mean",
}


def test_what_is_read(shared_data: Path) -> None:
    found = {}
    for name in READ:
        scheme, _, file = name.partition(":")
        connector = connect(Locator(scheme, str(shared_data / "messy" / file)))
        rows = list(connector.load())
        errors = sum(row.error is not None for row in rows)
        found[name] = (len(rows), errors, len(connector.describe().columns))
    assert found == READ


def test_short_records_are_filled_where_that_is_asked_for(shared_data: Path) -> None:
    path = shared_data / "messy" / "bikes_latin1_semicolon.csv"
    notes = connect(Locator("file", str(path))).describe().notes
    assert any("have too few fields and are rejected; ?short=fill" in note for note in notes)
    rows = list(connect(Locator("file", f"{path}?short=fill")).load())
    assert (len(rows), sum(row.error is not None for row in rows)) == (310, 0)
    assert rows[-1].data["St-Urbain (données non disponibles)"] == ""
    assert len(rows[-1].data) == 10


def test_what_is_refused(shared_data: Path) -> None:
    for name, expected in REFUSED.items():
        scheme, _, file = name.partition(":")
        with pytest.raises(NarrowcastError) as caught:
            connect(Locator(scheme, str(shared_data / "messy" / file)))
        assert expected in caught.value.next_command
