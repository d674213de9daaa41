"""`https:URL`: a file on the web, fetched once (bounded, resumed), then read like `file:`.

`#delimiter=;&sheet=2` after the URL are the options of `file:`; they are never sent. Addresses that are
private, loopback or link-local are refused, also after a redirect; the connection goes to the address that
was checked, so that a second answer of the name server changes nothing. Proxies are not used.
"""

from __future__ import annotations

import base64
import http.client
import mimetypes
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from narrowcast.connectors.base import SourceAccess, SourceDescription
from narrowcast.connectors.download import Download, Downloaded, Validators, blocks_of
from narrowcast.connectors.private import checked_addresses, is_loopback_name
from narrowcast.connectors.remote import RemoteFile
from narrowcast.connectors.source import data_error
from narrowcast.core.locator import Locator
from narrowcast.core.row import SourceRow
from narrowcast.errors import DataError, UsageError
from narrowcast.version import __version__

_TIMEOUT_S = 30.0
_REDIRECTS = 5
_URL_CHARACTERS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_LENGTH = re.compile(r"[0-9]{1,18}")
_PORTS = {"https": 443, "http": 80}
# Types that name no form of their own; the content decides then.
_VAGUE = frozenset({"application/octet-stream", "text/plain", "binary/octet-stream", ""})


class HttpsConnector:
    """`https://HOST/PATH`: a file on the web, fetched once, then read like file:

    Built from what follows `https:`; `${NAME}` is replaced from the environment.
    """

    takes_access = True
    scheme = "https"

    def __init__(self, rest: str, access: SourceAccess) -> None:
        locator = Locator(self.scheme, rest)
        address, _, options = str(locator.expanded()).partition("#")
        self._public = Locator(self.scheme, rest.partition("#")[0]).public
        download, note = _Fetch(address, self._public, access).run()
        self._file = RemoteFile(locator.public, download, options, note)

    def describe(self) -> SourceDescription:
        """As the file's own connector says, with hash and validators."""
        return self._file.describe()

    def fingerprint(self) -> str:
        """Hash of the file as it was fetched."""
        return self._file.fingerprint()

    def load(self) -> Iterator[SourceRow]:
        """As the file's own connector reads."""
        return self._file.load()


class HttpConnector(HttpsConnector):
    """`http://HOST/PATH`: the same without encryption; everybody on the way can read and change it"""

    scheme = "http"


class _Fetch:
    """One file over HTTP, with its redirects."""

    def __init__(self, address: str, public: str, access: SourceAccess) -> None:
        self._address = address
        self._where = public
        self._access = access

    def run(self) -> tuple[Downloaded, str]:
        """The file and how it was come by.

        Raises:
            DataError: if it cannot be had.
        """
        url = _parsed(self._address, self._where)
        place = Download(self._access, self._where, _name(url))
        whole = place.whole()
        if whole and self._access.offline and not is_loopback_name(url.hostname or ""):
            return _with_extension(whole), "offline: as it was fetched before"
        begun, started = (0, Validators()) if whole else place.begun()
        known = whole.validators if whole else started
        try:
            with ExitStack() as open_ends:
                answer = self._open(known, begun, whole is not None, open_ends)
                if whole and answer.status == http.client.NOT_MODIFIED:
                    note = f"unchanged on its server since it was fetched ({whole.bytes:,} bytes)"
                    return _with_extension(whole), note
                resumed = answer.status == http.client.PARTIAL_CONTENT and _starts_at(answer, begun)
                start = begun if resumed else 0
                length = answer.getheader("Content-Length")
                expected = start + int(length) if length and _LENGTH.fullmatch(length) else None
                kind = (answer.getheader("Content-Type") or "").partition(";")[0].strip().lower()
                download = place.write(blocks_of(answer), _validators(answer), start, expected, kind)
        except (OSError, http.client.HTTPException) as error:
            raise self._failed(f"the download failed: {_say(error)}") from error
        note = f"fetched {download.bytes:,} bytes" + (f", resumed at {start:,}" if start else "")
        return _with_extension(download), note

    def _open(
        self, asked: Validators, begun: int, whole: bool, open_ends: ExitStack
    ) -> http.client.HTTPResponse:
        """The answer with the content; redirects are followed, each checked like the first address."""
        address = self._address
        for _ in range(_REDIRECTS + 1):
            url = _parsed(address, self._where)
            if urlsplit(self._address).scheme == "https" and url.scheme != "https":
                raise self._failed("the server redirects from https to http")
            connection = self._connect(url)
            open_ends.callback(connection.close)
            same_host = url.netloc == urlsplit(self._address).netloc
            connection.request("GET", _path(url), headers=_headers(url, asked, begun, whole, same_host))
            answer = connection.getresponse()
            open_ends.callback(answer.close)
            if answer.status in (301, 302, 303, 307, 308):
                address = _joined(address, answer.getheader("Location") or "", self._where)
                continue
            if answer.status == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and begun:
                asked, begun = Validators(), 0  # the part is longer than the file is now: from the start
                continue
            if answer.status not in (200, 206, 304):
                raise self._failed(f"the server answered {answer.status} {answer.reason}")
            return answer
        raise self._failed(f"more than {_REDIRECTS} redirects")

    def _connect(self, url: SplitResult) -> http.client.HTTPConnection:
        host, port = url.hostname or "", url.port or _PORTS[url.scheme]
        addresses = checked_addresses(
            host, port, self._where, allow_private=self._access.allow_private, offline=self._access.offline
        )
        connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
        stream = _first_open(addresses, port)
        if url.scheme == "https":
            stream = ssl.create_default_context().wrap_socket(stream, server_hostname=host)
        connection.sock = stream
        return connection

    def _failed(self, what: str) -> DataError:
        return data_error(
            what,
            self._where,
            "open the address in a browser; the same command continues",
            reason_code="dataset_source_unreachable",
        )


def _first_open(addresses: list[str], port: int) -> socket.socket:
    for last, address in enumerate(addresses, start=1):
        try:
            return socket.create_connection((address, port), timeout=_TIMEOUT_S)
        except OSError:
            if last == len(addresses):
                raise
    raise OSError("the name has no address")


def _joined(address: str, location: str, where: str) -> str:
    """Where a redirect leads; headers are read as Latin-1, and servers write UTF-8 into them."""
    with suppress(UnicodeError):
        location = location.encode("latin-1").decode()
    try:
        return urljoin(address, location)
    except ValueError as error:
        raise data_error(
            f"the server redirects to what is not a web address: {location[:200]}",
            where,
            "open the address in a browser, and import from where it leads",
            reason_code="dataset_source_unreachable",
        ) from error


def _parsed(address: str, where: str) -> SplitResult:
    try:
        url = urlsplit(address)
        usable = url.scheme in _PORTS and bool(url.hostname) and (url.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(
            "this is not a web address",
            where=where,
            next_command="write https://HOST/PATH",
            reason_code="dataset_request_invalid",
        )
    return url


def _headers(url: SplitResult, asked: Validators, begun: int, whole: bool, same_host: bool) -> dict[str, str]:
    headers = {"User-Agent": f"narrowcast/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}
    if url.username and same_host:
        pair = f"{unquote(url.username)}:{unquote(url.password or '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    if whole:
        if asked.etag:
            headers["If-None-Match"] = asked.etag
        elif asked.last_modified:
            headers["If-Modified-Since"] = asked.last_modified
    elif begun:
        headers["Range"] = f"bytes={begun}-"
        headers["If-Range"] = asked.etag or asked.last_modified
    return headers


def _path(url: SplitResult) -> str:
    encoded = quote(url.path or "/", safe=_URL_CHARACTERS)
    return f"{encoded}?{quote(url.query, safe=_URL_CHARACTERS)}" if url.query else encoded


def _name(url: SplitResult) -> str:
    return unquote(url.path.rstrip("/").rpartition("/")[2]) or url.hostname or "data"


def _starts_at(answer: http.client.HTTPResponse, begun: int) -> bool:
    return begun > 0 and (answer.getheader("Content-Range") or "").startswith(f"bytes {begun}-")


def _validators(answer: http.client.HTTPResponse) -> Validators:
    etag = answer.getheader("ETag") or ""
    # A weak etag stands for equal meaning, not for equal bytes: nothing may be resumed by it.
    return Validators("" if etag.startswith("W/") else etag, answer.getheader("Last-Modified") or "")


def _with_extension(download: Downloaded) -> Downloaded:
    """The same file under a name with the extension of its content type, where it has none."""
    kind = download.content_type
    if download.path.suffix or kind in _VAGUE:
        return download
    extension = {"text/csv": ".csv", "application/json": ".json"}.get(kind) or mimetypes.guess_extension(kind)
    if not extension:
        return download
    path = download.path.with_name(download.path.name + extension)
    path.unlink(missing_ok=True)
    path.hardlink_to(download.path)
    return replace(download, path=path)


def _say(error: Exception) -> str:
    return str(error) or type(error).__name__
