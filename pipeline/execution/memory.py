"""How a process that runs units takes memory from the system and gives it back."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

import pyarrow as pa


def use_the_system_allocator() -> None:
    """Arrow's own allocators keep what is freed: 200,000 texts took 690 MB with mimalloc, 570 MB with the system's, no slower."""
    if "ARROW_DEFAULT_MEMORY_POOL" not in os.environ:
        pa.set_memory_pool(pa.system_memory_pool())


def give_back_freed() -> None:
    """Gives freed memory back to the system, which the C library would keep for later: 200,000 texts took 70 MB less.

    Does nothing where the C library has no way to (musl, macOS).
    """
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
