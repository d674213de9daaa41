"""Servers as users start them: `narrowcast serve` in a process of its own, on a free port."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest

from narrowcast.core.bundle import BundleFile, BundleManifest, sealed_json
from narrowcast.core.task import TaskSpec
from narrowcast.models.gguf.writer import write_gguf
from narrowcast.store.files import sha256_file
from narrowcast.testing.tiny import build_tiny_model

LABELS = ["card arrival", "card lost", "exchange rate", "refund", "fee"]


@dataclass
class Running:
    """A server that answers."""

    url: str
    process: subprocess.Popen[str]
    clients: ExitStack
    """Closes what `client` returned."""

    def client(self, token: str = "none") -> openai.OpenAI:
        client = openai.OpenAI(base_url=self.url, api_key=token, max_retries=0, timeout=60)
        return self.clients.enter_context(client)


Start = Callable[..., Any]


@pytest.fixture(scope="session")
def plain_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny exported file without a bundle."""
    folder = tmp_path_factory.mktemp("plain")
    write_gguf(build_tiny_model(folder / "model"), folder / "tiny.gguf", "f16")
    return folder / "tiny.gguf"


@pytest.fixture(scope="session")
def bundled_gguf(tmp_path_factory: pytest.TempPathFactory, plain_gguf: Path) -> Path:
    """The same file as part of a classification bundle."""
    folder = tmp_path_factory.mktemp("bundle")
    path = folder / "model-f16.gguf"
    path.write_bytes(plain_gguf.read_bytes())
    entry = BundleFile(path=path.name, size_bytes=path.stat().st_size, sha256=sha256_file(path), format="f16")
    manifest = BundleManifest(
        run_id="exp-0000000000",
        project="cards",
        base={},
        method="lora",
        dataset_version="0" * 64,
        task=TaskSpec(profile="classification", labels=LABELS),
        formats=["f16"],
        files=[entry],
        sources=[],
        code_version="0",
        created="",
    )
    (folder / "bundle.json").write_text(sealed_json(manifest))
    return path


@contextmanager
def running(*arguments: str | Path, home: Path) -> Iterator[Running]:
    command = [
        sys.executable,
        "-m",
        "narrowcast.cli.main",
        "--home",
        home,
        "serve",
        "--port",
        "0",
        *arguments,
    ]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline()
        found = re.search(r"http://\S+/(v1|api)", line)
        assert found, line + process.stderr.read()
        with ExitStack() as clients:
            yield Running(found.group(), process, clients)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            process.stdout.close()
            process.stderr.close()


@pytest.fixture(scope="session")
def plain(plain_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of an ordinary chat model."""
    with running("--model", plain_gguf, home=tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture(scope="session")
def classifier(bundled_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of a classification bundle."""
    with running("--model", bundled_gguf, home=tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start a server of one's own."""

    def begin(*arguments: str | Path) -> Any:
        return running(*arguments, home=tmp_path / "home")

    return begin
