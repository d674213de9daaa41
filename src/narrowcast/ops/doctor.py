"""The checks of `narrowcast doctor`; nothing is changed and no socket opened."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from narrowcast.core.settings import Settings
from narrowcast.errors import NarrowcastError, UsageError
from narrowcast.models.cores import usable_cores
from narrowcast.ops.requests import DoctorRequest
from narrowcast.plugins.optional import EXTRAS
from narrowcast.store.database import open_database

_LOW_DISK_GB = 5.0
# Where no installed distribution says that it brings the module.
_UNKNOWN_VERSION = "installed"


class Finding(BaseModel):
    """One check."""

    state: Literal["ok", "missing", "bad"]
    what: str
    found: str
    fix: str = ""


def examine(settings: Settings, request: DoctorRequest | None = None) -> list[Finding]:
    """All checks, in the order a newcomer meets their subjects.

    Raises:
        UsageError: for an extra that does not exist.
    """
    extras = (request or DoctorRequest()).extras
    _refuse_unknown(extras)
    return [_python(), _machine(), _database(settings), _disk(settings.home), *_extras(extras)]


def _refuse_unknown(extras: list[str]) -> None:
    known = sorted(set(EXTRAS.values()))
    unknown = [name for name in extras if name not in known]
    if unknown:
        raise UsageError(
            f"there is no extra {unknown[0]!r}",
            where="--extra",
            next_command=f"use: {', '.join(known)}",
        )


def _python() -> Finding:
    good = sys.version_info >= (3, 11)
    return Finding(
        state="ok" if good else "bad",
        what="Python",
        found=platform.python_version(),
        fix="" if good else "install Python 3.11 or newer",
    )


def _machine() -> Finding:
    flags = _cpu_flags()
    speed = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    summary = f"{usable_cores()} cores ({', '.join(speed) or platform.machine()}), {memory:.0f} GiB"
    return Finding(state="ok", what="machine", found=summary)


def _cpu_flags() -> set[str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return set()
    lines = (line for line in path.read_text().splitlines() if line.startswith("flags"))
    return set(next(lines, "").split())


def _database(settings: Settings) -> Finding:
    try:
        open_database(settings.database_url).dispose()
    except NarrowcastError as error:
        return Finding(state="bad", what="workspace", found=str(error), fix=error.next_command)
    return Finding(state="ok", what="workspace", found=str(settings.home))


def _disk(home: Path) -> Finding:
    folder = next(each for each in (home, *home.parents) if each.exists())
    free = shutil.disk_usage(folder).free / 1e9
    state: Literal["ok", "bad"] = "ok" if free >= _LOW_DISK_GB else "bad"
    return Finding(
        state=state, what="free disk", found=f"{free:.0f} GB", fix="" if state == "ok" else "free some space"
    )


def _extras(wanted: list[str]) -> list[Finding]:
    findings = []
    brought_by = packages_distributions()
    for module, extra in sorted(EXTRAS.items(), key=lambda item: (item[1], item[0])):
        if wanted and extra not in wanted:
            continue
        what = f"{module} ({extra})"
        if find_spec(module) is None:  # as a command that needs it decides
            fix = f"pip install 'narrowcast[{extra}]'"
            findings.append(Finding(state="missing", what=what, found="", fix=fix))
        else:
            names = brought_by.get(module, [])
            installed = version(names[0]) if names else _UNKNOWN_VERSION
            findings.append(Finding(state="ok", what=what, found=installed))
    return findings
