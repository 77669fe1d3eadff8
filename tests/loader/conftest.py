"""What tests of the loader make: folders of shards, as a sink and its manifest write them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image as Picture

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


def write(folder: Path, docs: Sequence[Document], per_shard: int, sink: WriteWebdataset | None = None) -> str:
    """Writes the documents as shards of so many, with the index; the folder."""
    sink, shards = sink or WriteWebdataset(sample_index=False), []
    for number, first in enumerate(range(0, max(len(docs), 1), per_shard)):
        info = sink.write(number, docs[first : first + per_shard], folder)
        files = tuple(described(folder / name, name) for name in info.files)
        shards.append(WrittenShard(files, info.documents, info.images, info.extra))
    sink.finish([shard.info() for shard in shards], folder)
    (folder / SHARDS).write_bytes(pack_shards([shard.entry() for shard in shards]))
    return str(folder)


@pytest.fixture
def corpus(tmp_path: Path) -> Callable[..., str]:
    """Writes documents `<name>0`, `<name>1`, ... into shards; their folder."""

    def make(count: int = 40, name: str = "d", per_shard: int = 7) -> str:
        return write(tmp_path / name, [page(f"{name}{n}", 1 + n * 7 % 11, n) for n in range(count)], per_shard)

    return make
