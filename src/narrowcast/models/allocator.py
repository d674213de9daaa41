"""How the C library hands memory back: not at all while a model is trained.

glibc maps each large buffer anew and unmaps it when it is freed, so every step of a training pays for page
faults on memory that the step before had just given up: a quarter of the processor time at 15 M parameters.
See mallopt(3). Other C libraries have no such switch and are left as they are.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # names of <malloc.h>
_DEFAULT_TRIM, _DEFAULT_MAPS = 128 * 1024, 65536  # bytes; mappings
_NEVER = 2**31 - 1  # bytes of free memory at the top of the heap before it is trimmed


@contextmanager
def kept_pages() -> Iterator[None]:
    """Freed memory stays with the process inside, and is given back at the end."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        yield
        return
    library.mallopt(_MMAP_MAX, 0)
    library.mallopt(_TRIM_THRESHOLD, _NEVER)
    try:
        yield
    finally:
        library.mallopt(_MMAP_MAX, _DEFAULT_MAPS)
        library.mallopt(_TRIM_THRESHOLD, _DEFAULT_TRIM)
        library.malloc_trim(0)
