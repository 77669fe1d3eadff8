"""The inner loops of MinHash, compiled by numba on first use, cached on disk, and run on one thread."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from interloom.pipeline.exchange_rows import Ints, Keys
from interloom.stages._dedup.components import compiled, find

Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]

BETWEEN = 0
"""A character between words."""
WORD = 1
"""A character of a word."""
WORD_ALONE = 2
"""A character that is a word by itself."""
FNV_START = np.uint64(0xCBF29CE484222325)
"""Offset basis of the 64-bit hash FNV-1a."""
_FNV_PRIME = np.uint64(0x100000001B3)
"""Prime of the 64-bit hash FNV-1a."""
MIX = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio: a multiplier that spreads bits (SplitMix64)."""
HALF = np.uint64(32)
_ZERO = np.uint64(0)
_FMIX = (np.uint32(16), np.uint32(0x85EBCA6B), np.uint32(13), np.uint32(0xC2B2AE35))
"""Shifts and multipliers of fmix32, the finaliser of MurmurHash3."""
NEAR = 64
"""In a bucket each text is compared with this many first texts and with the one before it. So all pairs of a small bucket are
compared, and the time is linear in a big one, as boilerplate produces. Our choice."""


class Kernels(NamedTuple):
    """The compiled functions."""

    words: Callable[..., int]
    shingles: Callable[..., int]
    minhash_values: Callable[..., None]
    link: Callable[..., int]


@functools.cache
def kernels() -> Kernels:
    """Returns the compiled functions. Compiling takes seconds, once per machine; loading takes milliseconds."""
    link = compiled(_link, find, _count_matches, _link_row)
    return Kernels(compiled(_words), compiled(_shingles), compiled(_minhash_values, fmix32), link)


def _words(points: Words, ends: Ints, kinds: Bytes, out: Keys, out_ends: Ints) -> int:
    """Writes the 64-bit hashes of all words to `out` (FNV-1a over code points) and their bounds to `out_ends`.

    Returns the number of words.
    """
    count = 0
    for text in range(ends.size - 1):
        state = FNV_START
        for i in range(ends[text], ends[text + 1]):
            kind = kinds[min(points[i], kinds.size - 1)]
            if kind != WORD and state != FNV_START:
                out[count] = state
                count += 1
                state = FNV_START
            if kind == WORD:
                state = (state ^ np.uint64(points[i])) * _FNV_PRIME
            elif kind == WORD_ALONE:
                out[count] = (FNV_START ^ np.uint64(points[i])) * _FNV_PRIME
                count += 1
        if state != FNV_START:
            out[count] = state
            count += 1
        out_ends[text + 1] = count
    return count


def _shingles(words: Keys, ends: Ints, ngram: int, out: Words, out_ends: Ints) -> int:
    """Writes the 32-bit hashes of all n-grams to `out` and their bounds to `out_ends`. Returns the number of n-grams."""
    count = 0
    for text in range(ends.size - 1):
        width = min(ngram, ends[text + 1] - ends[text])
        for first in range(ends[text], ends[text + 1] - width + 1 if width else ends[text]):
            state = _ZERO
            for word in words[first : first + width]:
                state = (state ^ word) * MIX
                state ^= state >> HALF
            out[count] = np.uint32((state * MIX) >> HALF)
            count += 1
        out_ends[text + 1] = count
    return count


def fmix32(value: Any) -> Any:
    """Returns fmix32 of the value or of each value of an array: the finaliser of MurmurHash3 (Appleby)."""
    value = np.uint32((value ^ (value >> _FMIX[0])) * _FMIX[1])
    value = np.uint32((value ^ (value >> _FMIX[2])) * _FMIX[3])
    return value ^ (value >> _FMIX[0])


def _minhash_values(shingles: Words, ends: Ints, a: Words, b: Words, values: Words) -> None:
    """Lowers each of `values` to the smallest hash of its text under its permutation."""
    for text in range(ends.size - 1):
        row = values[text]
        for shingle in shingles[ends[text] : ends[text + 1]]:
            mixed = fmix32(shingle)
            for k in range(row.size):
                row[k] = min(row[k], np.uint32(a[k] * mixed + b[k]))


def _count_matches(left: Bytes, right: Bytes) -> int:
    equal = 0
    for k in range(left.size):
        equal += left[k] == right[k]
    return equal


def _link(bounds: Ints, rows: tuple[Bytes, Ints, Ints], least_matches: int, known: int) -> int:
    """Links the near-duplicates in each bucket and returns the number of links.

    `bounds` are those of the buckets; `rows` the signatures, the parents of a union-find, and the links. The first `known` rows
    have been compared with each other: they are the first texts of the first bucket, and its last one so far.
    """
    count = 0
    for bucket in range(bounds.size - 1):
        for place in range(max(bounds[bucket] + 1, known), bounds[bucket + 1]):
            count = _link_row((bounds[bucket], place), rows, least_matches, count)
    return count


def _link_row(span: tuple[int, int], rows: tuple[Bytes, Ints, Ints], least_matches: int, count: int) -> int:
    """Links the text at the end of `span` with near-duplicates among the first texts of its bucket and the one before it."""
    signatures, parent, out = rows
    first, b = span
    for step in range(min(b - first, NEAR + 1)):
        a = first + step if step < NEAR else b - 1
        root_a, root_b = find(parent, a), find(parent, b)
        if root_a == root_b:
            continue
        equal = _count_matches(signatures[a], signatures[b])
        if equal >= least_matches:
            parent[max(root_a, root_b)] = min(root_a, root_b)
            out[count, 0], out[count, 1], out[count, 2] = a, b, equal
            count += 1
    return count
