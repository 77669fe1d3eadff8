"""Runs the command line and counts what it reads and writes in a folder: `python -m benchmarks._counted_run FOLDER FILE run ...`.

A read is a whole object, a range of one, or a table that is opened, whose bytes all count. Each process writes its counts to
FILE, a dot and its id when it ends.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from interloom.jobs.__main__ import main
from interloom.pipeline.store import storage

_counts: Counter[str] = Counter()


def _watch(name: str, folder: str, kind: str, size: Callable[..., int]) -> None:
    """Counts the calls of a function of `storage` that are about a path in the folder, and the bytes that each moves."""
    function = getattr(storage, name)

    def counted(*arguments: Any) -> Any:
        value = function(*arguments)
        if any(str(argument).startswith(folder) for argument in arguments[:2]):
            _counts[kind] += 1
            _counts[f"bytes of {kind}"] += size(value, *arguments)
        return value

    setattr(storage, name, counted)


def _write_counts(path: str) -> None:
    Path(f"{path}.{os.getpid()}").write_text(json.dumps(_counts))


if __name__ == "__main__":
    inside, target = sys.argv.pop(1), sys.argv.pop(1)
    _watch("read", inside, "reads", lambda data, path: len(data))
    _watch("read_range", inside, "reads", lambda data, path, offset, size: size)
    _watch("open", inside, "reads", lambda file, path: os.path.getsize(path))
    _watch("write", inside, "writes", lambda _, path, data: len(data))
    _watch("write_once", inside, "writes", lambda _, path, data: len(data))
    _watch("upload", inside, "writes", lambda _, local_file, path: os.path.getsize(path))
    atexit.register(_write_counts, target)
    main()
