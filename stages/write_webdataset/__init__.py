"""Writes shards in the WebDataset format (tar), ready for webdataset and for Megatron-Energon."""

from __future__ import annotations

import base64
import itertools
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from interloom.pipeline.stage import ShardInfo, Sink
from interloom.pipeline.store import storage
from interloom.schemas.document import Document
from interloom.stages._export.pairs import Pair, left_out, pairs, running_text
from interloom.stages.write_webdataset.energon import Index, write_index, write_meta
from interloom.stages.write_webdataset.packing import joined
from interloom.stages.write_webdataset.sample import Sample, about, element_record, extension_of, key_of, to_json, to_sample
from interloom.stages.write_webdataset.tar import Tar, offsets

Layout = Literal["interleaved", "pairs", "text"]


@dataclass(frozen=True, kw_only=True)
class WriteWebdataset(Sink):
    """Tar shards whose bytes depend on the documents alone, a `.tar.idx` beside each, and `.nv-meta`.

    `layout`: `interleaved` is one sample per document (see `sample.py`); `pairs` one per image, named
    `<key>_<position>`, with its text as `.txt` and its facts as `.json`, as img2dataset does; `text` is `.txt` and `.json`.
    With `join_up_to`, a sample of `interleaved` holds documents of its shard one after the other, with a text `joint` between,
    while they have no more than so many tokens (Multimodal Textbook's "End of Video", arXiv 2501.00958, section 3); its label
    `joined` names them. `sample_index` adds `.nv-meta/index.sqlite`, about 0.5 KB per document: leave it out for hundreds of
    millions.
    """

    to: str = ""
    shard_size_bytes: int = 256 << 20
    layout: Layout = "interleaved"
    sample_index: bool = True
    join_up_to: int | None = None
    joint: str = "End of Video"

    def check(self) -> Iterable[str]:
        if self.shard_size_bytes <= 0:
            yield f"shard_size_bytes: {self.shard_size_bytes} is not positive"
        if self.join_up_to is not None and (self.join_up_to < 1 or self.layout != "interleaved"):
            yield "join_up_to: at least 1, and only with layout interleaved"
        problem = storage.credentials_problem(self.to)
        if problem:
            yield f"to: {problem}"

    def omits(self, doc: Document) -> Iterable[int]:
        return left_out(doc, self.layout)

    def write(self, number: int, docs: Iterable[Document], folder: Path) -> ShardInfo:
        """Writes `shard-<number>.tar` and its `.tar.idx`."""
        name = f"shard-{number:06d}.tar"
        images, count = 0, itertools.count()
        counted = (doc for doc, _ in zip(docs, count, strict=False))
        units = counted if self.join_up_to is None else joined(counted, self.join_up_to, self.joint)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("wb") as file:
            tar = Tar(file)
            for doc in units:
                for sample in _samples(doc, self.layout):
                    tar.add(sample)
                    images += sample.images
            tar.finish()
        (folder / f"{name}.idx").write_bytes(offsets(tar.index, tar.end))
        extra = {"samples": len(tar.index), "index": _packed(tar.index) if self.sample_index else ""}
        return ShardInfo((name, f"{name}.idx"), next(count), images, extra)

    def finish(self, shards: Sequence[ShardInfo], folder: Path) -> Sequence[str]:
        """Writes `.nv-meta`; a shard without samples, which Energon refuses, is not named in it."""
        filled = [shard for shard in shards if shard.extra["samples"]]
        names = write_meta(folder, self.layout, {shard.files[0]: shard.extra["samples"] for shard in filled})
        if self.sample_index:
            names += write_index(folder, (_unpacked(shard.extra["index"]) for shard in filled))
        return names


def _samples(doc: Document, layout: Layout) -> Iterator[Sample]:
    if layout == "interleaved":
        yield to_sample(doc)
    elif layout == "text":
        yield Sample(key_of(doc.id), (("txt", _utf8(running_text(doc))), ("json", to_json(about(doc)))), 0)
    else:
        yield from (_pair(doc, pair) for pair in pairs(doc))


def _pair(doc: Document, pair: Pair) -> Sample:
    image = pair.image
    facts = {**about(doc), "image": element_record(image), "caption": pair.text, "caption_from": pair.origin}
    facts["image"]["member"] = extension_of(image.format)
    content = (facts["image"]["member"], image.data or b"")
    return Sample(f"{key_of(doc.id)}_{image.position}", (content, ("txt", _utf8(pair.text)), ("json", to_json(facts))), 1)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _packed(index: Index) -> str:
    return base64.b85encode(zlib.compress(json.dumps(index, separators=(",", ":")).encode())).decode()


def _unpacked(packed: str) -> Index:
    index: Index = json.loads(zlib.decompress(base64.b85decode(packed)))
    return index
