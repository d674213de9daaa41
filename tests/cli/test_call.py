"""`narrowcast call`: operations by name, with JSON in and out."""

from __future__ import annotations

import json
from pathlib import Path

from narrowcast.ops.operations import OPERATIONS
from narrowcast.pipeline.project import Project
from tests.support.cli import Cli


def test_without_a_name_the_operations_are_listed(cli: Cli) -> None:
    listed = json.loads(cli("call").stdout)
    assert [each["name"] for each in listed] == list(OPERATIONS)
    assert all(each["summary"] for each in listed)


def test_a_request_and_its_result_are_json(project: Project, cli: Cli, tmp_path: Path) -> None:
    rows = "text,label\n" + "".join(
        f"message {number} about {word},{word}\n" for number in range(20) for word in ("cards", "fees")
    )
    (tmp_path / "rows.csv").write_text(rows)
    mapping = {"mapper": "label_to_classification", "map": {"text": "text", "label": "label"}}
    request = {"locator": f"csv:{tmp_path}/rows.csv", **mapping}
    done = json.loads(cli("call", "data.import", json.dumps(request)).stdout)
    assert done["record"]["accepted"] == 40
    name = done["record"]["id"]
    assert json.loads(cli("call", "data.show_import", json.dumps({"import_id": name})).stdout)["id"] == name
    preview = json.loads(cli("call", "prepare.run", '{"dry_run": true}').stdout)
    assert preview["dry_run"] is True
    assert preview["runs"] is True
    prepared = json.loads(cli("call", "prepare.run", '{"options": {"seed": 3}}').stdout)
    assert prepared["version"] == json.loads(cli("call", "prepare.show").stdout)["version"]


def test_mistakes_are_named(project: Project, cli: Cli) -> None:
    assert "did you mean data.import?" in cli("call", "data.improt", code=2).stderr
    assert "not valid JSON" in cli("call", "data.import", "{", code=2).stderr
    assert "not a JSON object" in cli("call", "data.import", "[]", code=2).stderr
    refused = cli("call", "data.import", '{"lokator": "x", "auto": "perhaps"}', "--json", code=2)
    message = json.loads(refused.stdout)["error"]["message"]
    for part in ("locator: field required", "lokator: extra inputs", "auto: input should be a valid boolean"):
        assert part in message
    assert "takes no options" in cli("call", "data.ledger", '{"x": 1}', code=2).stderr


def test_the_schema_of_a_request_shows_the_options_of_its_stage(cli: Cli) -> None:
    schema = json.loads(cli("call", "training.run", "--schema").stdout)
    assert "one_click" in schema["properties"]
    assert "learning_rate" in json.dumps(schema)
    assert json.loads(cli("call", "data.ledger", "--schema").stdout) == {}
