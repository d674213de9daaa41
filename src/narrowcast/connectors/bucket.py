"""`s3:` and `gs:`: an object of a bucket, fetched once (bounded, resumed), then read like `file:`.

`s3://BUCKET/KEY` and `gs://BUCKET/KEY` through fsspec; credentials come from the standard places of s3fs and
gcsfs, and public objects need none (`#anonymous=1`). Another endpoint is set as those libraries have it:
`AWS_ENDPOINT_URL`, `STORAGE_EMULATOR_HOST`. Options of `file:` follow a `#`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from narrowcast.connectors.base import SourceAccess, SourceDescription
from narrowcast.connectors.download import Download, Downloaded, Validators, blocks_of
from narrowcast.connectors.private import is_loopback_name
from narrowcast.connectors.remote import RemoteFile
from narrowcast.connectors.source import data_error
from narrowcast.core.locator import Locator
from narrowcast.core.row import SourceRow
from narrowcast.errors import UsageError
from narrowcast.plugins import optional


class S3Connector:
    """`s3://BUCKET/KEY`: an object of S3 or of a store that speaks its protocol, read like file:"""

    takes_access = True
    needs: tuple[str, ...] = ("s3fs",)
    scheme = "s3"
    endpoint: tuple[str, ...] = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")

    def __init__(self, rest: str, access: SourceAccess) -> None:
        optional.require(*self.needs, purpose=f"reading {self.scheme}: addresses")
        locator = Locator(self.scheme, rest)
        address, _, written = rest.partition("#")
        options = dict(parse_qsl(written, keep_blank_values=True))
        self._anonymous = options.pop("anonymous", "") not in ("", "0")
        self._where = f"{self.scheme}:{address}"
        self._key = address.removeprefix("//")
        if not address.startswith("//") or not self._key.partition("/")[2]:
            raise UsageError(
                "this is not an object of a bucket",
                where=self._where,
                next_command=f"write {self.scheme}://BUCKET/KEY",
                reason_code="dataset_request_invalid",
            )
        download, note = self._fetch(Download(access, self._where, self._key.rpartition("/")[2]), access)
        self._file = RemoteFile(locator.public, download, urlencode(options), note)

    def _fetch(self, place: Download, access: SourceAccess) -> tuple[Downloaded, str]:
        whole = place.whole()
        if access.offline and not self._endpoint_is_here():
            if whole:
                return whole, "offline: as it was fetched before"
            fix = "unset NARROWCAST_OFFLINE to fetch it"
            raise data_error(
                "offline mode forbids network access",
                self._where,
                fix,
                reason_code="dataset_source_unreachable",
            )
        try:
            files = self._filesystem()
            info = files.info(self._key)
            size = int(info.get("size") or 0)
            validators = Validators(str(info.get("ETag") or info.get("etag") or ""))
            if whole and validators.known and whole.validators.etag == validators.etag:
                return whole, f"unchanged in its bucket since it was fetched ({whole.bytes:,} bytes)"
            begun, started = place.begun()
            start = begun if started.known and started.etag == validators.etag else 0
            with files.open(self._key, "rb") as file:
                file.seek(start)
                download = place.write(blocks_of(file), validators, start, size)
        except Exception as error:
            raise self._failed(error) from error
        return download, f"fetched {download.bytes:,} bytes" + (f", resumed at {start:,}" if start else "")

    def _filesystem(self) -> Any:
        from s3fs import S3FileSystem

        # Each import asks anew: a cached listing would tell of an object that was replaced since.
        return S3FileSystem(anon=self._anonymous, skip_instance_cache=True, use_listings_cache=False)

    def _endpoint_is_here(self) -> bool:
        address = next((os.environ[name] for name in self.endpoint if os.environ.get(name)), "")
        return is_loopback_name(urlsplit(address if "//" in address else f"//{address}").hostname or "")

    def _failed(self, error: Exception) -> Exception:
        from narrowcast.errors import NarrowcastError

        if isinstance(error, NarrowcastError):
            return error
        kind = type(error).__name__
        reason = " ".join(str(error).split())[:300] or kind
        if isinstance(error, FileNotFoundError):
            return data_error(
                "there is no such object",
                self._where,
                "check bucket and key",
                reason_code="dataset_source_missing",
            )
        if isinstance(error, PermissionError) or "Credential" in kind or "Credential" in reason:
            fix = "set up the credentials (for example `aws configure`), or add #anonymous=1 if it is public"
            return data_error(
                f"the bucket refuses: {reason}", self._where, fix, reason_code="dataset_source_unreachable"
            )
        fix = "check the address, then try again"
        return data_error(
            f"the bucket cannot be read: {reason}", self._where, fix, reason_code="dataset_source_unreachable"
        )

    def describe(self) -> SourceDescription:
        """As the file's own connector says, with hash and etag."""
        return self._file.describe()

    def fingerprint(self) -> str:
        """Hash of the file as it was fetched."""
        return self._file.fingerprint()

    def load(self) -> Iterator[SourceRow]:
        """As the file's own connector reads."""
        return self._file.load()


class GcsConnector(S3Connector):
    """`gs://BUCKET/KEY`: an object of Google Cloud Storage, read like file:"""

    needs = ("gcsfs",)
    scheme = "gs"
    endpoint = ("STORAGE_EMULATOR_HOST",)

    def _filesystem(self) -> Any:
        # The package's own default class also asks Google over gRPC how the bucket is laid out, even where
        # an emulator is set; one object is read as well through the JSON API alone.
        from gcsfs.core import GCSFileSystem

        # An emulator takes no credentials; asking Google's for some would leave this machine.
        anonymous = self._anonymous or self._endpoint_is_here()
        return GCSFileSystem(
            token="anon" if anonymous else None,
            skip_instance_cache=True,
            use_listings_cache=False,
        )
