"""Near-duplicate removal, ours against datasketch, one process and one core: `python benchmarks/dedup_minhash.py [documents]`.

Both see the same documents of 200 words (a tenth are copies with a few words changed) and the same shingles, 256
permutations, 32 bands of 8 rows, threshold 0.8. datasketch gets the shingle hashes ready-made, so that its time is that of
its own work; "from text" charges it for making them in Python. `full` also finds and verifies the duplicates.
"""

from __future__ import annotations

import itertools
import random
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
from datasketch import MinHash, MinHashLSH

from interloom.schemas.document import Document, Text
from interloom.stages.dedup_minhash import DedupMinhash, minhash

sys.path.append(str(Path(__file__).parents[1] / "tests" / "plugins"))
import global_steps

_BATCH = 512
T = TypeVar("T")


def corpus(count: int) -> list[Document]:
    """Every tenth document is an earlier one with up to ten words changed."""
    chance = random.Random(7)
    vocabulary = ["".join(chance.choices("etaoinshrdlucmfw", k=chance.randint(2, 9))) for _ in range(30_000)]
    texts: list[list[str]] = []
    for number in range(count):
        words = list(chance.choice(texts)) if number % 10 == 9 else chance.choices(vocabulary, k=200)
        for _ in range(chance.randint(0, 10) if number % 10 == 9 else 0):
            words[chance.randrange(200)] = chance.choice(vocabulary)
        texts.append(words)
    return [Document(id=f"{n:08}", elements=(Text(position=0, text=" ".join(words)),)) for n, words in enumerate(texts)]


def ours(stage: DedupMinhash, docs: Sequence[Document]) -> list[pa.Table]:
    return [stage.sketch(docs[first : first + _BATCH]) for first in range(0, len(docs), _BATCH)]


def ours_duplicates(stage: DedupMinhash, sketches: Sequence[pa.Table]) -> set[str]:
    return {row["id"] for row in global_steps.verdicts(stage, sketches).to_pylist()}


def theirs(shingles: Sequence[list[int]]) -> list[MinHash]:
    empty = MinHash(num_perm=256, hashfunc=int)
    sketches = []
    for hashes in shingles:
        sketch = empty.copy()
        sketch.update_batch(hashes)
        sketches.append(sketch)
    return sketches


def theirs_duplicates(sketches: Sequence[MinHash]) -> set[str]:
    index = MinHashLSH(num_perm=256, params=(32, 8))
    gone = set()
    for number, sketch in enumerate(sketches):
        if any(sketch.jaccard(sketches[other]) >= 0.8 for other in index.query(sketch)):
            gone.add(f"{number:08}")
        index.insert(number, sketch)
    return gone


def python_shingles(doc: Document) -> list[int]:
    """What one would write around datasketch: split and hash each 5-gram of words."""
    words = doc.text.lower().split()
    return [hash(" ".join(words[i : i + 5])) & 0xFFFFFFFF for i in range(len(words) - 4)]


def timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    stage, docs = DedupMinhash(keep="first"), corpus(count)
    stage.sketch(docs[:2])
    ours_duplicates(stage, ours(stage, docs[:200]))
    sketches, sketch_s = timed(lambda: ours(stage, docs))
    gone, find_s = timed(lambda: ours_duplicates(stage, sketches))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    hashes, ends, _ = minhash.shingle_hashes([doc.text for doc in docs], stage.ngram)
    shingles = [hashes[first:stop].tolist() for first, stop in itertools.pairwise(ends)]
    _, shingle_s = timed(lambda: [python_shingles(doc) for doc in docs])
    their_sketches, their_sketch_s = timed(lambda: theirs(shingles))
    their_gone, their_find_s = timed(lambda: theirs_duplicates(their_sketches))
    print(f"{count:,} documents, documents/s on one core    interloom   datasketch   times")
    for name, mine, other in (
        ("signatures (ours from text)", sketch_s, their_sketch_s),
        ("signatures from text", sketch_s, shingle_s + their_sketch_s),
        ("full, from text", sketch_s + find_s, shingle_s + their_sketch_s + their_find_s),
    ):
        print(f"{name:<42}{count / mine:>11,.0f}{count / other:>13,.0f}{other / mine:>8.1f}")
    print(f"duplicates found: {len(gone):,} and {len(their_gone):,}, both: {len(gone & their_gone):,}; our peak {peak:,.0f} MB")


if __name__ == "__main__":
    main()
