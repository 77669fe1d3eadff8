"""Kills trainings at random steps and goes on with other numbers of ranks and workers: the sequence must be that of one that was
never stopped.

`python -m benchmarks loader_resume [--trials 20] [--seed 1] [--s3]`. Each trial reads a mixture, packs, both or neither, and
goes through three epochs in some lives. In each life 1, 2, 3 or 8 ranks, processes with 0 to 4 worker processes each, note what
they read and their state after every step, until all are killed with SIGKILL; the next life merges the states of the last step
that all ranks have noted. One source has tar shards, the other Parquet. With `--s3` they lie in a local object store, where one
of 20 requests fails, and the files of the cache are deleted all the time.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks._loader_corpus import write
from benchmarks._object_server import objects_of
from interloom.loader import Access, Cache, Source, StreamingDocuments, merged
from interloom.loader.packing import Packing
from interloom.pipeline.store import storage
from interloom.pipeline.temporary import temporary_folder
from interloom.schemas.document import Document, Text
from interloom.stages._export import row_groups
from interloom.stages.write_parquet import WriteParquet
from interloom.stages.write_webdataset import WriteWebdataset

_BATCH, _STEPS, _LONGEST_LIFE = 24, 36, 14
_FORK = multiprocessing.get_context("fork")
Settings = dict[str, Any]
World = tuple[int, int]
"""Ranks, and workers of each."""


def words(text: str) -> list[int]:
    """A tokenizer."""
    return [len(word) for word in text.split()]


def told(sample: Any) -> Any:
    """What tells samples apart."""
    return [list(pair) for pair in zip(sample.ids, sample.lengths, strict=True)] if hasattr(sample, "ids") else sample.id


def live(rank: int, world: World, settings: Settings, state: dict[str, Any] | None, notes: Path, steps: Sequence[int]) -> None:
    """A rank: reads these steps and notes each."""
    os.setsid()
    warnings.simplefilter("ignore")
    dataset = StreamingDocuments(**settings, batch=_BATCH, epochs=0, rank=rank, ranks=world[0])
    loader = dataset.loader(workers=world[1], collate=lambda samples: [told(sample) for sample in samples])
    if state is not None:
        loader.load_state_dict(state)
    for step, ids in zip(steps, loader, strict=False):
        note = json.dumps({"ids": ids, "state": loader.state_dict()})
        storage.write(str(notes / f"{step}-{rank}.json"), note.encode())
        time.sleep(random.random() * 0.02)


def noted(notes: Path, step: int, ranks: int) -> list[dict[str, Any]] | None:
    """What all ranks noted after a step, if all did."""
    files = [notes / f"{step}-{rank}.json" for rank in range(ranks)]
    return [json.loads(file.read_text()) for file in files] if all(file.exists() for file in files) else None


def life(world: World, settings: Settings, state: dict[str, Any] | None, span: tuple[int, int], notes: Path) -> int:
    """Ranks that begin with step `span[0]` and are killed when some have noted step `span[1]`. Returns the step after the last
    that all have noted."""
    first, until = span
    steps = range(first, _STEPS)
    arguments = [(rank, world, settings, state, notes, steps) for rank in range(world[0])]
    ranks = [_FORK.Process(target=live, args=some) for some in arguments]
    for process in ranks:
        process.start()
    deadline = time.monotonic() + 120
    while any(p.is_alive() for p in ranks) and not list(notes.glob(f"{until}-*.json")) and time.monotonic() < deadline:
        time.sleep(0.005)
    for process in ranks:
        if process.is_alive():
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()
    done = first
    while done < _STEPS and noted(notes, done, world[0]) is not None:
        done += 1
    if time.monotonic() >= deadline or (done == first and until < _STEPS and not list(notes.glob(f"{until}-*.json"))):
        raise RuntimeError(f"{world} did not get on: {settings}")
    return done


def trial(settings: Settings, draw: random.Random, notes: Path) -> tuple[list[World], list[Any]]:
    """Goes through all steps in some lives. Returns their worlds and what was read, in the global order."""
    state, step, worlds, ids = None, 0, list[World](), list[Any]()
    while step < _STEPS:
        world = draw.choice((1, 2, 3, 8)), draw.randrange(5)
        shutil.rmtree(notes, ignore_errors=True)
        notes.mkdir()
        done = life(world, settings, state, (step, min(step + draw.randint(1, _LONGEST_LIFE), _STEPS)), notes)
        for number in range(step, done):
            after = noted(notes, number, world[0]) or []
            ids += [id_ for together in zip(*(note["ids"] for note in after), strict=True) for id_ in together]
            state = merged([note["state"] for note in after])
        step = done
        worlds.append(world)
    return worlds, ids


def kinds(tar: str, parquet: str, access: Access) -> dict[str, Settings]:
    """One source, tar or Parquet, a mixture of both, packed samples, and a packed mixture."""
    mixture = {"mixture": (Source(url=tar, weight=2), Source(url=parquet, weight=1, cap=90)), "access": access}
    packing = {"packing": Packing(tokenizer=words, length=300, strands=4)}
    source = {"url": tar, "access": access}
    return {
        "tar": source,
        "parquet": {"url": parquet, "access": access},
        "mixture": mixture,
        "packed": {**source, **packing},
        "packed mixture": {**mixture, **packing},
    }


@contextmanager
def deleted_all_the_time(folder: Path) -> Iterator[None]:
    """Deletes the files of a folder again and again, in a process."""

    def delete() -> None:
        while True:
            for file in folder.glob("*"):
                file.unlink(missing_ok=True)
            time.sleep(0.05)

    process = _FORK.Process(target=delete)
    process.start()
    yield
    process.kill()
    process.join()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--s3", action="store_true")
    options = parser.parse_args()
    importlib.import_module("torch.utils.data")  # once, before ranks are forked
    draw = random.Random(options.seed)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    warnings.simplefilter("ignore")
    with temporary_folder() as name:
        root = Path(name)
        row_groups.ROW_GROUP_BYTES = 8000  # some row groups in each file
        for part, count, sink in (("tar", 290, WriteWebdataset()), ("parquet", 150, WriteParquet())):
            write(root / "shards" / part, map(partial(document, part), range(count)), 23, sink)
        if not options.s3:
            place = str(root / "shards")
            trials(kinds(f"{place}/tar", f"{place}/parquet", Access()), draw, options.trials, root / "notes")
            return
        logging.getLogger("interloom.loader").setLevel(logging.ERROR)  # a copy that is deleted while it is made is a warning
        access = Access(cache=Cache(folder=str(root / "cache")))
        with objects_of(root / "shards") as place, deleted_all_the_time(root / "cache"):
            trials(kinds(f"{place}/tar", f"{place}/parquet", access), draw, options.trials, root / "notes")


def document(part: str, number: int) -> Document:
    """A document of 1 to 220 words."""
    return Document(id=f"{part}{number}", elements=(Text(position=0, text="word " * (number * 37 % 220 + 1)),))


def uninterrupted(settings: Settings) -> list[Any]:
    """What one rank without workers reads in one go. Its threads end here: ranks are forked later."""
    samples = iter(StreamingDocuments(**settings, batch=_BATCH, epochs=0))
    return [told(next(samples)) for _ in range(_STEPS * _BATCH)]


def trials(settings: dict[str, Settings], draw: random.Random, count: int, notes: Path) -> None:
    """Prints what each trial gave; ends at the first that differs."""
    for number in range(count):
        kind = list(settings)[number % len(settings)]
        expected = uninterrupted(settings[kind])
        worlds, ids = trial(settings[kind], draw, notes)
        if ids != expected:
            raise SystemExit(f"{kind}: {worlds} read something else than without being killed")
        lives = ", ".join(f"{ranks}x{workers}" for ranks, workers in worlds)
        print(f"{kind:15} {len(ids)} samples equal, {len(worlds) - 1} kills (ranks x workers: {lives})", flush=True)


if __name__ == "__main__":
    main()
