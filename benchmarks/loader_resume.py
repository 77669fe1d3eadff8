"""Kills trainings at random steps and goes on with other numbers of ranks and workers: the sequence must be that of one that was
never stopped.

`python -m benchmarks loader_resume [--trials 20] [--seed 1] [--s3]`. Each trial reads a mixture, packs, both or neither, and
goes through three epochs in some lives. In each life 1, 2, 3 or 8 ranks, processes with 0 to 4 worker processes each, note what
they read and their state after every step, until all are killed with SIGKILL; the next life merges the states of the last step
that all ranks have noted. With `--s3` shards lie in a local S3 server behind a proxy at which one of 20 requests fails, and the
files of the cache are deleted all the time.
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
from pathlib import Path
from typing import Any

from benchmarks._loader_corpus import write
from interloom.loader import Access, Cache, Source, StreamingDocuments, merged
from interloom.loader.packing import Packing
from interloom.pipeline.store import storage
from interloom.pipeline.temporary import temporary_folder
from interloom.schemas.document import Document, Text

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
            ids += [one for together in zip(*(note["ids"] for note in after), strict=True) for one in together]
            state = merged([note["state"] for note in after])
        step = done
        worlds.append(world)
    return worlds, ids


def kinds(first: str, second: str, access: Access) -> dict[str, Settings]:
    """One source, a mixture, packed samples, and a packed mixture."""
    mixture = {"mixture": (Source(url=first, weight=2), Source(url=second, weight=1, cap=90)), "access": access}
    packing = {"packing": Packing(tokenizer=words, length=300, strands=4)}
    one = {"url": first, "access": access}
    return {"one source": one, "mixture": mixture, "packed": {**one, **packing}, "packed mixture": {**mixture, **packing}}


@contextmanager
def store(folders: Sequence[Path]) -> Iterator[list[str]]:
    """The folders in a local S3 server, behind the proxy."""
    import boto3
    from moto.server import ThreadedMotoServer

    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "plugins"))
    from faulty_proxy import faulty

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    os.environ |= {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    boto3.client("s3").create_bucket(Bucket="shards")
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file():
                storage.upload(file, f"s3://shards/{folder.name}/{file.relative_to(folder)}")
    with faulty(endpoint) as url:
        os.environ["AWS_ENDPOINT_URL"] = url
        yield [f"s3://shards/{folder.name}" for folder in folders]
    server.stop()


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
    warnings.simplefilter("ignore")
    with temporary_folder() as name:
        root = Path(name)
        for part, count in (("a", 290), ("b", 150)):
            docs = [
                Document(id=f"{part}{n}", elements=(Text(position=0, text="word " * (n * 37 % 220 + 1)),)) for n in range(count)
            ]
            write(root / part, docs, 23)
        places, access = [str(root / "a"), str(root / "b")], Access()
        if not options.s3:
            trials(kinds(*places, access), draw, options.trials, root / "notes")
            return
        access = Access(cache=Cache(folder=str(root / "cache")))
        with store([root / "a", root / "b"]) as places, deleted_all_the_time(root / "cache"):
            trials(kinds(*places, access), draw, options.trials, root / "notes")


def trials(settings: dict[str, Settings], draw: random.Random, count: int, notes: Path) -> None:
    """Prints what each trial gave; ends at the first that differs."""
    for number in range(count):
        kind = list(settings)[number % len(settings)]
        whole = StreamingDocuments(**settings[kind], batch=_BATCH, epochs=0)
        samples = zip(range(_STEPS * _BATCH), whole, strict=False)
        expected = [told(sample) for _, sample in samples]
        worlds, ids = trial(settings[kind], draw, notes)
        if ids != expected:
            raise SystemExit(f"{kind}: {worlds} read something else than without being killed")
        lives = ", ".join(f"{ranks}x{workers}" for ranks, workers in worlds)
        print(f"{kind:15} {len(ids)} samples equal, {len(worlds) - 1} kills (ranks x workers: {lives})", flush=True)


if __name__ == "__main__":
    main()
