"""`https:` and `http:` against a real server on loopback."""

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from narrowcast.connectors import connect
from narrowcast.connectors.base import SourceAccess
from narrowcast.connectors.private import checked_addresses, is_public
from narrowcast.core.locator import Locator
from narrowcast.core.row import SourceRow
from narrowcast.core.settings import Settings
from narrowcast.core.stage import StageContext
from narrowcast.errors import DataError, UsageError
from narrowcast.pipeline.project import Project
from narrowcast.stages.import_.source import source_access
from tests.connectors.conftest import FileHandler, Site, serve
from tests.support import imports as data

pytestmark = pytest.mark.nightly

CSV = b"text,label\nfirst text,a\nsecond text,b\n"


def read(locator: str, access: SourceAccess) -> list[SourceRow]:
    return list(connect(Locator.parse(locator), access).load())


def test_a_file_is_fetched_once_and_read_by_name_and_content(site: Site, access: SourceAccess) -> None:
    site.files["/data/train.csv"] = CSV
    connector = connect(Locator.parse(f"{site.url}/data/train.csv"), access)
    assert [row.data["label"] for row in connector.load()] == ["a", "b"]
    described = connector.describe()
    assert described.locator == f"{site.url}/data/train.csv"
    assert described.notes[0] == f"fetched {len(CSV)} bytes"
    assert len(described.origin["sha256"]) == 64
    assert described.origin["etag"]
    again = connect(Locator.parse(f"{site.url}/data/train.csv"), access)
    assert again.describe().notes[0].startswith("unchanged on its server")
    assert [row.data["label"] for row in again.load()] == ["a", "b"]


def test_a_changed_file_is_fetched_again(site: Site, access: SourceAccess) -> None:
    site.files["/x.csv"] = CSV
    read(f"{site.url}/x.csv", access)
    site.files["/x.csv"] = CSV + b"third text,c\n"
    assert len(read(f"{site.url}/x.csv", access)) == 3


def test_the_content_type_names_what_the_address_does_not(site: Site, access: SourceAccess) -> None:
    site.files["/export"] = b"a\tb\nx y\tz\n"
    site.types["/export"] = "text/tab-separated-values; charset=utf-8"
    for _ in range(2):  # fetched, then unchanged
        rows = read(f"{site.url}/export?day=1", access)
        assert rows[-1].data in ({"a": "x y", "b": "z"}, {"column_1": "x y", "column_2": "z"})


def test_options_follow_a_hash_and_are_not_sent(site: Site, access: SourceAccess) -> None:
    site.files["/x.csv"] = b"a|b;1\nc|d;2\n"
    rows = read(f"{site.url}/x.csv#delimiter=;&header=no", access)
    assert rows[0].data == {"column_1": "a|b", "column_2": "1"}
    assert site.asked[0][1] == "/x.csv"


def test_a_broken_download_continues_where_it_stopped(site: Site, access: SourceAccess) -> None:
    lines = b"".join(b"text number %d,label\n" % number for number in range(30_000))
    site.files["/big.csv"] = b"text,label\n" + lines
    site.break_after["/big.csv"] = 200_000
    with pytest.raises(DataError, match="was interrupted"):
        read(f"{site.url}/big.csv", access)
    connector = connect(Locator.parse(f"{site.url}/big.csv"), access)
    assert connector.describe().notes[0].endswith("resumed at 200,000")
    assert site.asked[-1][2]["Range"] == "bytes=200000-"
    assert sum(1 for _ in connector.load()) == 30_000


def test_a_part_of_another_version_is_not_resumed(site: Site, access: SourceAccess) -> None:
    site.files["/x.csv"] = CSV * 100
    site.break_after["/x.csv"] = 500
    with pytest.raises(DataError, match="was interrupted"):
        read(f"{site.url}/x.csv", access)
    site.files["/x.csv"] = CSV
    assert [row.data["label"] for row in read(f"{site.url}/x.csv", access)] == ["a", "b"]


@pytest.mark.parametrize("announced", [True, False])
def test_a_file_over_the_limit_is_refused(site: Site, access: SourceAccess, announced: bool) -> None:
    site.files["/x.csv"] = CSV * 1000
    small = replace(access, max_bytes=1000)
    with pytest.raises(DataError, match="more than the 1,000 bytes") as caught:
        read(f"{site.url}/x.csv", small)
    assert "NARROWCAST_MAX_DOWNLOAD_BYTES" in caught.value.next_command
    assert not list(small.downloads.glob("*.part"))


def test_errors_of_the_server_say_what_and_where(site: Site, access: SourceAccess) -> None:
    with pytest.raises(DataError, match="answered 404") as caught:
        read(f"{site.url}/none.csv", access)
    assert caught.value.where == f"{site.url}/none.csv"
    site.redirects["/loop"] = "/loop"
    with pytest.raises(DataError, match="more than 5 redirects"):
        read(f"{site.url}/loop", access)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DataError, match="the download failed"):
        read(f"http://127.0.0.1:{port}/x.csv", access)
    for wrong in ("http://", "http:/x", "http://[::1", "https://:443/x"):
        with pytest.raises(UsageError, match="not a web address"):
            read(wrong, access)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "::1",
     "fe80::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "::"],
)  # fmt: skip
def test_private_addresses(address: str) -> None:
    assert not is_public(address)


def test_private_addresses_are_refused_by_name_number_and_redirect(
    site: Site, access: SourceAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = replace(access, allow_private=False)
    site.files["/x.csv"] = CSV
    port = site.url.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost", "2130706433", "127.1", "[::1]"):
        with pytest.raises(DataError, match=r"private address|cannot be resolved") as caught:
            read(f"http://{host}:{port}/x.csv", closed)
        assert "NARROWCAST_ALLOW_PRIVATE_ADDRESSES" in caught.value.next_command or "resolved" in str(
            caught.value
        )
    assert site.asked == []
    # Only the first host counts as public here, so that the redirect of a public server can be played.
    check: Any = checked_addresses

    def first_is_public(host: str, *arguments: Any, **options: Any) -> Any:
        return check(host, *arguments, **{**options, "allow_private": host == "127.0.0.1"})

    monkeypatch.setattr("narrowcast.connectors.http.checked_addresses", first_is_public)
    site.redirects["/away"] = f"http://localhost:{port}/x.csv"
    with pytest.raises(DataError, match="localhost is at a private address"):
        read(f"{site.url}/away", closed)


def test_a_password_is_sent_but_written_nowhere(
    site: Site, access: SourceAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.files["/x.csv"] = CSV
    monkeypatch.setenv("SITE_TOKEN", "t0ken")
    host = site.url.removeprefix("http://")
    connector = connect(Locator.parse(f"http://me:geheim@{host}/x.csv?api_key=${{SITE_TOKEN}}"), access)
    assert connector.describe().locator == f"http://me@{host}/x.csv?api_key=${{SITE_TOKEN}}"
    assert site.asked[0][1] == "/x.csv?api_key=t0ken"
    assert site.asked[0][2]["Authorization"] == "Basic bWU6Z2VoZWlt"
    written = "".join(each.read_text("latin-1") for each in access.downloads.iterdir())
    assert "geheim" not in written
    assert "t0ken" not in written


def test_offline_a_fetched_file_is_used_and_no_other_machine_asked(access: SourceAccess) -> None:
    closed = replace(access, offline=True)
    with pytest.raises(DataError, match="offline mode forbids network access"):
        read("https://data.example/x.csv", closed)


def test_import_over_http_balances(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NARROWCAST_ALLOW_PRIVATE_ADDRESSES", "1")
    site.files["/x.jsonl"] = b'{"text": "a b", "label": "x"}\n{"text": 1, "text": 2}\n'
    project = Project.create(Settings.from_environment(), "web")
    columns = {"text": "text", "label": "label"}
    locator = f"{site.url}/x.jsonl"
    done = data.import_rows(project, locator, mapper="label_to_classification", field_map=columns)
    assert isinstance(done, data.ImportOutcome)
    record = done.record
    assert (record.rows, record.accepted, record.rejected) == (2, 1, {"parse_error": 1})
    assert len(record.origin["sha256"]) == 64
    assert data.ledger(project).balanced
    [event] = [each for each in project.trail.events() if each.reason_code == "dataset_import_run"]
    assert event.payload["origin"] == record.origin
    project.close()


def test_without_the_setting_an_import_from_loopback_is_refused(site: Site, cli: Any) -> None:
    cli("init", "web")
    done = cli("data", "import", "--locator", f"{site.url}/x.jsonl", "--auto", code=1)
    assert "private address" in done.stderr
    assert "fix: if that is meant" in done.stderr


def test_downloads_lie_in_the_raw_folder(project: Any, settings: Settings) -> None:
    access = source_access(StageContext(project=project.paths, settings=settings))
    assert access.downloads == Path(project.paths.raw) / "downloads"


@pytest.mark.parametrize("location", ["http://[::1", "http://a b/", "//", "x:y", "http://h:99999999/"])
def test_a_redirect_that_does_not_parse_is_refused(site: Site, access: SourceAccess, location: str) -> None:
    site.redirects["/odd"] = location
    with pytest.raises((DataError, UsageError)):
        read(f"{site.url}/odd", access)


def test_addresses_beyond_ascii_are_quoted(site: Site, access: SourceAccess) -> None:
    site.files["/x%C3%A9.csv"] = CSV
    site.redirects["/moved"] = "/xé.csv"
    assert len(read(f"{site.url}/moved?b=ü", access)) == 2
    assert site.asked[0][1] == "/moved?b=%C3%BC"


class _LongLength(FileHandler):
    def answer(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, cut: int | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "9" * 5000)
        self.end_headers()
        self.close_connection = True


def test_a_length_of_5000_digits_is_refused_or_ignored(access: SourceAccess) -> None:
    for site in serve(_LongLength):
        site.files["/x.csv"] = CSV
        with pytest.raises(DataError):
            read(f"{site.url}/x.csv", access)
