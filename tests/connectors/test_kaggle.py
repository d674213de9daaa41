"""`kaggle:` with the official client, whose table of endpoints is pointed at a server on loopback."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kagglesdk import kaggle_env

from narrowcast.connectors import connect
from narrowcast.connectors.base import SourceAccess
from narrowcast.core.locator import Locator
from narrowcast.errors import DataError, UsageError
from tests.connectors.conftest import FileHandler, Site, serve

pytestmark = pytest.mark.nightly

CSV = b"text,label\nfirst text,a\nsecond text,b\n"


class KaggleHandler(FileHandler):
    """Lists and hands out the files of any data set and competition; needs user and key."""

    def do_POST(self) -> None:  # noqa: N802 - the base class's name
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        self.site.asked.append((self.command, self.path, dict(self.headers)))
        if self.headers.get("Authorization") != "Basic bWU6a2V5":
            self._json(401, {"code": 401, "message": "Unauthenticated"})
        elif self.path.endswith(("/ListDatasetFiles", "/ListDataFiles")):
            files = [
                {"name": name.strip("/"), "totalBytes": len(content), "creationDate": "2026-01-02T03:04:05Z"}
                for name, content in self.site.files.items()
            ]
            named = "datasetFiles" if self.path.endswith("/ListDatasetFiles") else "files"
            self._json(200, {named: files, "files": files, "nextPageToken": ""})
        elif self.path.endswith(("/DownloadDataset", "/DownloadDataFile")):
            self.answer(302, b"", {"Location": f"{self.site.url}/{body['fileName']}"})
        else:
            self._json(404, {"code": 404, "message": f"no {self.path}"})

    def _json(self, status: int, value: object) -> None:
        self.answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


@pytest.fixture
def kaggle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    # A token would be checked at another address first; user and key are not.
    monkeypatch.delenv("KAGGLE_API_TOKEN", raising=False)
    monkeypatch.setenv("KAGGLE_USERNAME", "me")
    monkeypatch.setenv("KAGGLE_KEY", "key")
    for made in serve(KaggleHandler):
        monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, made.url)
        yield made


def open_kaggle(rest: str, access: SourceAccess) -> object:
    return connect(Locator("kaggle", rest), access)


@pytest.mark.parametrize("address", ["dataset:acme/tickets", "competition:tickets"])
def test_a_file_is_fetched_once(kaggle: Site, access: SourceAccess, address: str) -> None:
    kaggle.files = {"/train.csv": CSV, "/test.csv": b"text\nx\n"}
    connector = connect(Locator("kaggle", f"{address}?file=train.csv"), access)
    assert [row.data["label"] for row in connector.load()] == ["a", "b"]
    assert connector.describe().locator == f"kaggle:{address}?file=train.csv"
    again = connect(Locator("kaggle", f"{address}?file=train.csv"), access)
    assert again.describe().notes[0].startswith("unchanged on Kaggle")
    with pytest.raises(DataError, match="2 files, and none is named") as caught:
        connect(Locator("kaggle", address), access)
    assert "train.csv, test.csv" in caught.value.next_command
    with pytest.raises(DataError, match="more than the 10 bytes"):
        connect(
            Locator("kaggle", f"{address}?file=train.csv"),
            replace(access, max_bytes=10, downloads=access.downloads / "x"),
        )


def test_an_archive_of_one_member_is_unpacked(kaggle: Site, access: SourceAccess) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("train.csv", CSV)
    kaggle.files = {"/train.csv": CSV}
    kaggle.redirects["/train.csv"] = "/train.csv.zip"
    kaggle.files["/train.csv.zip"] = packed.getvalue()
    connector = connect(Locator("kaggle", "dataset:acme/tickets?file=train.csv"), access)
    assert sum(1 for _ in connector.load()) == 2


def test_without_credentials(
    access: SourceAccess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    with pytest.raises(DataError, match="asks for credentials") as caught:
        open_kaggle("dataset:acme/tickets?file=x.csv", access)
    assert "KAGGLE_API_TOKEN" in caught.value.next_command
    assert capsys.readouterr().out == ""


def test_wrong_locators_and_offline(access: SourceAccess) -> None:
    for wrong in ("dataset:tickets", "competition:a/b", "model:x", "dataset:a/b?name=x", "dataset:a/b?file="):
        with pytest.raises(UsageError, match="not a source of Kaggle"):
            open_kaggle(wrong, access)
    with pytest.raises(DataError, match="offline mode"):
        open_kaggle("dataset:a/b?file=x", replace(access, offline=True))
