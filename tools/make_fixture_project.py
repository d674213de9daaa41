"""Make a project with something of everything, through the command line, and pack it for the suite.

    git worktree add /tmp/old 6082fc3
    PYTHONPATH=/tmp/old/src python tools/make_fixture_project.py tests/fixtures/projects/6082fc3.tar.xz

The archive holds a workspace: its database, one project, the sources. It is written by the version on
`PYTHONPATH`, so that later versions can be shown to open and migrate what that version left behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

from narrowcast.cli.main import main
from narrowcast.testing.teacher_server import TeacherServer
from narrowcast.testing.tiny import tiny_tokenizer
from outcome import parser

LABELS = {
    "refund": ["money back", "refund please", "return my payment", "reimburse me"],
    "delivery": ["where is my parcel", "late delivery", "not arrived", "lost in the post"],
    "account": ["cannot log in", "reset my password", "locked out", "change my e-mail"],
}
DIMENSIONS = ("realism", "difficulty", "diversity", "learnability", "correctness", "format", "safety")
PLAN = """rows: 6
categories:
  - {name: refund, label: refund}
  - {name: delivery, label: delivery}
  - {name: account, label: account}
difficulties: [easy]
edge_cases: [canonical]
"""
# One fixed place, so that no folder of the machine that made the archive is in it.
ROOT = Path("/tmp/narrowcast-fixture")


UNEXPECTED: list[str] = []


def nc(*words: str, codes: tuple[int, ...] = (0,)) -> None:
    """Run one command in this process; what ends otherwise than expected is listed at the end."""
    print("$ narrowcast", *words, flush=True)
    try:
        main(list(words))
    except SystemExit as end:
        if (end.code or 0) not in codes:
            UNEXPECTED.append(f"{' '.join(words)}: exit {end.code}")


def rows(count: int, seed: int) -> list[tuple[str, str]]:
    """Messages with their labels."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        label = draw.choice(list(LABELS))
        found.append((f"order {seed}{number * 37 % 1000}: {draw.choice(LABELS[label])}, thanks", label))
    return found


def write_sources() -> None:
    """A CSV file with rejects, two JSONL files, a text."""
    lines = ["message,intent", *(f'"{text}",{label}' for text, label in rows(90, 1)), ",refund", '"x y z",']
    (ROOT / "messages.csv").write_text("\n".join(lines) + "\n")
    for name, count, seed in (("more", 40, 2), ("held_out", 24, 3), ("wrong", 10, 4)):
        text = "".join(json.dumps({"text": each[0], "label": each[1]}) + "\n" for each in rows(count, seed))
        (ROOT / f"{name}.jsonl").write_text(text)
    letters = [f"<p>Dear {name}, write to {name}@example.org.</p>" for name in ("Ann", "Bob", "Eve")]
    (ROOT / "letters.jsonl").write_text("".join(json.dumps({"text": each}) + "\n" for each in letters))


def write_base() -> Path:
    """Some 60,000 random weights: small enough to be kept."""
    import torch
    import transformers

    folder = ROOT / "base"
    tokenizer = tiny_tokenizer(300, 512)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
    )
    transformers.Qwen3ForCausalLM(config).save_pretrained(folder)
    return folder


def teach(server: TeacherServer, body: dict[str, Any], number: int) -> Any:
    """Scores for a judge's prompt; None leaves the rest to the server."""
    if "Write " in body["messages"][-1]["content"]:
        return None
    scores = {**dict.fromkeys(DIMENSIONS, 4), "format": 5 if number % 4 else 4}
    value = {"decision": "accept", "scores": scores, "reason": "clear", "fixed_row": None}
    return server.said(body, json.dumps(value))


def import_and_prepare(project: Path) -> None:
    """Four imports, one removed and one held out; reviews; a version; two cleanings."""
    nc("data", "import", "--locator", f"csv:{ROOT}/messages.csv", "--auto", "--licence", "CC0-1.0")
    nc("data", "import", "--locator", f"jsonl:{ROOT}/more.jsonl", "--auto", "--limit", "30")
    nc("data", "import", "--locator", f"jsonl:{ROOT}/wrong.jsonl", "--auto", "--force")
    wrong = next(each["id"] for each in records(project, "imports.jsonl") if "wrong" in each["locator"])
    nc("data", "remove", wrong)
    nc("data", "import", "--locator", f"jsonl:{ROOT}/held_out.jsonl", "--auto", "--into", "test")
    nc("prepare")
    first = records(project, "imports.jsonl")[0]["id"]
    nc("data", "review", "--from", "sample", "--count", "5", "--json")
    nc("data", "review", "--reviewer", "ann", "--decide", f"{first}:3=accept", "--json")
    nc("data", "review", "--reviewer", "ann", "--decide", f"{first}:4=reject", "--json")
    nc("data", "review", "--reviewer", "ann", "--decide", f"{first}:5=edit:refund", "--json")
    nc("data", "clean", "--locator", f"jsonl:{ROOT}/letters.jsonl")
    nc("data", "clean", "--locator", f"csv:{ROOT}/messages.csv", "--background")
    nc("data", "forget", "--id", f"{first}:7", "--yes")
    deadline = time.monotonic() + 120
    while any(json.loads(path.read_text())["status"] == "running" for path in jobs(project)):
        assert time.monotonic() < deadline
        time.sleep(0.5)


def jobs(project: Path) -> list[Path]:
    """States of background jobs."""
    return list((project / "registry/jobs").glob("*.json"))


def records(project: Path, name: str) -> list[dict[str, Any]]:
    """Lines of a registry file."""
    return [json.loads(line) for line in (project / "registry" / name).read_text().splitlines()]


def generate(project: Path) -> None:
    """Rows of a teacher, judged, gated and balanced."""
    folder = project / "specs" / "generation_prompts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.yaml").write_text(PLAN)
    server = TeacherServer(script=teach)
    os.environ |= {"NARROWCAST_TEACHER_URL": server.url, "NARROWCAST_TEACHER_MODEL": "counting"}
    try:
        nc("data", "generate", "--batch", "3", "--price-prompt", "1", "--price-completion", "2")
        nc("data", "judge")
    finally:
        server.close()
    nc("data", "gate")
    nc("data", "balance", "--cap", "40")
    nc("prepare")


def train_and_measure(base: Path) -> None:
    """Two runs, the best current; baseline, evaluation, a comparison, a bundle, its proof, a failure."""
    small = ["--limit", "6", "--samples", "100", "--max-tokens", "4"]
    tiny = ["--base", str(base), "--method", "full", "--epochs", "1", "--probe-steps", "0"]
    nc("baseline", "--models", "majority,tfidf", *small)
    nc("train", *tiny, "--no-forgetting-check", "--seeds", "2")
    nc("eval", *small, codes=(0, 3))
    nc("compare", "majority", "tfidf", *small)
    proof = ["--parity-rows", "4", "--max-tokens", "4", "--tolerance", "1"]
    nc("export", "--formats", "f16,q8_0", *proof, codes=(0, 1))
    nc("eval", "run:exp-0000000000", codes=(1,))


def pack(target: Path) -> None:
    """Leave out checkpoints and what is written again when it is missing, then compress."""
    for folder in ROOT.glob("home/projects/*/training/runs/*/checkpoints"):
        shutil.rmtree(folder)
    with tarfile.open(target, "w:xz", preset=9) as archive:
        archive.add(ROOT, arcname="workspace", filter=_anonymous)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def run(target: Path) -> None:
    """The whole way."""
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir()
    os.environ |= {"NARROWCAST_HOME": str(ROOT / "home"), "NARROWCAST_ACTOR": "maker", "HF_HUB_OFFLINE": "1"}
    os.chdir(ROOT)
    write_sources()
    base = write_base()
    nc("init", "loop", "--yes")
    project = ROOT / "home/projects/loop"
    import_and_prepare(project)
    generate(project)
    train_and_measure(base)
    pack(target)


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("target", type=Path)
    given = options.parse_args()
    target = given.target.absolute()
    with contextlib.redirect_stdout(sys.stderr):  # what the commands print
        run(target)
    if given.json:
        print(json.dumps({"archive": str(target), "bytes": target.stat().st_size, "unexpected": UNEXPECTED}))
    else:
        print(f"{target}: {target.stat().st_size / 1000:,.0f} kB")
        print("unexpected:", *UNEXPECTED, sep="\n  ")
