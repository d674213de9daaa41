"""`hf:` with the real client, against a server on loopback that speaks the hub's protocol."""

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from narrowcast.cli.main import main
from narrowcast.connectors.base import SourceAccess
from narrowcast.connectors.hf import HfConnector
from narrowcast.errors import UsageError
from tests.connectors.conftest import FileHandler, Site, serve

pytestmark = pytest.mark.nightly

SHA = "0123456789abcdef0123456789abcdef01234567"
CARD = """---
license: cc-by-4.0
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train.parquet
  - split: test
    path: data/test.parquet
---
# Tickets
"""


def parquet(labels: list[int]) -> bytes:
    features = {"info": {"features": {
        "text": {"dtype": "string", "_type": "Value"},
        "label": {"names": ["refund", "delivery"], "_type": "ClassLabel"},
        "picture": {"_type": "Image"},
    }}}  # fmt: skip
    count = len(labels)
    table = pa.table(
        {
            "text": [f"text number {n}" for n in range(count)],
            "label": pa.array(labels, pa.int64()),
            "picture": [{"bytes": b"png", "path": "x"}] * count,
        }
    ).replace_schema_metadata({"huggingface": json.dumps(features)})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


class HubHandler(FileHandler):
    """Repository info, trees, path infos and files of one data set, `acme/tickets`."""

    def do_GET(self) -> None:  # noqa: N802 - the base class's name
        path = self.path.partition("?")[0]
        self.site.asked.append((self.command, self.path, dict(self.headers)))
        files = self.site.files
        if path.startswith("/api/datasets/acme/tickets/tree/"):
            self._json([self._about(name) for name in files])
        elif path.startswith("/api/datasets/acme/tickets/paths-info/"):
            asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._json([self._about(name) for name in files if f'"{name}"' in asked or f"={name}" in asked])
        elif path.startswith("/api/datasets/acme/tickets"):
            if "nope" in path:
                self.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
                return
            siblings = [{"rfilename": name} for name in files]
            about = {"_id": "1", "id": "acme/tickets", "sha": SHA, "siblings": siblings, "private": False}
            self._json({**about, "tags": [], "downloads": 0, "cardData": {"license": "cc-by-4.0"}})
        elif path.startswith(f"/datasets/acme/tickets/resolve/{SHA}/"):
            name = path.partition(f"{SHA}/")[2]
            if name in files:
                self.send_content(name, files[name])
            else:
                self.answer(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": SHA})
        else:
            self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_POST = do_GET  # noqa: N815

    def send_response(self, code: int, message: str | None = None) -> None:
        super().send_response(code, message)
        self.send_header("X-Repo-Commit", SHA)

    def _about(self, name: str) -> dict[str, Any]:
        content = self.site.files[name]
        return {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}

    def _json(self, value: Any) -> None:
        self.answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Site]:
    for made in serve(HubHandler):
        made.files["README.md"] = CARD.encode()
        made.files["data/train.parquet"] = parquet([0, 1, 1, -1] * 50)
        made.files["data/test.parquet"] = parquet([1, 0])
        yield made


def narrowcast(hub: Site, home: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the client reads its endpoint when it is imported."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-m", "narrowcast.cli.main", *words],
        capture_output=True, text=True, check=False, env=environment | variables, timeout=120,
    )  # fmt: skip


def test_streaming_class_names_revision_and_licence(hub: Site, tmp_path: Path, cli: Any) -> None:
    cli("init", "hub")
    command = ["data", "import", "--locator", "hf:acme/tickets:train@main", "--mapper"]
    command += ["label_to_classification", "--map", "text=text,label=label", "--json"]
    done = narrowcast(hub, tmp_path / "hf", *command, HF_TOKEN="hf_secret")
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    record = outcome["record"]
    assert (record["rows"], record["accepted"], record["rejected"]) == (200, 150, {"missing_label": 50})
    assert record["origin"] == {"revision": SHA, "licence": "cc-by-4.0"}
    assert sorted(outcome["task"]["labels"]) == ["delivery", "refund"]
    notes = " ".join(outcome["plan"]["source"]["notes"])
    assert "streamed" in notes
    assert "left out, as they hold no text: picture" in notes
    sent = [{name.lower(): value for name, value in headers.items()} for _, _, headers in hub.asked]
    assert "Bearer hf_secret" in [headers.get("authorization") for headers in sent]
    assert "hf_secret" not in done.stdout + done.stderr


def test_errors_name_the_data_set_and_offline_asks_nobody(hub: Site, tmp_path: Path) -> None:
    done = narrowcast(hub, tmp_path / "hf", "data", "introspect", "--locator", "hf:acme/tickets:nope")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "nope" in done.stderr
    assert "(hf:acme/tickets:nope)" in done.stderr
    assert "fix: check the network, the name, config, split" in done.stderr
    hub.asked.clear()
    offline = narrowcast(
        hub, tmp_path / "other", "data", "introspect", "-l", "hf:acme/tickets:train", HF_HUB_OFFLINE="1"
    )
    assert offline.returncode == 1
    assert "unset HF_HUB_OFFLINE" in offline.stderr
    assert hub.asked == []


def test_local_folders_are_refused(
    tmp_path: Path, access: SourceAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in ("imdb", "imdb:", "a:b:c:d", ":train"):
        with pytest.raises(UsageError, match="not a data set of the hub"):
            HfConnector(wrong, replace(access, offline=True))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "imdb").mkdir()
    for wrong in ("imdb:train", "./x:train", "/etc:train", "a/b/c:train"):
        with pytest.raises(UsageError, match="a folder of this machine"):
            HfConnector(wrong, replace(access, offline=True))


def test_a_locator_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["data", "introspect", "--locator", "hf:imdb"])
    assert "write hf:ID:SPLIT or hf:ID:CONFIG:SPLIT" in capsys.readouterr().err
