"""Computes MinHash values of many texts at once: words, word n-grams, permutations, band keys, and estimates of similarity.

The estimate of similarity is Broder's ("On the resemblance and containment of documents", 1997); keeping 8 bits of each value
is b-bit minwise hashing (Li and Koenig, WWW 2010). The permutations are those of the library `datasketch` (version 2.0 and
later, scheme affine32; a test compares them): h -> a * fmix32(h) + b modulo 2^32 with odd a. The inner loops are in
`kernels.py`.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from interloom.pipeline.exchange_rows import Ints, Keys
from interloom.schemas.text_forms import comparable_text
from interloom.stages.dedup_minhash.kernels import BETWEEN, FNV_START, HALF, MIX, WORD, WORD_ALONE, Bytes, Words, fmix32, kernels

_UNSPACED = ((0x0E00, 0x0F00), (0x1000, 0x10A0), (0x1780, 0x1800), (0x3040, 0x3130), (0x31A0, 0xA4D0), (0xF900, 0xFB00))
"""Ranges of the scripts without spaces between words: Thai and Lao, Burmese, Khmer, kana and bopomofo, Han and Yi."""
CHANCE = 1 / 256
"""The probability that two different values agree in the 8 bits that are kept."""


@functools.cache
def _kinds() -> Bytes:
    """Returns the kind of each character of the first Unicode plane; the last entry is for all others (emoji, rare Han)."""
    letters = (unicodedata.category(chr(point))[0] in "LMN" for point in range(1 << 16))
    kinds = np.fromiter((WORD if letter else BETWEEN for letter in letters), np.uint8, 1 << 16)
    for first, stop in _UNSPACED:
        kinds[first:stop][kinds[first:stop] == WORD] = WORD_ALONE
    return np.append(kinds, np.uint8(WORD_ALONE))


@functools.cache
def permutations(count: int, seed: int) -> tuple[Words, Words]:
    """Returns the (a, b) of `datasketch.MinHash(num_perm=count, seed=seed)`."""
    generator = np.random.RandomState(seed)
    a = generator.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return a, generator.randint(0, 1 << 32, count, dtype=np.uint32)


def shingle_hashes(texts: Sequence[str], ngram: int) -> tuple[Words, Ints, Ints]:
    """Hashes the word n-grams of all texts.

    Text is compared without case, invisible characters and differences of equivalent characters; each character of a script
    without spaces is a word. A text with fewer than `ngram` words is one n-gram of all its words, a text without words has
    none.

    Parameters:
        texts: The texts.
        ngram: Length of the n-grams. Words.

    Returns the 32-bit hashes of all texts one after the other, their bounds (those of text i are hashes[bounds[i] :
    bounds[i + 1]]), and each text's number of words.
    """
    lowered = [comparable_text(text) for text in texts]
    points = np.frombuffer("".join(lowered).encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = np.cumsum([0, *map(len, lowered)])
    words, word_ends = np.empty(len(points), np.uint64), np.zeros(len(ends), np.int64)
    kernels().words(points, ends, _kinds(), words, word_ends)
    shingles, shingle_ends = np.empty(word_ends[-1], np.uint32), np.zeros(len(ends), np.int64)
    count = kernels().shingles(words, word_ends, ngram, shingles, shingle_ends)
    return shingles[:count], shingle_ends, np.diff(word_ends)


def minhash_values(shingles: Words, ends: Ints, count: int, seed: int) -> Words:
    """Returns for each text (row) the smallest hash under each permutation (column); 2^32 - 1 for a text without n-grams.

    Parameters:
        shingles: The hashes of the n-grams of all texts, from `shingle_hashes`.
        ends: Their bounds, one more than there are texts.
        count: Number of permutations.
        seed: Seed of the permutations.
    """
    values = np.full((len(ends) - 1, count), 0xFFFFFFFF, np.uint32)
    kernels().minhash_values(shingles, ends, *permutations(count, seed), values)
    return values


def band_keys(values: Words, bands: int) -> list[Keys]:
    """Returns for each band the keys of all texts: 64-bit hashes of the MinHash values in the band."""
    grouped = values.reshape(len(values), bands, values.shape[1] // bands).astype(np.uint64)
    keys = np.full(grouped.shape[:2], FNV_START)
    for row in range(grouped.shape[2]):
        keys = (keys ^ grouped[:, :, row]) * MIX
        keys ^= keys >> HALF
    return list(np.ascontiguousarray(keys.T))


def to_bytes(values: Words) -> Bytes:
    """Reduces each MinHash value to 8 bits.

    The values are mixed first, because the low bits of an affine map depend only on the low bits of its argument.
    """
    mixed: Words = fmix32(values)
    return mixed.astype(np.uint8)


def min_matches(similarity: float, count: int) -> int:
    """Returns how many of `count` 8-bit values must be equal to estimate this Jaccard similarity (Li and Koenig, theorem 1).

    Example: 0.8 of 256 values -> 205.
    """
    return int(np.ceil(count * (similarity + (1 - similarity) * CHANCE) - 1e-9))


def estimate_similarity(matches: Ints, count: int) -> npt.NDArray[np.float64]:
    """Returns the Jaccard similarity that this many equal 8-bit values of `count` estimate. Example: 256 of 256 -> 1.0."""
    return np.clip((matches / count - CHANCE) / (1 - CHANCE), 0.0, 1.0)
