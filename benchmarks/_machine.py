"""The machine a figure was measured on, in words."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path


def words() -> str:
    """Cores, model of processor, memory, and how busy it is already."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cores} cores ({_model()}), {memory:.0f} GB, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"


def _model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return " ".join(found[1].split()) if found else platform.machine()
