"""How a child process of ours is started: a module of this package, in this interpreter, with this process's import path."""

from __future__ import annotations

import os
import sys


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs `interloom.<module>`. The working directory is not on its import path (`-P`), so that a folder
    there hides nothing."""
    return [sys.executable, "-P", "-m", f"interloom.{module}", *arguments]


def environment() -> dict[str, str]:
    """This process's environment, with its import path, and one thread for libraries that would take all cores."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"}
