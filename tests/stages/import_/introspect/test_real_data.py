"""Introspection and mapping on public data sets in their original files."""

from pathlib import Path

import pytest

from narrowcast.connectors import connect
from narrowcast.core.locator import Locator
from narrowcast.core.row import TransformedRow
from narrowcast.stages.import_.introspect import introspect
from narrowcast.stages.import_.mapping import MAPPERS
from narrowcast.stages.import_.mapping.engine import RowMapping

pytestmark = [pytest.mark.nightly, pytest.mark.shared_data]

CONFIDENT = [
    ("csv:banking77/train.csv", "label_to_classification", 10_003, 77),
    ("csv:banking77/test.csv", "label_to_classification", 3_080, 77),
    ("file:clinc150/data_full.json", "label_to_classification", 23_700, 151),
    ("file:clinc150/binary_undersample.json", "label_to_classification", 9_850, 2),
    ("file:wnut17/wnut17train.conll", "bio_to_spans", 3_394, 6),
    ("file:wnut17/emerging.dev.conll", "bio_to_spans", 1_009, 6),
    ("file:wnut17/emerging.test.annotated", "bio_to_spans", 1_287, 6),
    ("file:restaurant8k/train_0.json", "kv_to_structured", 8_198, 5),
    ("file:restaurant8k/test.json", "kv_to_structured", 3_731, 5),
    ("file:xquad_en/xquad.en.json", "qa_pair_passthrough", 1_190, 0),
    ("file:preference_rasbt/instruction-data.json", "instruction_passthrough", 1_100, 0),
]


@pytest.mark.parametrize(("locator", "mapper_id", "rows", "kinds"), CONFIDENT)
def test_the_right_mapper_takes_every_row(
    shared_data: Path, locator: str, mapper_id: str, rows: int, kinds: int
) -> None:
    scheme, _, name = locator.partition(":")
    connector = connect(Locator(scheme, str(shared_data / name)))
    report = introspect(connector.load())
    assert report.rows == rows
    assert report.proposal is not None
    assert report.proposal.mapper_id == mapper_id
    assert report.proposal.confidence >= 0.80
    mapper = MAPPERS.get(mapper_id)(report.proposal.field_map)
    outcomes = list(RowMapping(mapper, report.proposal.field_map, "imp-x").map_all(connector.load()))
    refused = [each for each in outcomes if not isinstance(each, TransformedRow)]
    assert len(outcomes) == rows
    assert len(refused) <= 0.001 * rows, refused[:3]
    task = mapper.task()
    properties = (
        task.output_schema.get("properties", {}).get("spans", {}).get("items", {}).get("properties", {})
    )
    assert len(task.labels or properties.get("type", {}).get("enum", [])) == kinds


@pytest.mark.parametrize(
    "locator",
    [
        "csv:messy/weather_2012.csv",
        "csv:messy/taxi.csv.gz",
        "csv:messy/bikes_latin1_semicolon.csv",
        "csv:messy/freshman_lbs.csv",
        "file:messy/freshman_kgs.xlsx",
        "file:messy/zip_area_code_map.parquet",
        "file:messy/multiwoz_hotel_db.json",
        "file:messy/multiwoz_restaurant_db.json",
        "file:messy/popularity-contest",
        "file:clinc150/domains.json",
        "file:bfcl_v4/BFCL_v4_simple_python.json",
    ],
)
def test_a_source_without_a_task_is_not_proposed_with_confidence(shared_data: Path, locator: str) -> None:
    scheme, _, name = locator.partition(":")
    report = introspect(connect(Locator(scheme, str(shared_data / name))).load())
    assert report.rows > 0
    assert report.proposal is None or report.proposal.needs_force


def test_the_latin1_file_is_read_as_such(shared_data: Path) -> None:
    description = connect(Locator("csv", str(shared_data / "messy/bikes_latin1_semicolon.csv"))).describe()
    assert (description.encoding, description.delimiter, description.header) == ("cp1252", "semicolon", True)
    assert "Brébeuf (données non disponibles)" in description.columns
