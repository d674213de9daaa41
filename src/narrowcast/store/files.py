"""Files that are whole or absent: written beside their name, flushed, then renamed onto it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError

from narrowcast.core.progress import UNSTOPPABLE, CancelToken, stoppable
from narrowcast.errors import DataError
from narrowcast.faults import first_line, os_error
from narrowcast.store.json_text import decode_strictly, encode_all, line_encoder
from narrowcast.store.leftovers import mark

Form = TypeVar("Form", bound=BaseModel)


_encode = line_encoder()
_BLOCK = 1 << 18


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals into errors that say what to do."""
    try:
        yield
    except OSError as error:
        raise os_error(error, path) from error


@contextmanager
def atomic_writer(path: Path) -> Iterator[IO[bytes]]:
    """A binary file that appears under `path` only when the block ends without an error."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=mark(path.name), suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.chmod(0o644)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A folder that appears under `path` (replacing what was there) only when the block succeeds."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=path.parent, prefix=mark(path.name), suffix=".part"))
        part.chmod(0o755)
        try:
            yield part
            if path.exists():
                old = part.with_suffix(".old")
                path.replace(old)
                part.replace(path)
                shutil.rmtree(old)
            else:
                part.replace(path)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise


def settle_folders(parent: Path) -> None:
    """Finish what killed processes left of `atomic_folder`: each folder is the former or the new one.

    Nobody else writes there meanwhile.
    """
    for old in sorted(parent.glob(".*.old")):
        path = parent / old.name[1:].rsplit(".", 2)[0]
        if path.exists():
            shutil.rmtree(old)
        else:
            old.replace(path)
    for part in parent.glob(".*.part"):
        shutil.rmtree(part) if part.is_dir() else part.unlink()


def write_text(path: Path, text: str) -> None:
    """Atomically write UTF-8 text."""
    with atomic_writer(path) as file:
        file.write(text.encode("utf-8", "surrogatepass"))


def write_json(path: Path, value: Any) -> None:
    """Atomically write indented JSON."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def read_json(path: Path, check: Callable[[bytes], None] | None = None) -> Any:
    """Parse a JSON file of our own; `check` may refuse its bytes before.

    Raises:
        DataError: if it is missing or not JSON.
    """
    try:
        content = path.read_bytes()
        if check is not None:
            check(content)
        return json.loads(content)
    except FileNotFoundError as error:
        raise DataError("the file does not exist", where=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"the file is not JSON: {first_line(error)}", where=str(path)) from error


def read_json_as(path: Path, form: type[Form], check: Callable[[bytes], None] | None = None) -> Form:
    """The value of a JSON file of our own; `check` may refuse its bytes before.

    Raises:
        DataError: if the file is missing, not JSON, or has another form.
    """
    value = read_json(path, check)
    try:
        return form.model_validate(value)
    except ValidationError as error:
        raise _damaged(path, error) from error


def write_jsonl(
    path: Path, rows: Iterable[dict[str, Any]], note: Callable[[str], None] | None = None
) -> tuple[int, str]:
    """Atomically write one JSON object a line.

    Args:
        path: of the file.
        rows: the objects.
        note: takes the SHA-256 of the file before it gets its name.

    Returns:
        The number of rows, and the SHA-256 of the file.
    """
    digest, count = hashlib.sha256(), 0
    with atomic_writer(path) as file:
        for row in rows:
            line = json_line(row)
            file.write(line)
            digest.update(line)
            count += 1
        if note is not None:
            note(digest.hexdigest())
    return count, digest.hexdigest()


def json_line(row: dict[str, Any]) -> bytes:
    """One JSONL line with its newline."""
    return _encode(row).encode("utf-8", "surrogatepass") + b"\n"


def json_lines(rows: Sequence[dict[str, Any]]) -> bytes:
    """The lines of some rows, as `json_line` has them."""
    return encoded_lines(encode_all(rows))


def encoded_lines(texts: Iterable[str]) -> bytes:
    """Lines of texts that are JSON."""
    return "\n".join([*texts, ""]).encode("utf-8", "surrogatepass")


def append_jsonl(path: Path, row: dict[str, Any]) -> None:
    """Append one line and flush it to disk (a single write, so that it is whole or absent)."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(json_line(row))
            file.flush()
            os.fsync(file.fileno())


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a JSONL file of our own, lazily; a torn last line (a kill during append) ends it."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield decoded_line(line)


def decoded_line(line: bytes) -> Any:
    """The value of a line of a JSONL file of our own."""
    try:
        return decode_strictly(line)
    except ValueError:
        return json.loads(line.decode("utf-8", "surrogatepass"))


def read_jsonl_as(path: Path, form: type[Form]) -> list[Form]:
    """The values of a JSONL file of our own; none if there is no file.

    Raises:
        DataError: if a line is not JSON, or has another form.
    """
    if not path.exists():
        return []
    values: list[Form] = []
    try:
        values.extend(map(form.model_validate, read_jsonl(path)))
    except (ValueError, RecursionError) as error:
        raise _damaged(path, error, len(values) + 1) from error
    return values


def _damaged(path: Path, error: Exception, line: int | None = None) -> DataError:
    """The error of a file of our own that was changed by hand, or by the disk."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        what = f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}"
    else:
        what = first_line(error)
    return DataError(
        f"the file is damaged{f' in line {line}' if line else ''}: {what}",
        where=str(path),
        next_command="restore the file from a backup",
        reason_code="system_io_error",
    )


def sha256_file(path: Path, cancel: CancelToken = UNSTOPPABLE) -> str:
    """SHA-256 of a file's bytes.

    Raises:
        CancelledError: on request.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in stoppable(iter(lambda: file.read(_BLOCK), b""), cancel):
            digest.update(block)
    return digest.hexdigest()


def count_lines(path: Path) -> int:
    """Number of newline characters."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
