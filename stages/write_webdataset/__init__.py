"""Writes shards in the WebDataset format (tar), ready for webdataset and for Megatron-Energon."""

from __future__ import annotations

import base64
import itertools
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from interloom.pipeline.card_parts import CardParts
from interloom.pipeline.contents import IMAGE_BYTES, TEXT, Need
from interloom.pipeline.stage import ShardInfo, Sink
from interloom.schemas.document import Clip, Document
from interloom.schemas.outcome import Drop
from interloom.schemas.sample_index import Checked, pack_rows, rows_name
from interloom.schemas.split_buckets import Buckets, buckets_of, histogram
from interloom.stages._export.checks import captions_problems, sink_problems
from interloom.stages._export.pairs import Captions, no_pairs, omitted_images, omitted_texts
from interloom.stages._export.tar import Tar, offset_index
from interloom.stages.write_webdataset import card
from interloom.stages.write_webdataset.energon import Index, write_index, write_meta
from interloom.stages.write_webdataset.layouts import Layout, samples
from interloom.stages.write_webdataset.packing import joined_documents, pack


@dataclass(frozen=True, kw_only=True)
class WriteWebdataset(Sink):
    """Writes shards as tar files in the WebDataset format, with the indexes of Megatron-Energon.

    The bytes of a shard depend only on its documents. Beside each shard lies a `.tar.idx`, beside all shards the folders
    `.nv-meta` and `.index` (for `interloom.loader`). `schemas/sample_members.py` documents the sample of a document.

    Parameters:
        to: The folder of the shards, local or `s3://`. Default: a folder in that of the run.
        shard_size_bytes: Size of a shard. Bytes. Default 256 MiB, our choice.
        layout: "interleaved": one sample per document; "pairs": one per image with a text, named `<key>_<position>`, with the
            text as `.txt` and its other facts as `.json`, as img2dataset does; "text": one per
            document, its running text as `.txt` and its other facts as `.json`; "flat": one per document, whose members have the
            same names in all samples, as Hugging Face `datasets` wants them (`write_webdataset/layouts.py`), without clips.
            Default "interleaved".
        captions: What becomes of several captions of an image in layout "pairs". "joined": they are the lines of one text.
            "each": each different one is a sample, named `<key>_<position>-<position of the caption>`. Default "joined", our
            choice.
        sample_index: Whether `.nv-meta/index.sqlite` is written, about 0.5 KB per document; turn it off for hundreds of
            millions of documents. Default true.
        pack_tokens: Short documents of a shard are packed into one sample of up to this many tokens, whose label `joined`
            names them; only with layout "interleaved". Tokens; null is off. Default null.
        separator: The text between packed documents. Default "End of Video" (Multimodal Textbook, arXiv 2501.00958,
            section 3).
    """

    renamed: ClassVar[Mapping[str, str]] = {"join_up_to": "pack_tokens", "joint": "separator"}
    causes: ClassVar[Mapping[str, str | None]] = {
        "not_written": "they have no bytes (see stages.fetch_images), or layout pairs has no text for them",
        "no_pairs": "none of their images has bytes (see stages.fetch_images) and a text",
    }

    to: str = ""
    shard_size_bytes: int = 256 << 20
    layout: Layout = "interleaved"
    captions: Captions = "joined"
    sample_index: bool = True
    pack_tokens: int | None = None
    separator: str = "End of Video"

    def needs(self) -> Iterable[Need]:
        return {"pairs": (IMAGE_BYTES,), "text": (TEXT,)}.get(self.layout, ())

    def check(self) -> Iterable[str]:
        if self.pack_tokens is not None and (self.pack_tokens < 1 or self.layout != "interleaved"):
            yield "pack_tokens: must be at least 1, and needs layout 'interleaved'"
        yield from captions_problems(self.captions, self.layout == "pairs", "layout 'pairs'")
        yield from sink_problems(self.to, self.shard_size_bytes)

    def holds_images(self) -> bool:
        return self.layout != "text"

    def omits(self, doc: Document) -> Iterable[int]:
        return omitted_images(doc, "interleaved" if self.layout == "flat" else self.layout)

    def omits_texts(self, doc: Document) -> Iterable[int]:
        if self.layout == "flat":
            return [element.position for element in doc.elements if isinstance(element, Clip)]
        return omitted_texts(doc, self.layout, self.captions)

    def rejects(self, doc: Document, omitted: Iterable[int]) -> Drop | None:
        return no_pairs(doc, omitted) if self.layout == "pairs" else None

    def write(self, number: int, docs: Iterable[Document], folder: Path) -> ShardInfo:
        """Writes `shard-<number>.tar`, its `.tar.idx`, and what the loader needs to know of its samples."""
        name = f"shard-{number:06d}.tar"
        images, count, buckets = 0, itertools.count(), list[Buckets]()
        counted = (doc for doc, _ in zip(docs, count, strict=False))
        packed = counted if self.pack_tokens is None else pack(counted, self.pack_tokens, self.separator)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("wb") as file:
            tar = Tar(file)
            for doc in packed:
                own = buckets_of(doc, joined_documents(doc) if self.pack_tokens else ())
                for sample in samples(doc, self.layout, self.captions):
                    tar.add(sample)
                    images += sample.images
                    buckets.append(own)
            tar.finish()
        (folder / f"{name}.idx").write_bytes(offset_index(tar.index, tar.end))
        rows = folder / rows_name(name)
        rows.parent.mkdir(exist_ok=True)
        members = [[(suffix, size) for suffix, _, size in sample[3]] for sample in tar.index]
        rows.write_bytes(pack_rows(members, buckets, Checked((name, (folder / name).stat().st_size), tar.checks)))
        index = _compress_index(tar.index) if self.sample_index else ""
        suffixes = sorted({suffix for sample in tar.index for suffix, _, _ in sample[3]}) if self.layout == "pairs" else []
        extra = {"samples": len(tar.index), "index": index, "buckets": histogram(buckets), "suffixes": suffixes}
        return ShardInfo((name, f"{name}.idx", rows_name(name)), next(count), images, extra)

    def finish(self, shards: Sequence[ShardInfo], folder: Path) -> Sequence[str]:
        """Writes `.nv-meta`, but not for the layout "flat", of which Energon makes no samples. It does not name shards without
        samples, because Energon refuses them."""
        if self.layout == "flat":
            return ()
        filled = [shard for shard in shards if shard.extra["samples"]]
        names = write_meta(folder, self.layout, {shard.files[0]: shard.extra["samples"] for shard in filled})
        if self.sample_index:
            names += write_index(folder, (_decompress_index(shard.extra["index"]) for shard in filled))
        return names

    def card(self, shards: Sequence[ShardInfo]) -> CardParts:
        return card.parts(self.layout, {suffix for shard in shards for suffix in shard.extra["suffixes"]})


def _compress_index(index: Index) -> str:
    """Compresses the index of a shard to text, so that it fits into the shard's commit (JSON)."""
    return base64.b85encode(zlib.compress(json.dumps(index, separators=(",", ":")).encode())).decode()


def _decompress_index(compressed: str) -> Index:
    index: Index = json.loads(zlib.decompress(base64.b85decode(compressed)))
    return index
