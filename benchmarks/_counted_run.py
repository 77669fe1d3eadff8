"""Runs the command line and counts what it reads and writes in storage: `python -m benchmarks._counted_run FILE run ...`.

A read is one request to object storage: a whole object, a range of one, or a table whose parts are fetched one after another.
Each process writes its counts to FILE, a dot and its id when it ends.
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


def _watch(name: str, kind: str, size: Callable[..., int]) -> None:
    """Counts the calls of a function of `storage` and the bytes that each moves."""
    function = getattr(storage, name)

    def counted(*arguments: Any) -> Any:
        value = function(*arguments)
        _counts["reads" if kind == "read" else "objects_written"] += 1
        _counts["bytes_read" if kind == "read" else "bytes_written"] += size(value, *arguments)
        return value

    setattr(storage, name, counted)


def _write_counts(path: str) -> None:
    Path(f"{path}.{os.getpid()}").write_text(json.dumps(_counts))


if __name__ == "__main__":
    target = sys.argv.pop(1)
    _watch("read", "read", lambda data, path: len(data))
    _watch("read_range", "read", lambda data, path, offset, size: size)
    _watch("open", "read", lambda file, path: os.path.getsize(path))
    _watch("write", "write", lambda _, path, data: len(data))
    _watch("write_once", "write", lambda _, path, data: len(data))
    _watch("upload", "write", lambda _, local_file, path: os.path.getsize(path))
    atexit.register(_write_counts, target)
    main()
