"""Vectors of texts, ours against the library's own `encode` on the same texts: `python benchmarks/embed_texts.py --model M`.

Both run on the same threads (one by default), by turns; processor time counts, loading does not. Documents have some paragraphs
each, in random order; lengths are drawn from a log-normal distribution, as sentences have them. Then a sample of texts is
embedded alone and in another order: the vectors must be the same bytes, which those of `encode` need not be.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from interloom.jobs.demo.train_clip import PROSE
from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Side
from interloom.stages._embed import model_files
from interloom.stages.embed_texts import EmbedTexts

_MEDIAN_WORDS = 18
_BATCH_DOCUMENTS = 256
"""Documents that a step gets at a time in a run."""
_SAMPLE = 40


def texts(count: int) -> list[str]:
    """Different texts of 3 to 180 words."""
    rng, words = random.Random(7), PROSE.split()
    lengths = [min(180, max(3, round(_MEDIAN_WORDS * rng.lognormvariate(0, 0.6)))) for _ in range(count)]
    return [f"{n} " + " ".join(rng.choices(words, k=length)) for n, length in enumerate(lengths)]


def vectors(stage: EmbedTexts, sample: Sequence[str], paragraphs: int) -> list[Any]:
    """The stored bytes of each text; documents have so many."""
    elements = [Text(position=n, text=text) for n, text in enumerate(sample)]
    docs = [Document(id=str(n), elements=tuple(elements[n : n + paragraphs])) for n in range(0, len(elements), paragraphs)]
    batches = [docs[n : n + _BATCH_DOCUMENTS] for n in range(0, len(docs), _BATCH_DOCUMENTS)]
    return [out.row["vector"] for batch in batches for out in stage.process(batch) if isinstance(out, Side)]


def seconds(run: Callable[[], object]) -> float:
    """Processor time in seconds."""
    begun = time.process_time()
    run()
    return time.process_time() - begun


def changed_alone(whole: Mapping[str, bytes], embed: Callable[[Sequence[str]], Sequence[bytes]]) -> int:
    """How many of a sample of texts have other bytes alone, or in another order, than in the whole."""
    sample = random.Random(1).sample(sorted(whole), _SAMPLE)
    alone = [embed([text])[0] for text in sample]
    return sum(len({whole[text], single, other}) > 1 for text, single, other in zip(sample, alone, embed(sample), strict=True))


def main(given: argparse.Namespace) -> None:
    torch.set_num_threads(given.threads)
    stage = EmbedTexts(model=given.model, of="paragraphs", device="cpu", batch_size=given.batch_size)
    for problem in stage.check():
        raise FileNotFoundError(problem)
    library = SentenceTransformer(str(model_files.folder_of(given.model)), device="cpu", local_files_only=True)
    sample = texts(given.texts)

    def encode(some: Sequence[str]) -> list[bytes]:
        rows = library.encode(list(some), normalize_embeddings=True, show_progress_bar=False)
        return [row.tobytes() for row in rows.astype("<f2")]

    ways: dict[str, Callable[[Sequence[str]], list[bytes]]] = {
        "encode()": encode,
        "stages.embed_texts": lambda some: vectors(stage, some, given.paragraphs),
    }
    for way in ways.values():
        way(sample[:20])
    runs = [(name, seconds(lambda way=way: way(sample))) for _ in range(given.runs) for name, way in ways.items()]  # type: ignore[misc]
    made = {name: dict(zip(sample, way(sample), strict=True)) for name, way in ways.items()}
    print(f"{given.model}, {len(sample)} texts, mean {statistics.mean(map(len, sample)):.0f} characters, {given.threads} threads")
    print(f"{'':20}{'CPU s':>8}{'texts/s':>9}{'changed by neighbours':>23}")
    for name, way in ways.items():
        taken = statistics.median(spent for which, spent in runs if which == name)
        print(f"{name:20}{taken:8.2f}{len(sample) / taken:9.1f}{changed_alone(made[name], way):17} of {_SAMPLE}")
    ours, theirs = (np.stack([np.frombuffer(row, "<f2") for row in rows.values()]).astype(float) for rows in made.values())
    print(f"largest difference of a number: {np.abs(ours - theirs).max():.1e}")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="all-MiniLM-L6-v2", help="a folder, or a name in the local cache")
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--paragraphs", type=int, default=8, help="of a document")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=256)
    return parser.parse_args()


if __name__ == "__main__":
    main(options())
