"""What a bundle tells of the machine it was made on: nothing."""

import pytest

from narrowcast.core.bundle import public_name


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("csv:/home/me/secret/train.csv", "csv:train.csv"),
        ("csv:/data/train.csv?delimiter=;", "csv:train.csv?delimiter=;"),
        ("jsonl:../rows.jsonl", "jsonl:rows.jsonl"),
        ("/models/base/", "base"),
        ("~/models/base", "base"),
        ("embedded", "embedded"),
        ("Qwen/Qwen3-0.6B", "Qwen/Qwen3-0.6B"),
        ("hf:imdb:train", "hf:imdb:train"),
        ("https://example.org/a/b.csv", "https://example.org/a/b.csv"),
    ],
)
def test_folders_of_this_machine_are_left_out(name: str, public: str) -> None:
    assert public_name(name) == public
