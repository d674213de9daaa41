"""Files are whole or absent, whatever happens while they are written."""

import errno
import json
import os
import re
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import narrowcast
from narrowcast.core.example import Example
from narrowcast.core.names import Provenance, Split
from narrowcast.errors import WorkspaceError
from narrowcast.store.files import (
    append_jsonl,
    atomic_folder,
    atomic_writer,
    disk_errors,
    json_line,
    read_jsonl,
    sha256_file,
    write_jsonl,
    write_text,
)
from narrowcast.store.imports import example_lines
from narrowcast.store.json_text import encode_all


def test_an_error_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "old")
    with pytest.raises(RuntimeError), atomic_writer(path) as file:
        file.write(b"new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_while_filling_a_folder_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    with atomic_folder(path) as part:
        write_text(part / "a", "old")
    with pytest.raises(RuntimeError), atomic_folder(path) as part:
        write_text(part / "a", "new")
        raise RuntimeError
    with atomic_folder(tmp_path / "other") as part:
        write_text(part / "b", "x")
    assert (path / "a").read_text() == "old"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder", "other"]


def test_a_kill_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "old")
    script = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from narrowcast.store.files import atomic_writer
        with atomic_writer(Path(sys.argv[1])) as file:
            file.write(b"new" * 100000)
            file.flush()
            print("writing", flush=True)
            time.sleep(60)
        """
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        process.send_signal(signal.SIGKILL)
    assert path.read_text() == "old"


def test_a_limit_on_the_size_of_files_is_named_and_leaves_the_old_file(tmp_path):
    """A real refusal: /dev/full cannot be renamed onto."""
    path = tmp_path / "file"
    write_text(path, "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(WorkspaceError, match="larger than this process may write") as caught:
            write_text(path, "x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.reason_code == "system_disk_full"
    assert "ulimit -f" in caught.value.next_command
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "old"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_clear_error(tmp_path: Path, number: int) -> None:
    with pytest.raises(WorkspaceError, match="disk is full") as caught, disk_errors(tmp_path / "x"):
        raise OSError(number, os.strerror(number))
    assert caught.value.reason_code == "system_disk_full"
    assert caught.value.next_command


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none())))
def test_jsonl_round_trip(rows: list[dict[str, object]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        count, digest = write_jsonl(path, rows)
        assert count == len(rows)
        assert digest == sha256_file(path)
        assert list(read_jsonl(path)) == rows


def test_a_torn_last_line_is_not_a_row(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append_jsonl(path, {"a": 1})
    with path.open("ab") as file:
        file.write(b'{"a": 2')
    assert list(read_jsonl(path)) == [{"a": 1}]


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["NaN", ",NaN,", "é"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(_JSON, max_size=5))
def test_values_encoded_together_are_the_same_as_singly(values: list[object]) -> None:
    singly = [json_line({"value": value})[9:-2].decode("utf-8", "surrogatepass") for value in values]
    assert encode_all(values) == singly
    try:
        expected = [
            json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")) for value in values
        ]
    except ValueError:
        with pytest.raises(ValueError, match="JSON compliant"):
            encode_all(values, allow_nan=False)
    else:
        assert encode_all(values, allow_nan=False) == expected


@given(
    st.lists(
        st.builds(
            Example,
            inputs=st.dictionaries(st.text(max_size=3), _JSON, max_size=3),
            target=st.text() | st.dictionaries(st.text(max_size=3), _JSON, max_size=3),
            source=st.sampled_from(["imp-12345678", 'a "source"']),
            index=st.integers(0, 10**9),
            group=st.none() | st.text(),
            split=st.none() | st.sampled_from(Split),
            provenance=st.sampled_from(Provenance),
            parents=st.lists(st.text(), max_size=2).map(tuple),
        ),
        max_size=4,
    )
)
def test_accepted_rows_are_written_in_their_stored_form(examples: list[Example]) -> None:
    assert example_lines(examples) == b"".join(json_line(each.to_dict()) for each in examples)


def test_every_temporary_folder_has_a_name_that_a_sweep_knows() -> None:
    source = Path(narrowcast.__file__).parent
    made = {
        (path.relative_to(source).as_posix(), line.strip())
        for path in source.rglob("*.py")
        if path.relative_to(source).as_posix() not in ("store/leftovers.py", "store/files.py")
        for line in path.read_text().splitlines()
        if re.search(r"\b(TemporaryDirectory|mkdtemp|mkstemp)\(", line) and "mark(" not in line
    }
    assert not made, "scratch_folder() and mark() make names that are swept after a kill"
