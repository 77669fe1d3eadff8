"""Reads the shards of `benchmarks.loader` once, in the way that is named: `FOLDER WAY`. Prints JSON: samples, bytes, seconds.

A sample counts when its JSON is parsed and its bytes are in memory. What opens a dataset is not measured: a way opens it and
returns an iterator that has not begun; processor time is that of all threads. It runs in the environment of the loader that it
measures, and imports nothing of Interloom but for that loader.
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

SHARDS, PARQUET, MDS = "shards", "parquet", "mds"
DRAFT = 224
"""The size that pictures are asked for in draft mode. Pixels: that of CLIP."""


def read_files(folder: Path) -> Iterator[int]:
    """The files, read whole: the bound of everything else. It yields the bytes of each."""
    return (len(path.read_bytes()) for path in _tars(folder))


def bare_tar(folder: Path) -> Iterator[int]:
    """Python's tarfile, grouped by key."""
    return (size for path in _tars(folder) for size in _samples_of_tar(path))


def _tars(folder: Path) -> list[Path]:
    return sorted((folder / SHARDS).glob("*.tar"))


def _samples_of_tar(path: Path) -> Iterator[int]:
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


def interloom(folder: Path, part: str = SHARDS, shuffle: bool = True) -> Iterator[int]:
    """Our loader, shuffled and resumable."""
    from interloom.loader import StreamingDocuments

    dataset = StreamingDocuments(folder / part, shuffle=shuffle)
    return (sum(map(len, sample.members.values())) for sample in dataset)


def interloom_ordered(folder: Path) -> Iterator[int]:
    """Our loader in the order of the shards."""
    return interloom(folder, shuffle=False)


def interloom_parquet(folder: Path) -> Iterator[int]:
    """Our loader, shuffled and resumable, from Parquet shards."""
    return interloom(folder, PARQUET)


def bare_decode(folder: Path, draft: int | None = None, convert: bool = False) -> Iterator[int]:
    """The pictures, which are in memory, decoded by PIL; those of a document are held together. It yields their number."""
    from PIL import Image

    pictures = []
    for path in _tars(folder):
        with tarfile.open(path) as tar:
            pictures += [tar.extractfile(m).read() for m in tar if m.name.endswith(".jpg")]  # type: ignore[union-attr]

    def decoded(data: bytes) -> Any:
        with io.BytesIO(data) as stream:
            picture = Image.open(stream)
            if draft is not None:
                picture.draft("RGB", (draft, draft))
            picture.load()
            return picture.convert("RGB") if convert else picture

    documents = ([decoded(pictures[n]), decoded(pictures[n + 1])] for n in range(0, len(pictures), 2))
    return (len(document) for document in documents)


def bare_converted(folder: Path) -> Iterator[int]:
    """The same with a conversion to RGB, as webdataset decodes pictures."""
    return bare_decode(folder, convert=True)


def bare_draft(folder: Path) -> Iterator[int]:
    """The first in draft mode."""
    return bare_decode(folder, DRAFT)


def interloom_decode(folder: Path, draft: int | None = None) -> Iterator[int]:
    """Our loader, shuffled and resumable, with pictures decoded by PIL."""
    from interloom.loader import StreamingDocuments
    from interloom.loader.pictures import Pictures
    from interloom.loader.views import Interleaved

    dataset = StreamingDocuments(folder / SHARDS, view=Interleaved(pictures=Pictures(draft=draft)))
    return (sum(not isinstance(part, str) for part in document.parts) for document in dataset)


def interloom_draft(folder: Path) -> Iterator[int]:
    """The same in draft mode."""
    return interloom_decode(folder, DRAFT)


def webdataset(folder: Path, shuffle: int = 0) -> Iterator[int]:
    """webdataset without shuffling."""
    import webdataset as wds

    paths = list(map(str, _tars(folder)))
    data: Any = wds.WebDataset(paths, shardshuffle=len(paths) if shuffle else False, empty_check=False)
    return (_webdataset_bytes(sample) for sample in (data.shuffle(shuffle) if shuffle else data))


def _webdataset_bytes(sample: dict[str, Any]) -> int:
    json.loads(sample["json"])
    return sum(len(value) for value in sample.values() if isinstance(value, bytes))


def webdataset_shuffled(folder: Path) -> Iterator[int]:
    """webdataset with a buffer of 1,000 samples."""
    return webdataset(folder, 1000)


def write_mds(folder: Path) -> Iterator[int]:
    """Converts the shards to MosaicML's format: a column for the JSON and one for each picture."""
    from streaming import MDSWriter

    columns = {"json": "bytes", "a": "bytes", "b": "bytes"}
    with MDSWriter(out=str(folder / MDS), columns=columns, size_limit=1 << 26) as out:
        for path in _tars(folder):
            with tarfile.open(path) as tar:
                members = [tar.extractfile(member).read() for member in tar]  # type: ignore[union-attr]
            for first in range(0, len(members), 3):
                out.write(dict(zip(columns, members[first : first + 3], strict=True)))
    return iter(())


def mds(folder: Path) -> Iterator[int]:
    """MosaicML Streaming, shuffled (its default, py1e)."""
    return map(_mds_bytes, _mds_dataset(folder, shuffle=True))


def mds_by_number(folder: Path) -> Iterator[int]:
    """MosaicML Streaming, by the numbers of samples in order, without its threads."""
    dataset = _mds_dataset(folder, shuffle=False)
    return (_mds_bytes(dataset[number]) for number in range(dataset.num_samples))


def _mds_dataset(folder: Path, shuffle: bool) -> Any:
    from streaming import StreamingDataset

    return StreamingDataset(local=str(folder / MDS), remote=None, shuffle=shuffle, batch_size=1)


def _mds_bytes(sample: dict[str, bytes]) -> int:
    json.loads(sample["json"])
    return sum(map(len, sample.values()))


def energon(folder: Path) -> Iterator[int]:
    """Megatron-Energon, shuffled, pictures as bytes."""
    from megatron.energon import DefaultTaskEncoder, WorkerConfig, get_loader, get_train_dataset

    encoder: Any = type("Raw", (DefaultTaskEncoder,), {"decoder": None})
    dataset = get_train_dataset(
        str(folder / SHARDS),
        worker_config=WorkerConfig(rank=0, world_size=1, num_workers=0),
        batch_size=None,
        shuffle_buffer_size=1000,
        max_samples_per_sequence=100,
        task_encoder=encoder(),
        repeat=False,
    )
    loader: Iterable[Any] = get_loader(dataset)
    return (sum(len(part) for part in sample.sequence) for sample in loader)


WAYS: dict[str, Callable[[Path], Iterator[int]]] = {
    way.__name__: way
    for way in (
        read_files, bare_tar, interloom, interloom_ordered, interloom_parquet, webdataset, webdataset_shuffled, write_mds, mds,
        mds_by_number, energon, bare_decode, bare_converted, interloom_decode, bare_draft, interloom_draft,
    )
}  # fmt: skip


def main() -> None:
    warnings.simplefilter("ignore")
    folder, way = Path(sys.argv[1]), WAYS[sys.argv[2]]
    samples = way(folder)
    started, cpu = time.perf_counter(), time.process_time()
    sizes = list(samples)
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    print(json.dumps({"samples": len(sizes), "bytes": sum(sizes), "seconds": seconds, "cpu_s": cpu_s}))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
