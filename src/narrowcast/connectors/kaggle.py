"""`kaggle:dataset:OWNER/SLUG?file=NAME`: a file from Kaggle; also kaggle:competition:SLUG?file=NAME

Fetched once by the official client, then read like `file:`, whose options follow a `#`. Credentials
come from the client's own places: `KAGGLE_API_TOKEN`, `KAGGLE_USERNAME` with `KAGGLE_KEY`, or
`~/.kaggle/kaggle.json`.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from narrowcast.connectors.base import SourceAccess, SourceDescription
from narrowcast.connectors.download import Download, Downloaded, Validators, blocks_of
from narrowcast.connectors.remote import RemoteFile
from narrowcast.connectors.source import data_error
from narrowcast.core.row import SourceRow
from narrowcast.errors import NarrowcastError, UsageError
from narrowcast.plugins import optional
from narrowcast.store.leftovers import mark

_MOST_PAGES = 50


@dataclass(frozen=True, slots=True)
class _Listed:
    name: str
    bytes: int
    created: str


class KaggleConnector:
    """Built from what follows `kaggle:`."""

    takes_access = True
    needs = ("kaggle",)

    def __init__(self, rest: str, access: SourceAccess) -> None:
        self._locator = f"kaggle:{rest}"
        address, _, options = rest.partition("#")
        self._kind, self._slug, file_name = _parts(address, self._locator)
        optional.require(*self.needs, purpose="reading from Kaggle")
        if access.offline:
            fix = "unset NARROWCAST_OFFLINE to fetch it"
            raise data_error(
                "offline mode allows no other machine",
                self._locator,
                fix,
                reason_code="dataset_source_unreachable",
            )
        with self._refusals():
            self._client = self._authenticated()
            listed = self._chosen(self._list(), file_name)
            download, note = self._fetch(listed, access)
        self._file = RemoteFile(self._locator, download, options, note)

    def _authenticated(self) -> Any:
        from kaggle.api.kaggle_api_extended import KaggleApi

        client = KaggleApi()
        try:
            client.authenticate()
        except SystemExit:
            raise data_error(
                "Kaggle asks for credentials",
                self._locator,
                "set KAGGLE_API_TOKEN, or save kaggle.json from kaggle.com/settings in ~/.kaggle",
                reason_code="dataset_source_unreachable",
            ) from None
        return client

    def _list(self) -> list[_Listed]:
        of_set, of_competition = self._client.dataset_list_files, self._client.competition_list_files
        ask: Callable[..., Any] = of_set if self._kind == "dataset" else of_competition
        files: list[_Listed] = []
        token = None
        for _ in range(_MOST_PAGES):
            page = ask(self._slug, page_token=token, page_size=200)
            files += [
                _Listed(each.name, int(each.total_bytes or 0), str(each.creation_date)) for each in page.files
            ]
            token = page.next_page_token
            if not token:
                break
        return files

    def _chosen(self, listed: list[_Listed], asked: str) -> _Listed:
        if not asked and len(listed) == 1:
            return listed[0]
        for each in listed:
            if each.name == asked:
                return each
        names = ", ".join(each.name for each in listed[:20])
        raise data_error(
            f"there is no file {asked!r}" if asked else f"there are {len(listed)} files, and none is named",
            self._locator,
            f"add ?file=NAME; the files are: {names or 'none'}",
            reason_code="dataset_source_missing",
        )

    def _fetch(self, listed: _Listed, access: SourceAccess) -> tuple[Downloaded, str]:
        place = Download(access, self._locator.partition("#")[0], Path(listed.name).name)
        known = Validators(last_modified=f"{listed.created}, {listed.bytes} bytes")
        whole = place.whole()
        if whole and whole.validators == known:
            return whole, f"unchanged on Kaggle since it was fetched ({whole.bytes:,} bytes)"
        place.refuse_large(listed.bytes)
        access.downloads.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(".part", mark("kaggle"), access.downloads) as folder:
            client = self._client
            of_set, of_competition = client.dataset_download_file, client.competition_download_file
            get = of_set if self._kind == "dataset" else of_competition
            get(self._slug, listed.name, folder, force=True, quiet=True)
            [path] = [each for each in Path(folder).iterdir() if not each.name.startswith(".")]
            with _opened(path, listed.name) as file:
                download = place.write(blocks_of(file), known, 0, None)
        return download, f"fetched {download.bytes:,} bytes"

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """What the client raises, said in one sentence; what it prints would spoil a JSON answer."""
        try:
            with redirect_stdout(io.StringIO()):
                yield
        except NarrowcastError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            fix = "check name and file; the rules of a competition are accepted on its page"
            raise data_error(
                f"Kaggle refuses: {reason}", self._locator, fix, reason_code="dataset_source_unreachable"
            ) from error

    def describe(self) -> SourceDescription:
        """As the file's own connector says."""
        return self._file.describe()

    def fingerprint(self) -> str:
        """Hash of the file as it was fetched."""
        return self._file.fingerprint()

    def load(self) -> Iterator[SourceRow]:
        """As the file's own connector reads."""
        return self._file.load()


@contextmanager
def _opened(path: Path, name: str) -> Iterator[Any]:
    """The file; Kaggle packs large ones into an archive of one member."""
    if name.lower().endswith((".zip", ".xlsx", ".docx")) or path.suffix != ".zip":
        with path.open("rb") as file:
            yield file
        return
    try:
        with ZipFile(path) as archive, archive.open(archive.namelist()[0]) as member:
            yield member
    except (BadZipFile, IndexError) as error:
        raise data_error(
            "the archive from Kaggle is damaged",
            name,
            "the same command again",
            reason_code="dataset_source_damaged",
        ) from error


def _parts(address: str, locator: str) -> tuple[str, str, str]:
    """Kind, slug and file."""
    kind, _, rest = address.partition(":")
    slug, mark, query = rest.partition("?")
    option, _, name = query.partition("=")
    slashes = 1 if kind == "dataset" else 0
    usable = kind in ("dataset", "competition") and slug and slug.count("/") == slashes
    if not usable or (mark and (option != "file" or not name)):
        raise UsageError(
            "this is not a source of Kaggle",
            where=locator,
            next_command="write kaggle:dataset:OWNER/SLUG?file=NAME or kaggle:competition:SLUG?file=NAME",
            reason_code="dataset_request_invalid",
        )
    return kind, slug, name
