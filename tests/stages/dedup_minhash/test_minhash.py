"""Laws of the MinHash kernel: the same values as the library's, and words as people count them."""

from __future__ import annotations

import numpy as np
import pytest
from datasketch import MinHash

from interloom.stages.dedup_minhash import minhash


def words_in(text: str) -> int:
    return int(minhash.shingle_hashes([text], 5)[2][0])


def shingles_of(text: str, ngram: int = 1) -> set[int]:
    return set(map(int, minhash.shingle_hashes([text], ngram)[0]))


@pytest.mark.parametrize("seed", [1, 42])
def test_every_value_is_that_of_datasketch(seed: int) -> None:
    texts = ["a few words of plain text", "", "one", "the same the same the same the same " * 50]
    hashes, ends, _ = minhash.shingle_hashes(texts, 5)
    ours = minhash.minhash_values(hashes, ends, 256, seed)
    for text, least in enumerate(ours):
        theirs = MinHash(num_perm=256, seed=seed, hashfunc=int)
        theirs.update_batch(hashes[ends[text] : ends[text + 1]])
        np.testing.assert_array_equal(least, theirs.hashvalues)


def test_invisible_characters_and_equivalent_forms_make_no_difference() -> None:
    assert (
        shingles_of("Der Kapitän legt an") == shingles_of("Der Ka\u00adpita\u0308n legt an") != shingles_of("Der Kapitan legt an")
    )


def test_extreme_hashes_wrap_as_in_datasketch() -> None:
    hashes = np.array([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF], np.uint32)
    for value in hashes:
        theirs = MinHash(num_perm=64, hashfunc=int)
        theirs.update(int(value))
        ours = minhash.minhash_values(np.array([value], np.uint32), np.array([0, 1]), 64, 1)
        np.testing.assert_array_equal(ours[0], theirs.hashvalues)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("plain words, two-part; and_more 3.14", 8),
        ("naïve Ærøskøbing Москва", 3),
        ("no\u00a0break\u2009thin\u2014dash\u3000wide\u3002", 5),
        ("東京都に行く", 6),
        ("カタカナ", 4),
        ("한국어 문장", 2),
        ("ภาษา", 4),
        ("𠀀𠀁 😀", 3),
        ("e\u0301 combined", 2),
        ("\ud800 lone \udfff", 1),
        ("\x00\x01word\x7f", 1),
        ("", 0),
        ("... -- !", 0),
    ],
)
def test_words_are_counted_as_people_count_them(text: str, count: int) -> None:
    assert words_in(text) == count


def test_case_and_punctuation_make_no_difference() -> None:
    assert shingles_of("Hello, WORLD - again", 3) == shingles_of("hello world again", 3)


def test_the_order_of_words_makes_a_difference() -> None:
    assert shingles_of("a b c", 3) != shingles_of("c b a", 3)


def test_there_is_a_shingle_for_each_run_of_words() -> None:
    assert len(shingles_of("a b c d e f g", 5)) == 3
    assert len(shingles_of("a b c", 5)) == 1


def test_neighbours_in_the_batch_make_no_difference() -> None:
    texts = ["first text of the batch", "", "second text of the batch"]
    hashes, ends, _ = minhash.shingle_hashes(texts, 5)
    for number, text in enumerate(texts):
        np.testing.assert_array_equal(hashes[ends[number] : ends[number + 1]], minhash.shingle_hashes([text], 5)[0])


def test_shingle_hashes_hardly_collide() -> None:
    text = " ".join(f"{n}" for n in range(200_000))
    assert len(shingles_of(text)) > 199_980


def test_unequal_values_agree_in_eight_bits_by_chance_only() -> None:
    left = minhash.minhash_values(np.arange(500, dtype=np.uint32), np.array([0, 500]), 4096, 1)
    right = minhash.minhash_values(np.arange(500, 1000, dtype=np.uint32), np.array([0, 500]), 4096, 1)
    agree = float(np.mean(minhash.to_bytes(left) == minhash.to_bytes(right)))
    assert agree == pytest.approx(1 / 256, abs=0.004)


def test_the_estimate_undoes_chance() -> None:
    assert minhash.estimate_similarity(np.array([0, 1, 256]), 256).tolist() == [0.0, 0.0, 1.0]
    assert minhash.estimate_similarity(np.array([minhash.min_matches(0.8, 256)]), 256)[0] >= 0.8
    assert minhash.estimate_similarity(np.array([minhash.min_matches(0.8, 256) - 1]), 256)[0] < 0.8
