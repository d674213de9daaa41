"""What `tools/count_walks.py` counts as a hop, on a package that was written for it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"

PLANTED = """
from pathlib import Path


class Source:
    def __init__(self, path):
        self.path = path

    def read(self):
        with open(self.path) as file:
            yield from file


def straight(path):
    return list(Source(path).read())


def through_keywords(**values):
    return inner({"held": [values.pop("path")]})


def inner(request):
    return [line for line in straight(request["held"][0])]


def told_of_something_else(number, path=None):
    return straight(TEXT)


def through_a_closure(path):
    def read():
        return straight(Path(path))

    return read()


def through_a_lambda(path):
    return (lambda: straight(path))()


def returned_before(path):
    str_of(path)
    return straight(path)


def str_of(path):
    return str(path)


TEXT = "walked.txt"
"""

FOLLOW = """
import json, sys
from pathlib import Path
sys.path[:0] = [{tools!r}, {folder!r}]
import count_walks, narrowcast_planted
count_walks.watch_openings()
walk = count_walks.Walk("planted", "walked", Path({folder!r}))
with walk.followed():
    narrowcast_planted.{call}
print(json.dumps(walk.hops))
"""


@pytest.mark.parametrize(
    ("call", "hops"),
    [
        ("straight('walked.txt')", ["straight", "Source.read"]),
        ("through_keywords(path='walked.txt')", ["through_keywords", "inner", "straight", "Source.read"]),
        ("told_of_something_else(1)", ["straight", "Source.read"]),
        (
            "through_a_closure('walked.txt')",
            ["through_a_closure", "through_a_closure.<locals>.read", "straight", "Source.read"],
        ),
        (
            "through_a_lambda('walked.txt')",
            ["through_a_lambda", "through_a_lambda.<locals>.<lambda>", "straight", "Source.read"],
        ),
        ("returned_before('walked.txt')", ["returned_before", "straight", "Source.read"]),
        ("straight('another.txt')", []),
    ],
)
def test_a_hop_is_a_call_that_carries_the_thing(call: str, hops: list[str], tmp_path: Path) -> None:
    (tmp_path / "narrowcast_planted.py").write_text(PLANTED)
    for name in ("walked.txt", "another.txt"):
        (tmp_path / name).write_text("a line\n")
    script = FOLLOW.format(tools=str(TOOLS), folder=str(tmp_path), call=call)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [f"narrowcast_planted.py:{hop}" for hop in hops]
