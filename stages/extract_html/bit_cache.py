"""Remembers the bits of names, which repeat within pages and between them."""

from __future__ import annotations

from collections.abc import Callable


class BitCache(dict[str, int]):
    """Computes the bits of a name when it is first asked for. Clears itself when it holds `max_size` names."""

    def __init__(self, bits_of: Callable[[str], int], max_size: int) -> None:
        super().__init__()
        self._bits_of, self._max_size = bits_of, max_size

    def __missing__(self, name: str) -> int:
        bits = self._bits_of(name)
        if len(self) >= self._max_size:
            self.clear()
        self[name] = bits
        return bits
