from pathlib import Path

from interloom.pipeline.execution import memory

_PAGE = 4096


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def test_freed_memory_goes_back_to_the_system() -> None:
    blocks = [bytes(100_000) for _ in range(2_000)]  # below the size for which the C library asks the system each time
    last = blocks[-1]
    blocks.clear()
    kept = resident_bytes()
    memory.give_back_freed()
    assert kept - resident_bytes() > 100_000_000
    assert len(last) == 100_000
