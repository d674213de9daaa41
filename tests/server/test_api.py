"""The tool over HTTP: the same operations, requests and results as on the command line."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from narrowcast.ops.operations import OPERATIONS
from narrowcast.server.api.routes import ROUTES
from tests.server.conftest import Running, running

FILLER = ["please", "help", "with", "my", "order", "today", "again", "why"]
TOPICS = {"card": ["card", "plastic"], "rate": ["exchange", "rate"], "fee": ["fee", "charged"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The API of an empty workspace, without a model."""
    with running("--api", home=tmp_path_factory.mktemp("home")) as started:
        yield started


@pytest.fixture(scope="module")
def api(server: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url.removesuffix("/api"), timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    draw = random.Random(0)
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    lines = []
    for number in range(240):
        label = draw.choice(list(TOPICS))
        words = [*draw.choices(FILLER, k=5), *TOPICS[label]]
        draw.shuffle(words)
        lines.append(json.dumps({"text": f"{' '.join(words)} {number}", "label": label}))
    path.write_text("\n".join(lines))
    return path


def ended(api: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """The last event of a job that was accepted."""
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/api/jobs/{answer.json()['job']['id']}"
    last = None
    with api.stream("GET", answer.json()["events"]) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith("data: "):
                last = json.loads(line.removeprefix("data: "))
    assert last is not None
    return last


def test_from_imported_rows_to_a_proven_bundle(api: httpx.Client, rows: Path) -> None:
    created = api.post("/api/projects", json={"name": "topics"})
    assert created.status_code == 201
    place = f"/api/projects/{created.json()['id']}"
    looked = api.post("/api/introspect", json={"locator": f"jsonl:{rows}"})
    assert looked.json()["report"]["rows"] == 240
    mapping = {"mapper": "label_to_classification", "map": {"text": "text", "label": "label"}}
    done = ended(api, api.post(f"{place}/data/imports", json={"locator": f"jsonl:{rows}", **mapping}))
    assert done["status"] == "done", done
    assert done["outcomes"][0]["output"]["record"]["accepted"] == 240
    assert [each["accepted"] for each in api.get(f"{place}/data/imports").json()["data"]] == [240]
    seen = api.post(f"{place}/training/run", json={"dry_run": True, "options": {"method": "linear"}})
    assert seen.status_code in (200, 422), seen.text  # nothing is prepared yet
    training = {"one_click": True, "options": {"method": "linear", "features": ["words"]}}
    done = ended(api, api.post(f"{place}/training/run", json=training))
    assert done["status"] == "done", done
    result = done["outcomes"][0]["output"]
    assert {"prepare", "baseline", "train", "evaluate", "export", "verify"} <= set(result["stages"])
    assert result["refused"] is False
    (run,) = api.get(f"{place}/runs").json()["data"]
    assert run["run_id"] == result["stages"]["train"]["run_id"]
    shown = api.get(f"{place}/runs/{run['run_id']}").json()
    assert shown["current"] is True
    assert shown["manifest"]["method"] == "linear"
    ledger = api.get(f"{place}/data/ledger").json()
    assert ledger["balanced"] is True
    assert ledger["stages"][0]["rows_in"] == 240


def test_what_is_wrong_is_a_problem_with_its_code_and_its_way_out(api: httpx.Client, rows: Path) -> None:
    api.post("/api/projects", json={"name": "wrong"})
    cases: list[tuple[httpx.Response, int, str, str]] = [
        (api.get("/api/projects/nowhere"), 404, "project_unknown", "no such project"),
        (api.get("/api/projects/..%2F..%2Fetc"), 404, "system_request_invalid", "not served"),
        (api.get("/api/projects/A_B"), 422, "system_config_invalid", "number or its name"),
        (api.get("/api/jobs/job-00000000"), 404, "job_unknown", "no such job"),
        (api.get("/api/jobs/job-00000000/events"), 404, "job_unknown", "no such job"),
        (api.get("/api/projects/wrong/data/imports/imp-0"), 404, "dataset_import_unknown", "no such import"),
        (api.post("/api/projects", json={"nme": "x", "labels": 3}), 422, "system_config_invalid", "nme: "),
        (api.post("/api/projects", content=b"{"), 422, "system_config_invalid", "not valid JSON"),
        (api.post("/api/projects", content=b"[1]"), 422, "system_config_invalid", "not a JSON object"),
        (api.get("/api/projects?limit=0"), 422, "system_config_invalid", "1 to 1,000"),
        (api.get("/api/projects?after=99"), 422, "system_config_invalid", "no entry has the id '99'"),
        (api.get("/api/projects?colour=red"), 422, "system_config_invalid", "colour"),
        (
            api.post("/api/projects/wrong/prepare", json={"dry_run": True}),
            422,
            "dataset_import_missing",
            "",
        ),
    ]
    for answer, status, code, part in cases:
        body = answer.json()
        assert answer.status_code == status, (answer.url, body)
        assert answer.headers["content-type"] == "application/problem+json"
        assert body["status"] == status
        assert body["reason_code"] == code or not part, body
        assert part in body["detail"]
        assert "Traceback" not in answer.text
    assert api.post("/api/jobs/job-1/pause", json={"pause": False}).status_code == 422
    foreign = api.get("/api/projects", headers={"Origin": "https://elsewhere.example"})
    assert foreign.status_code == 403


def test_lists_come_in_pages(api: httpx.Client) -> None:
    for name in ("one", "two", "three"):
        api.post("/api/projects", json={"name": f"page-{name}"})
    first = api.get("/api/projects", params={"limit": 2}).json()
    assert len(first["data"]) == 2
    assert first["next"] == str(first["data"][-1]["id"])
    api.post("/api/projects", json={"name": "page-four"})
    seen, after = list(first["data"]), first["next"]
    while after is not None:
        page = api.get("/api/projects", params={"limit": 2, "after": after}).json()
        seen, after = seen + page["data"], page["next"]
    numbers = [each["id"] for each in seen]
    assert numbers == sorted(set(numbers))
    assert seen[-1]["slug"] == "page-four"


def test_a_job_is_cancelled(api: httpx.Client, rows: Path) -> None:
    api.post("/api/projects", json={"name": "cancelled"})
    answer = api.post("/api/projects/cancelled/data/imports", json={"locator": f"jsonl:{rows}", "auto": True})
    job = answer.json()["job"]["id"]
    stopped = api.post(f"/api/jobs/{job}/cancel")
    assert stopped.json()["status"] in ("stopping", "cancelled")
    again = api.post(f"/api/jobs/{job}/cancel")
    assert again.status_code in (200, 422)


def test_the_document_describes_every_route(api: httpx.Client) -> None:
    document = api.get("/api/openapi.json").json()
    described = {(method.upper(), path) for path, each in document["paths"].items() for method in each}
    assert described == {(each.method, each.path) for each in ROUTES} | {("GET", "/api/jobs/{job}/events")}
    text = json.dumps(document)
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert names <= set(document["components"]["schemas"])
    operations = [each["operationId"] for paths in document["paths"].values() for each in paths.values()]
    assert len(operations) == len(set(operations))
    training = document["paths"]["/api/projects/{project}/training/run"]["post"]
    body = training["requestBody"]["content"]["application/json"]
    assert body["example"] == {"autopilot": True, "one_click": True}
    assert {"options", "one_click", "autopilot"} <= set(body["schema"]["properties"])


def test_every_operation_has_a_route() -> None:
    assert {each.name for each in ROUTES} == set(OPERATIONS)
    for operation in OPERATIONS.values():
        assert operation.summary
        operation.result_type()
        for name, value in next(each for each in ROUTES if each.name == operation.name).example.items():
            model = operation.load_request()
            assert model is not None
            assert name in model.model_fields, (operation.name, name, value)
