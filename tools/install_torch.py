"""Install torch in the build that suits this machine: without a graphics processor, without CUDA.

    python tools/install_torch.py [--build auto|cpu|index] [--cpu-index URL]

PyPI's wheel for Linux brings CUDA, some five gigabytes; PyTorch's own index has a build for the CPU of a
twentieth of that. `auto` takes it on Linux without an NVIDIA or AMD device, where that index can be reached;
otherwise the build of the configured package index is installed, and why is printed. The version is that of
constraints.txt. A torch of that version that is installed already is left alone.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from outcome import parser

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
# Of CUDA, CUDA under WSL, ROCm.
DEVICES = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
_PATIENCE = 10.0  # seconds


def main() -> None:
    """Choose, say what was chosen, install."""
    options = parser(__doc__)
    options.add_argument("--build", choices=["auto", "cpu", "index"], default="auto")
    options.add_argument("--cpu-index", default=CPU_INDEX, metavar="URL", help="default: %(default)s")
    asked = options.parse_args()
    wanted, here = pinned_version(), installed_version()
    cpu, reason = (here or "").endswith("+cpu"), "installed already"
    missing = here is None or here.partition("+")[0] != wanted
    if missing:
        cpu, reason = choose(asked.build, asked.cpu_index)
    if asked.json:
        print(json.dumps({"torch": wanted, "cpu_build": cpu, "reason": reason}), flush=True)
    else:
        print(f"torch {wanted}: {reason}", flush=True)
    if missing:
        install(wanted, asked.cpu_index if cpu else None)


def install(wanted: str, cpu_index: str | None) -> None:
    """From the CPU index torch alone: what it needs comes from the configured index."""
    where = ["-c", str(CONSTRAINTS)] if cpu_index is None else ["--no-deps", "--index-url", cpu_index]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *where]
    done = subprocess.run([*command, f"torch=={wanted}"], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def choose(build: str, cpu_index: str) -> tuple[bool, str]:
    """Whether the CPU build is taken, and why."""
    if build != "auto":
        return (
            build == "cpu",
            f"the build of {cpu_index if build == 'cpu' else 'the package index'}, as asked",
        )
    if not sys.platform.startswith("linux"):
        return False, "the build of the package index, which has no CUDA on this system"
    if any(Path(device).exists() for device in DEVICES):
        return False, "the build of the package index, for the graphics processor of this machine"
    if (obstacle := unreachable(cpu_index)) is not None:
        return False, (
            f"the build of the package index, because {cpu_index} cannot be reached ({obstacle}); "
            "from PyPI it brings CUDA, about 5 GB, which this machine has no use for"
        )
    return True, f"the CPU build of {cpu_index}, because this machine has no graphics processor"


def unreachable(index: str) -> str | None:
    """Why the index does not offer torch; None where it does."""
    request = urllib.request.Request(f"{index.rstrip('/')}/torch/", method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE):
            return None
    except urllib.error.HTTPError as error:
        return f"HTTP status {error.code}"
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))


def pinned_version() -> str:
    """Of torch in constraints.txt."""
    found = re.search(r"^torch==(\S+)$", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        sys.exit(f"{CONSTRAINTS} has no line torch==VERSION")
    return found[1]


def installed_version() -> str | None:
    """Of torch in this environment."""
    try:
        return version("torch")
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
