"""Writes documents in the formats in which others publish theirs, so that what reads those reads ours."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from interloom.pipeline.card_parts import CardParts
from interloom.pipeline.contents import IMAGE_BYTES, IMAGES, Need
from interloom.pipeline.stage import ShardInfo, Sink
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop
from interloom.stages._export.checks import captions_problems, sink_problems
from interloom.stages._export.pairs import Captions, no_pairs
from interloom.stages._formats.data_juicer import write as data_juicer
from interloom.stages._formats.datacomp import write as datacomp
from interloom.stages._formats.img2dataset import write as img2dataset
from interloom.stages._formats.mds import write as mds
from interloom.stages._formats.mint_html import write as mint_html
from interloom.stages._formats.mmc4 import write as mmc4
from interloom.stages._formats.names import PublishedName
from interloom.stages._formats.nemo_curator import write as nemo_curator
from interloom.stages._formats.obelics import write as obelics
from interloom.stages._formats.omnicorpus import write as omnicorpus
from interloom.stages._formats.pin import write as pin
from interloom.stages._formats.realsyn import write as realsyn
from interloom.stages._formats.row_export import Export
from interloom.stages._formats.textbook import write as textbook

EXPORTS: Mapping[PublishedName, Export] = {
    "obelics": obelics.EXPORT,
    "omnicorpus": omnicorpus.EXPORT,
    "mmc4": mmc4.EXPORT,
    "mint_html": mint_html.EXPORT,
    "pin": pin.EXPORT,
    "textbook": textbook.EXPORT,
    "realsyn": realsyn.EXPORT,
    "img2dataset": img2dataset.EXPORT,
    "datacomp": datacomp.EXPORT,
    "nemo_curator": nemo_curator.EXPORT,
    "data_juicer": data_juicer.EXPORT,
    "mds": mds.EXPORT,
}
_NEEDS: Mapping[str, tuple[Need, ...]] = {
    "img2dataset": (IMAGE_BYTES,),
    "datacomp": (IMAGES,),
    "realsyn": (IMAGES,),
    "textbook": (IMAGE_BYTES,),
}

_EACH_CAPTION: Mapping[str, Export] = {"img2dataset": img2dataset.EACH_CAPTION, "datacomp": datacomp.EACH_CAPTION}
"""Formats with a pair for each caption."""
_PAIRS = ("realsyn", "img2dataset", "datacomp")
"""Formats with a row for each image."""


@dataclass(frozen=True, kw_only=True)
class WriteDocuments(Sink):
    """Writes documents in a published format. What a format has no place for is left out: see `docs/formats.md`.

    Images that it has no place for are dropped as `not_written`: those without a URL in formats of URLs, those without bytes in
    formats of files, those without a text in formats of pairs. A document without a pair is dropped there as `no_pairs`.

    Parameters:
        format: "obelics", "omnicorpus", "mint_html", "realsyn", "nemo_curator" and "datacomp" are Parquet files in the folder
            `data`, "mmc4", "pin" and "data_juicer" JSON lines, "textbook" JSON arrays, "img2dataset" tar files, and "mds" shards
            of MosaicML Streaming.
        captions: What becomes of several captions of an image in "img2dataset" and "datacomp". "joined": they are the lines of
            one text. "each": each different one is a pair. Default "joined", our choice.
        to: The folder of the shards, local or `s3://`. Default: a folder in that of the run.
        shard_size_bytes: Size of a shard. Bytes, with images, also where a format leaves them out. Default 256 MiB, our choice.
    """

    causes: ClassVar[Mapping[str, str | None]] = {
        "not_written": "the format needs a URL, bytes or a text of them that they do not have; see docs/formats.md",
        "no_pairs": "none of their images has what the format needs: a URL or bytes, and a text; see docs/formats.md",
    }

    format: PublishedName
    captions: Captions = "joined"
    to: str = ""
    shard_size_bytes: int = 256 << 20

    def needs(self) -> Iterable[Need]:
        return _NEEDS.get(self.format, ())

    def check(self) -> Iterable[str]:
        if self.format == "mds" and importlib.util.find_spec("streaming") is None:
            yield 'format: mds needs mosaicml-streaming: pip install "interloom[mds]"'
        yield from captions_problems(self.captions, self.format in _EACH_CAPTION, "format img2dataset or datacomp")
        yield from sink_problems(self.to, self.shard_size_bytes)

    def omits(self, doc: Document) -> Iterable[int]:
        return self._export().lacks(doc)

    def omits_texts(self, doc: Document) -> Iterable[int]:
        return self._export().lacks_texts(doc)

    def rejects(self, doc: Document, omitted: Iterable[int]) -> Drop | None:
        return no_pairs(doc, omitted) if self.format in _PAIRS else None

    def write(self, number: int, docs: Iterable[Document], folder: Path) -> ShardInfo:
        return self._export().write(number, docs, folder)

    def finish(self, shards: Sequence[ShardInfo], folder: Path) -> Sequence[str]:
        return self._export().finish(shards, folder)

    def card(self, shards: Sequence[ShardInfo]) -> CardParts:
        return self._export().card(shards)

    def _export(self) -> Export:
        return _EACH_CAPTION[self.format] if self.captions == "each" else EXPORTS[self.format]
