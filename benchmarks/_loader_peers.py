"""Reads the shards of `benchmarks.loader` once, in the way that is named: `FOLDER WAY`. Prints JSON: samples, bytes, seconds.

A sample counts when its JSON is parsed and its bytes are in memory. It runs in the environment of the loader that it measures,
and imports nothing of Interloom but for that loader.
"""

from __future__ import annotations

import json
import sys
import tarfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SHARDS, MDS = "shards", "mds"


def read_files(folder: Path) -> Iterator[int]:
    """The files, read whole: the bound of everything else. It yields the bytes of each."""
    for tar in sorted((folder / SHARDS).glob("*.tar")):
        yield len(tar.read_bytes())


def bare_tar(folder: Path) -> Iterator[int]:
    """Python's tarfile, grouped by key."""
    for path in sorted((folder / SHARDS).glob("*.tar")):
        with tarfile.open(path) as tar:
            total, seen = 0, ""
            for member in tar:
                key, _, suffix = member.name.partition(".")
                if seen and key != seen:
                    yield total
                    total = 0
                seen = key
                data = tar.extractfile(member).read()  # type: ignore[union-attr]
                total += len(data)
                if suffix == "json":
                    json.loads(data)
            yield total


def interloom(folder: Path, shuffle: bool = True) -> Iterator[int]:
    """Our loader, shuffled and resumable."""
    from interloom.loader import StreamingDocuments

    for sample in StreamingDocuments(str(folder / SHARDS), shuffle=shuffle):
        yield sum(map(len, sample.members.values()))


def interloom_ordered(folder: Path) -> Iterator[int]:
    """Our loader in the order of the shards."""
    return interloom(folder, shuffle=False)


def webdataset(folder: Path, shuffle: int = 0) -> Iterator[int]:
    """webdataset without shuffling."""
    import webdataset as wds

    paths = sorted(map(str, (folder / SHARDS).glob("*.tar")))
    data: Any = wds.WebDataset(paths, shardshuffle=len(paths) if shuffle else False, empty_check=False)
    for sample in data.shuffle(shuffle) if shuffle else data:
        json.loads(sample["json"])
        yield sum(len(value) for value in sample.values() if isinstance(value, bytes))


def webdataset_shuffled(folder: Path) -> Iterator[int]:
    """webdataset with a buffer of 1,000 samples."""
    return webdataset(folder, 1000)


def write_mds(folder: Path) -> Iterator[int]:
    """Converts the shards to MosaicML's format: a column for the JSON and one for each picture."""
    from streaming import MDSWriter

    columns = {"json": "bytes", "a": "bytes", "b": "bytes"}
    with MDSWriter(out=str(folder / MDS), columns=columns, size_limit=1 << 26) as out:
        for path in sorted((folder / SHARDS).glob("*.tar")):
            with tarfile.open(path) as tar:
                members = [tar.extractfile(member).read() for member in tar]  # type: ignore[union-attr]
            for first in range(0, len(members), 3):
                out.write(dict(zip(columns, members[first : first + 3], strict=True)))
                yield 0


def mds(folder: Path) -> Iterator[int]:
    """MosaicML Streaming, shuffled (its default, py1e)."""
    from streaming import StreamingDataset

    for sample in StreamingDataset(local=str(folder / MDS), shuffle=True, batch_size=1):
        json.loads(sample["json"])
        yield sum(map(len, sample.values()))


def energon(folder: Path) -> Iterator[int]:
    """Megatron-Energon, shuffled, pictures as bytes."""
    from megatron.energon import DefaultTaskEncoder, WorkerConfig, get_loader, get_train_dataset
    from megatron.energon.flavors.webdataset import default_decoder  # type: ignore[attr-defined]  # noqa: F401

    worker = WorkerConfig(rank=0, world_size=1, num_workers=0)
    dataset = get_train_dataset(
        str(folder / SHARDS), worker_config=worker, batch_size=None, shuffle_buffer_size=1000, max_samples_per_sequence=100,
        task_encoder=DefaultTaskEncoder(), repeat=False,
    )  # fmt: skip
    for sample in get_loader(dataset):
        yield sum(len(part) for part in sample.sequence)


WAYS: dict[str, Callable[[Path], Iterator[int]]] = {
    way.__name__: way
    for way in (
        read_files, bare_tar, interloom, interloom_ordered, webdataset, webdataset_shuffled, write_mds, mds, energon,
    )
}  # fmt: skip


def main() -> None:
    warnings.simplefilter("ignore")
    folder, way = Path(sys.argv[1]), WAYS[sys.argv[2]]
    started, cpu = time.perf_counter(), time.process_time()
    sizes = list(way(folder))
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    print(json.dumps({"samples": len(sizes), "bytes": sum(sizes), "seconds": seconds, "cpu_s": cpu_s}))


if __name__ == "__main__":
    main()
