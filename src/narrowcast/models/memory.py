"""How much memory this process has taken at most, and how much there is."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # proc(5): sets the peak of the resident set to what it is now


def reset_peak() -> None:
    """Let `peak_bytes` count from here; on a system without /proc it keeps the peak of the whole process."""
    if _on_gpu():
        import torch

        torch.cuda.reset_peak_memory_stats()
    elif _CLEAR.exists():
        _CLEAR.write_text(_RESET_PEAK)


def peak_bytes() -> int:
    """The most memory held since `reset_peak`: on a GPU what torch allocated there, else the resident set."""
    if _on_gpu():
        import torch

        return int(torch.cuda.max_memory_allocated())
    if _STATUS.exists():
        return 1024 * _field(_STATUS, "VmHWM")
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else 1024 * used


def held_bytes() -> int:
    """Memory held now, in the terms of `peak_bytes`; 0 where the system does not say."""
    if _on_gpu():
        import torch

        return int(torch.cuda.memory_allocated())
    return 1024 * _field(_STATUS, "VmRSS") if _STATUS.exists() else 0


def available_bytes() -> int:
    """Memory that could still be taken: of the GPU, else of the machine or the container's limit."""
    if _on_gpu():
        import torch

        return int(torch.cuda.mem_get_info()[0])
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    free = 1024 * _field(meminfo, "MemAvailable")
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.exists() and used.exists() and (most := limit.read_text().strip()) != "max":
        free = min(free, int(most) - int(used.read_text()))
    return free


def _on_gpu() -> bool:
    """Whether training would take place on a GPU; torch is not imported for the question."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_available())


def _field(file: Path, name: str) -> int:
    lines = (line.split() for line in file.read_text().splitlines())
    return next(int(line[1]) for line in lines if line and line[0] == f"{name}:")
