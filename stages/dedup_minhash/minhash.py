"""MinHash of many texts at once: words, word n-grams, permutations, band keys, and the check of candidate pairs.

Broder, "On the resemblance and containment of documents" (1997), for the estimate; Li and Koenig, "b-Bit Minwise Hashing"
(WWW 2010), for keeping 8 bits of each value. The permutations are those of the library `datasketch` (from 2.0, scheme
affine32), and a test holds them equal: h -> a * fmix32(h) + b modulo 2^32 with odd a. The plain functions below are compiled
on first use, kept on disk by numba for the next process, and run on one thread.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from interloom.stages._dedup.duplicates import Ints, Keys
from interloom.stages.dedup_minhash.components import compiled, find

Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]

_BETWEEN, _WORD, _ALONE = 0, 1, 2
_UNSPACED = ((0x0E00, 0x0F00), (0x1000, 0x10A0), (0x1780, 0x1800), (0x3040, 0x3130), (0x31A0, 0xA4D0), (0xF900, 0xFB00))
"""Thai and Lao, Burmese, Khmer, kana and bopomofo, han and yi: scripts that put no spaces between words."""
_FNV_START, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF, _ZERO = np.uint64(32), np.uint64(0)
_FMIX = (np.uint32(16), np.uint32(0x85EBCA6B), np.uint32(13), np.uint32(0xC2B2AE35))
_NEAR = 64
"""In a bucket every row is held against this many first ones and the one before it: all pairs of a small bucket, and never
quadratic where boilerplate fills a big one."""
CHANCE = 1 / 256
"""How often two different values agree in the 8 bits that are kept."""


class Kernels(NamedTuple):
    words: Callable[..., int]
    shingles: Callable[..., int]
    minima: Callable[..., None]
    link: Callable[..., int]


@functools.cache
def kernels() -> Kernels:
    """The compiled functions; compiling takes seconds once per machine, loading milliseconds."""
    link = compiled(_link, find, _matches, _link_row)
    return Kernels(compiled(_words), compiled(_shingles), compiled(_minima, _fmix), link)


@functools.cache
def _kinds() -> Bytes:
    """What each character of the first Unicode plane is; the last entry stands for all beyond (emoji, rare han)."""
    letters = (unicodedata.category(chr(point))[0] in "LMN" for point in range(1 << 16))
    kinds = np.fromiter((_WORD if letter else _BETWEEN for letter in letters), np.uint8, 1 << 16)
    for first, stop in _UNSPACED:
        kinds[first:stop][kinds[first:stop] == _WORD] = _ALONE
    return np.append(kinds, np.uint8(_ALONE))


@functools.cache
def permutations(count: int, seed: int) -> tuple[Words, Words]:
    """The (a, b) of `datasketch.MinHash(num_perm=count, seed=seed)`."""
    chance = np.random.RandomState(seed)
    a = chance.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return a, chance.randint(0, 1 << 32, count, dtype=np.uint32)


def shingle_hashes(texts: Sequence[str], ngram: int) -> tuple[Words, Ints, Ints]:
    """32-bit hashes of all texts' word n-grams, where each text's end, and each text's number of words.

    A text of fewer words is one n-gram of all it has. Lower-cased; characters of scripts without spaces are words.
    """
    lowered = [text.lower() for text in texts]
    points = np.frombuffer("".join(lowered).encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = np.cumsum([0, *map(len, lowered)])
    words, word_ends = np.empty(len(points), np.uint64), np.zeros(len(ends), np.int64)
    kernels().words(points, ends, _kinds(), words, word_ends)
    shingles, shingle_ends = np.empty(word_ends[-1], np.uint32), np.zeros(len(ends), np.int64)
    count = kernels().shingles(words, word_ends, ngram, shingles, shingle_ends)
    return shingles[:count], shingle_ends, np.diff(word_ends)


def minima(shingles: Words, ends: Ints, count: int, seed: int) -> Words:
    """Per text (`ends` has one entry more) the least value under each of `count` permutations; all ones without shingles."""
    least = np.full((len(ends) - 1, count), 0xFFFFFFFF, np.uint32)
    kernels().minima(shingles, ends, *permutations(count, seed), least)
    return least


def band_keys(least: Words, bands: int) -> list[Keys]:
    """Per band one 64-bit key per text."""
    grouped = least.reshape(len(least), bands, least.shape[1] // bands).astype(np.uint64)
    keys = np.full(grouped.shape[:2], _FNV_START)
    for row in range(grouped.shape[2]):
        keys = (keys ^ grouped[:, :, row]) * _MIX
        keys ^= keys >> _HALF
    return list(np.ascontiguousarray(keys.T))


def low_bits(least: Words) -> Bytes:
    """8 bits of each value. Mixed first: the low bits of an affine map depend on the low bits of its argument alone."""
    mixed: Words = _fmix(least)
    return mixed.astype(np.uint8)


def matches_for(similarity: float, count: int) -> int:
    """The least number of equal 8-bit values (of `count`) that estimates this Jaccard similarity (Li and Koenig, theorem 1)."""
    return int(np.ceil(count * (similarity + (1 - similarity) * CHANCE) - 1e-9))


def similarity_of(matches: Ints, count: int) -> npt.NDArray[np.float64]:
    """The Jaccard similarity that this many equal 8-bit values of `count` estimate."""
    return np.clip((matches / count - CHANCE) / (1 - CHANCE), 0.0, 1.0)


def linked(bands: Sequence[Keys], signatures: Bytes, least: int) -> Ints:
    """Rows (a, b, equal values) that join all texts which share a key and agree in `least` values: a spanning forest."""
    parent, out = np.arange(len(signatures)), np.empty((len(signatures), 3), np.int64)
    count = 0
    for keys in bands:
        order = np.argsort(keys, kind="stable")
        heads = np.flatnonzero(np.diff(keys[order], prepend=~keys[order][:1]))
        bounds = np.append(heads, len(order))
        count = kernels().link((order, bounds), (signatures, parent, out), least, count)
    return out[:count]


def _words(points: Words, ends: Ints, kinds: Bytes, out: Keys, out_ends: Ints) -> int:
    """64-bit hashes of all words (FNV-1a over code points)."""
    count = 0
    for text in range(ends.size - 1):
        state = _FNV_START
        for i in range(ends[text], ends[text + 1]):
            kind = kinds[min(points[i], kinds.size - 1)]
            if kind != _WORD and state != _FNV_START:
                out[count] = state
                count += 1
                state = _FNV_START
            if kind == _WORD:
                state = (state ^ np.uint64(points[i])) * _FNV_PRIME
            elif kind == _ALONE:
                out[count] = (_FNV_START ^ np.uint64(points[i])) * _FNV_PRIME
                count += 1
        if state != _FNV_START:
            out[count] = state
            count += 1
        out_ends[text + 1] = count
    return count


def _shingles(words: Keys, ends: Ints, ngram: int, out: Words, out_ends: Ints) -> int:
    count = 0
    for text in range(ends.size - 1):
        width = min(ngram, ends[text + 1] - ends[text])
        for first in range(ends[text], ends[text + 1] - width + 1 if width else ends[text]):
            state = _ZERO
            for word in words[first : first + width]:
                state = (state ^ word) * _MIX
                state ^= state >> _HALF
            out[count] = np.uint32((state * _MIX) >> _HALF)
            count += 1
        out_ends[text + 1] = count
    return count


def _fmix(value: Any) -> Any:
    """The finaliser of MurmurHash3 for 32 bits (Appleby)."""
    value = np.uint32((value ^ (value >> _FMIX[0])) * _FMIX[1])
    value = np.uint32((value ^ (value >> _FMIX[2])) * _FMIX[3])
    return value ^ (value >> _FMIX[0])


def _minima(shingles: Words, ends: Ints, a: Words, b: Words, least: Words) -> None:
    for text in range(ends.size - 1):
        row = least[text]
        for shingle in shingles[ends[text] : ends[text + 1]]:
            mixed = _fmix(shingle)
            for k in range(row.size):
                row[k] = min(row[k], np.uint32(a[k] * mixed + b[k]))


def _matches(left: Bytes, right: Bytes) -> int:
    equal = 0
    for k in range(left.size):
        equal += left[k] == right[k]
    return equal


def _link(buckets: tuple[Ints, Ints], rows: tuple[Bytes, Ints, Ints], least: int, count: int) -> int:
    members, bounds = buckets
    for bucket in range(bounds.size - 1):
        for place in range(bounds[bucket] + 1, bounds[bucket + 1]):
            count = _link_row(members, (bounds[bucket], place), rows, least, count)
    return count


def _link_row(members: Ints, span: tuple[int, int], rows: tuple[Bytes, Ints, Ints], least: int, count: int) -> int:
    signatures, parent, out = rows
    first, place = span
    for step in range(min(place - first, _NEAR + 1)):
        a, b = members[first + step if step < _NEAR else place - 1], members[place]
        root_a, root_b = find(parent, a), find(parent, b)
        if root_a == root_b:
            continue
        equal = _matches(signatures[a], signatures[b])
        if equal >= least:
            parent[max(root_a, root_b)] = min(root_a, root_b)
            out[count, 0], out[count, 1], out[count, 2] = a, b, equal
            count += 1
    return count
