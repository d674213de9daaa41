"""Which build of torch is installed, shown on loopback indexes that serve a stub of each."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import subprocess
import threading
import venv
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "install_torch.py"
DEVICES = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
VERSION = "2.13.0"
no_device = pytest.mark.skipif(
    any(Path(each).exists() for each in DEVICES), reason="this machine has a graphics processor"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`/simple` stands for the package index, `/cpu` for PyTorch's."""
    root = tmp_path_factory.mktemp("indexes")
    _write_wheel(root / "simple" / "torch", VERSION)
    _write_wheel(root / "cpu" / "torch", f"{VERSION}+cpu")
    handler = partial(_Quiet, directory=str(root))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Of an empty environment with pip."""
    venv.create(tmp_path / "venv", with_pip=True)
    return tmp_path / "venv" / "bin" / "python"


@no_device
def test_a_machine_without_a_device_gets_the_cpu_build(server: str, python: Path) -> None:
    said = _install(python, server, "--cpu-index", f"{server}/cpu")
    assert f"the CPU build of {server}/cpu, because this machine has no graphics processor" in said
    assert _installed(python) == f"{VERSION}+cpu"
    again = _install(python, server, "--cpu-index", f"{server}/cpu")
    assert f"torch {VERSION}: installed already" in again


@no_device
def test_without_that_index_the_other_build_is_taken_and_its_size_is_said(server: str, python: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/cpu"
    said = _install(python, server, "--cpu-index", nobody)
    assert f"because {nobody} cannot be reached" in said
    assert "CUDA, about 5 GB" in said
    assert _installed(python) == VERSION


@no_device
def test_an_index_that_does_not_offer_torch_counts_as_out_of_reach(server: str, python: Path) -> None:
    said = _install(python, server, "--cpu-index", f"{server}/nothing")
    assert "cannot be reached (HTTP status 404)" in said
    assert _installed(python) == VERSION


@pytest.mark.parametrize(("build", "version"), [("cpu", f"{VERSION}+cpu"), ("index", VERSION)])
def test_the_build_can_be_asked_for(server: str, python: Path, build: str, version: str) -> None:
    _install(python, server, "--build", build, "--cpu-index", f"{server}/cpu")
    assert _installed(python) == version


def _install(python: Path, server: str, *arguments: str) -> str:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))
    }
    environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": f"{server}/simple"}
    done = subprocess.run(
        [python, SCRIPT, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _installed(python: Path) -> str:
    script = "from importlib.metadata import version; print(version('torch'))"
    return subprocess.check_output([python, "-c", script], text=True).strip()


def _write_wheel(folder: Path, version: str) -> None:
    """A wheel of torch that holds nothing but its name and version."""
    folder.mkdir(parents=True)
    info = f"torch-{version}.dist-info"
    files = {
        "torch.py": f"__version__ = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{name},sha256={_digest(text)},{len(text)}" for name, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    with zipfile.ZipFile(folder / f"torch-{version}-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
