"""Describes the machine on which a figure is measured."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path


def description() -> str:
    """Number of cores, processor model, memory in GiB, Python version, and the load average of the last minute."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cores} cores ({_model()}), {memory:.0f} GB, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"


def _model() -> str:
    match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return " ".join(match[1].split()) if match else platform.machine()
