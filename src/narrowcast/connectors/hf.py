"""`hf:ID[:CONFIG]:SPLIT[@REVISION]`: a data set of the Hugging Face hub, streamed.

Class numbers become their names; the revision is pinned to its commit before the first row is read. The
token comes from the environment (`HF_TOKEN`) or from `hf auth login`; `HF_ENDPOINT` names another hub.
Offline, what `datasets` has in its cache is read. No code of a data set is ever run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from narrowcast.connectors.base import SourceAccess, SourceDescription
from narrowcast.connectors.json_values import as_record
from narrowcast.connectors.private import is_loopback_name
from narrowcast.connectors.source import data_error
from narrowcast.connectors.spool import Spool
from narrowcast.connectors.values import ClassNames
from narrowcast.core.row import SourceRow
from narrowcast.errors import NarrowcastError, UsageError
from narrowcast.plugins import optional

_MEDIA = frozenset({"Image", "Audio", "Video", "Pdf"})


class HfConnector:
    """Built from what follows `hf:`."""

    takes_access = True
    needs = ("datasets",)

    def __init__(self, rest: str, access: SourceAccess) -> None:
        self._locator = f"hf:{rest}"
        self._name, self._config, self._split, self._revision = _parts(rest)
        optional.require(*self.needs, purpose="reading from the Hugging Face hub")
        self._offline = _is_on("HF_HUB_OFFLINE") or (access.offline and not _endpoint_is_here())
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        if self._offline:
            # Read by the library when it is loaded; without it, an offline run would ask the hub.
            os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"
        self._notes: list[str] = []
        self._origin: dict[str, str] = {}
        with self._refusals():
            if not self._offline:
                self._pin()
            self._rows = self._open()
        features = self._rows.features
        written = features.to_dict() if features is not None else {}
        self._names = ClassNames(json.dumps({"info": {"features": written}}))
        self._leave_out_media(written)
        self._spool = Spool(access.downloads, self._read)

    def _pin(self) -> None:
        from huggingface_hub import HfApi

        info = HfApi().dataset_info(self._name, revision=self._revision)
        self._revision = info.sha or self._revision
        if self._revision:
            self._origin["revision"] = self._revision
        licence = getattr(info.card_data, "license", None)
        if licence:
            self._origin["licence"] = str(licence)
            self._notes.append(f"its card names the licence {licence} (record it with --licence)")

    def _open(self) -> Any:
        from datasets import disable_progress_bars, load_dataset

        disable_progress_bars()
        return load_dataset(
            self._name, self._config, split=self._split, revision=self._revision, streaming=not self._offline
        )

    def _leave_out_media(self, features: dict[str, Any]) -> None:
        media = [
            name for name, each in features.items() if isinstance(each, dict) and each.get("_type") in _MEDIA
        ]
        if media:
            if not self._offline:  # a stream would decode the columns before it drops them
                self._rows = self._rows.decode(enable=False)
            self._rows = self._rows.remove_columns(media)
            self._notes.append(f"left out, as they hold no text: {', '.join(media)}")

    def describe(self) -> SourceDescription:
        """Columns, commit and licence."""
        from itertools import islice

        with self._refusals():
            columns = self._rows.column_names or [key for row in islice(self._rows, 1) for key in row]
        how = "read from the cache" if self._offline else "streamed"
        return SourceDescription(
            locator=self._locator,
            format="hf",
            columns=list(columns),
            notes=[how, *self._notes, *self._names.notes()],
            origin=dict(self._origin),
        )

    def fingerprint(self) -> str:
        """The commit of the data set; empty where the cache does not say which it is."""
        commit = self._origin.get("revision", "")
        return f"revision:{commit}" if commit else ""

    def load(self) -> Iterator[SourceRow]:
        """Rows in the order of the split; each is asked for once, whatever the number of passes."""
        return self._spool.rows()

    def _read(self, start: int) -> Iterator[SourceRow]:
        with self._refusals():
            for index, record in enumerate(self._rows.skip(start) if start else self._rows, start):
                values = {key: self._names.plain(key, value) for key, value in record.items()}
                yield SourceRow(index, as_record(values))

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except NarrowcastError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:400] or type(error).__name__
            fix = "check the network, the name, config, split and revision; a private set needs HF_TOKEN"
            if self._offline:
                fix = "unset HF_HUB_OFFLINE and NARROWCAST_OFFLINE to fetch it"
            raise data_error(
                f"the data set cannot be read: {reason}",
                self._locator,
                fix,
                reason_code="dataset_source_unreachable",
            ) from error


def _parts(rest: str) -> tuple[str, str | None, str, str | None]:
    """Id, config, split, revision.

    Raises:
        UsageError: if id or split is missing, or the id is a path.
    """
    address, _, revision = rest.partition("@")
    parts = address.split(":")
    if len(parts) not in (2, 3) or not all(parts):
        raise UsageError(
            "this is not a data set of the hub",
            where=f"hf:{rest}",
            next_command="write hf:ID:SPLIT or hf:ID:CONFIG:SPLIT, for example hf:imdb:train",
            reason_code="dataset_request_invalid",
        )
    name = parts[0]
    if name.startswith(("/", ".", "~")) or name.count("/") > 1 or Path(name).exists():
        # The library would prefer a folder of that name, and read files that nobody meant.
        raise UsageError(
            "this names a folder of this machine, not a data set of the hub",
            where=f"hf:{rest}",
            next_command="read its files with file:PATH, or start from another folder",
            reason_code="dataset_request_invalid",
        )
    return name, parts[1] if len(parts) == 3 else None, parts[-1], revision or None


def _endpoint_is_here() -> bool:
    return is_loopback_name(urlsplit(os.environ.get("HF_ENDPOINT", "")).hostname or "")


def _is_on(name: str) -> bool:
    return os.environ.get(name, "").upper() in ("1", "TRUE", "YES", "ON")
