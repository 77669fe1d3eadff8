"""What tests of the loader make: folders of shards, as a sink and its manifest write them."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from faulty_proxy import faulty
from PIL import Image as Picture

from interloom.loader import StreamingDocuments, merged
from interloom.loader.steps import for_worker
from interloom.pipeline.stage import Sink
from interloom.pipeline.store import storage
from interloom.pipeline.store.shards import WrittenShard, described
from interloom.schemas.document import Document, Image, Source, Text
from interloom.schemas.shard_index import SHARDS, pack_shards
from interloom.stages.write_webdataset import WriteWebdataset


def jpeg(shade: int, size: tuple[int, int] = (8, 6)) -> bytes:
    file = io.BytesIO()
    Picture.new("RGB", size, (shade % 256, shade % 256, shade % 256)).save(file, "jpeg")
    return file.getvalue()


def page(id_: str, words: int = 3, shade: int = 0) -> Document:
    """A text of so many words, an image with a caption, a last text."""
    return Document(
        id=id_,
        source=Source(url=f"https://{id_}.example/page"),
        elements=(
            Text(position=0, text=" ".join(["word"] * words)),
            Image(position=1, format="jpeg", data=jpeg(shade), scores={"clip": 0.3}),
            Text(position=2, text=f"caption of {id_}", role="caption", origin="caption", of=1),
            Text(position=3, text="the end"),
        ),
    )


def write(folder: Path, docs: Sequence[Document], per_shard: int, sink: Sink | None = None) -> str:
    """Writes the documents as shards of so many, with the index; the folder."""
    sink, shards = sink or WriteWebdataset(sample_index=False), []
    for number, first in enumerate(range(0, max(len(docs), 1), per_shard)):
        info = sink.write(number, docs[first : first + per_shard], folder)
        files = tuple(described(folder / name, name) for name in info.files)
        shards.append(WrittenShard(files, info.documents, info.images, info.extra))
    sink.finish([shard.info() for shard in shards], folder)
    manifest = {"shards": [{"files": [asdict(file) for file in shard.files], "documents": shard.documents} for shard in shards]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / SHARDS).write_bytes(pack_shards([shard.entry() for shard in shards]))
    return str(folder)


@pytest.fixture
def corpus(tmp_path: Path) -> Callable[..., str]:
    """Writes documents `<name>0`, `<name>1`, ... into shards; their folder."""

    def make(count: int = 40, name: str = "d", per_shard: int = 7) -> str:
        return write(tmp_path / name, [page(f"{name}{n}", 1 + n * 7 % 11, n) for n in range(count)], per_shard)

    return make


@dataclass(frozen=True)
class Training:
    """Ranks with workers that read batches of 24, one rank after the other in this process."""

    ranks: int
    workers: int
    settings: dict[str, Any]

    def run(self, steps: int, state: dict[str, Any] | None = None) -> tuple[list[Any], dict[str, Any]]:
        """What all ranks read in so many steps, in the global order, and the state after them."""
        of_ranks, states = [], []
        for rank in range(self.ranks):
            samples, after = self._rank(rank, steps, state)
            of_ranks.append(samples)
            states += after
        return [told(sample) for together in zip(*of_ranks, strict=True) for sample in together], merged(states)

    def _rank(self, rank: int, steps: int, state: dict[str, Any] | None) -> tuple[list[Any], list[dict[str, Any]]]:
        dataset = StreamingDocuments(**{"batch": 24, **self.settings}, rank=rank, ranks=self.ranks)
        if state is not None:
            dataset.load_state_dict(state)
        count = max(self.workers, 1)
        shares = [replace(dataset.share, worker=worker, workers=count) for worker in range(count)]
        states = [for_worker(dataset.state, share) for share in shares]
        workers, samples = [dataset.steps(dataset.state, share) for share in shares], list[Any]()
        for number in range(steps * 24 // self.ranks // dataset.share.micro):  # as a DataLoader takes micro-batches
            step = next(workers[number % count], None)
            if step is None:
                break
            samples += step.samples
            states[number % count] = step.own
        return samples, [own.to_dict() for own in states]


def told(sample: Any) -> Any:
    """What tells samples apart: the id, or of a packed sample the pieces."""
    return tuple(zip(sample.ids, sample.lengths, strict=True)) if hasattr(sample, "ids") else sample.id


@pytest.fixture
def training() -> type[Training]:
    """Makes a Training of ranks, workers and settings of StreamingDocuments."""
    return Training


@pytest.fixture
def folder_of() -> Callable[..., str]:
    """Writes documents as shards of so many, with the index; the folder."""
    return write


@pytest.fixture
def page_of() -> Callable[..., Document]:
    """Makes a page of an id, a number of words and the shade of its picture."""
    return page


@pytest.fixture
def faulty_s3(s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The bucket of `s3`, behind a proxy at which one of 20 requests fails."""
    with faulty(os.environ["AWS_ENDPOINT_URL"]) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield s3


@pytest.fixture
def upload() -> Callable[[str, str], str]:
    """Copies a folder to a place in a store; the place."""

    def copied(folder: str, place: str) -> str:
        for file in Path(folder).rglob("*"):
            if file.is_file():
                storage.upload(file, f"{place}/{file.relative_to(folder)}")
        return place

    return copied
