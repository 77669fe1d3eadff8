"""What this machine has, and what its container leaves of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from interloom.pipeline.execution import resources

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/\n", {"memory.max": "1000\n"}, 1000),
        ("0::/\n", {"memory.max": "max\n"}, MACHINE),
        ("0::/a/b\n", {"memory.max": "3000\n", "a/memory.max": "2000\n", "a/b/memory.max": "max\n"}, 2000),
        ("3:cpu:/c\n2:memory:/c\n0::/\n", {"memory/c/memory.limit_in_bytes": "1000", "cpu/c/memory.max": "1"}, 1000),
        ("2:memory:/c\n", {"memory/memory.limit_in_bytes": "9223372036854771712"}, MACHINE),
        (None, {}, MACHINE),
    ],
)
def test_memory_is_that_of_the_container_or_of_the_machine(
    tmp_path: Path, groups: str | None, files: dict[str, str], expected: int
) -> None:
    for name, text in {**{f"sys/fs/cgroup/{name}": text for name, text in files.items()}, "proc/self/cgroup": groups}.items():
        if text is not None:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
    assert resources.memory_bytes(tmp_path) == expected
