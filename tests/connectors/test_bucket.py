"""`s3:` and `gs:` through s3fs and gcsfs, against servers on loopback that speak both protocols."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest

from narrowcast.connectors import connect
from narrowcast.connectors.base import SourceAccess
from narrowcast.core.locator import Locator
from narrowcast.errors import DataError, UsageError
from tests.connectors.conftest import FileHandler, Site, serve

pytestmark = pytest.mark.nightly

CSV = b"text,label\n" + b"some longer text,a\n" * 500


class BucketHandler(FileHandler):
    """Objects as S3 (path style: HEAD, GET with ranges, list) and as Google Cloud Storage (JSON API)."""

    def do_GET(self) -> None:  # noqa: N802 - the base class's name
        path, _, query = self.path.partition("?")
        if path.startswith(("/storage/v1/b/", "/download/storage/v1/b/")):
            self._google(path, query)
        elif "list-type=2" in query:
            self.site.asked.append((self.command, self.path, dict(self.headers)))
            empty = (
                b"<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>"
            )
            self.answer(200, empty, {"Content-Type": "application/xml"})
        elif "/private/" in path:
            body = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
            self.answer(403, body, {"Content-Type": "application/xml"})
        else:
            super().do_GET()

    do_HEAD = do_GET  # noqa: N815

    def _google(self, path: str, query: str) -> None:
        self.site.asked.append((self.command, self.path, dict(self.headers)))
        bucket, _, key = path.partition("/storage/v1/b/")[2].partition("/o/")
        name = f"/{bucket}/{unquote(key)}"
        if name not in self.site.files:
            body = {"items": []} if not key else {"error": {"code": 404, "message": "Not Found"}}
            self.answer(404 if key else 200, json.dumps(body).encode(), {"Content-Type": "application/json"})
        elif "alt=media" in query:
            self.send_content(name, self.site.files[name])
        else:
            about = {"kind": "storage#object", "name": unquote(key), "bucket": bucket, "etag": "CAE="}
            about |= {"size": str(len(self.site.files[name])), "generation": "1", "metageneration": "1"}
            self.answer(200, json.dumps(about).encode(), {"Content-Type": "application/json"})


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for made in serve(BucketHandler):
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", made.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield made


def open_at(locator: str, access: SourceAccess) -> Any:
    return connect(Locator.parse(locator), access)


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_an_object_is_fetched_once_and_read(bucket: Site, access: SourceAccess, scheme: str) -> None:
    bucket.files["/data/deep/train.csv"] = CSV
    connector = open_at(f"{scheme}://data/deep/train.csv", access)
    assert sum(1 for _ in connector.load()) == 500
    described = connector.describe()
    assert described.locator == f"{scheme}://data/deep/train.csv"
    assert described.notes[0] == f"fetched {len(CSV):,} bytes"
    assert described.origin["etag"]
    again = open_at(f"{scheme}://data/deep/train.csv", access)
    assert again.describe().notes[0].startswith("unchanged in its bucket")
    # An offline machine may ask its own loopback, and uses what it has where the endpoint is elsewhere.
    assert open_at(f"{scheme}://data/deep/train.csv", replace(access, offline=True)).describe().columns


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_a_missing_object(bucket: Site, access: SourceAccess, scheme: str) -> None:
    with pytest.raises(DataError, match="there is no such object") as caught:
        open_at(f"{scheme}://data/none.csv", access)
    assert caught.value.where == f"{scheme}://data/none.csv"
    for wrong in (f"{scheme}://data", f"{scheme}:data/x.csv", f"{scheme}://data/"):
        with pytest.raises(UsageError, match="not an object"):
            open_at(wrong, access)


def test_a_refused_object_says_how_to_log_in(bucket: Site, access: SourceAccess) -> None:
    with pytest.raises(DataError, match="refuses") as caught:
        open_at("s3://data/private/x.csv", access)
    assert "credentials" in caught.value.next_command


def test_offline_elsewhere(access: SourceAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with pytest.raises(DataError, match="offline mode"):
        open_at("s3://data/x.csv", replace(access, offline=True))


def test_options_of_the_file_reader(bucket: Site, access: SourceAccess) -> None:
    bucket.files["/data/x.csv"] = b"a;1\nb;2\n"
    rows = list(open_at("s3://data/x.csv#delimiter=;&header=no", access).load())
    assert rows[0].data == {"column_1": "a", "column_2": "1"}
