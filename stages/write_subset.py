"""Writes which documents are left, as DataComp's subset files."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from interloom.pipeline.card_parts import CardParts
from interloom.pipeline.stage import ShardInfo, Sink
from interloom.schemas.document import Document, Image
from interloom.stages._export.checks import sink_problems
from interloom.stages._export.snippets import SUBSET_SNIPPETS

_UID = re.compile("[0-9a-f]{32}")
_DTYPE = np.dtype("u8,u8")
_WHOLE = "subset.npy"
_HOLD = {"f0, f1": "the upper and the lower 64 bits of the id of a document"}

Uids = npt.NDArray[Any]
"""Pairs of 64 bits, the upper ones first."""


@dataclass(frozen=True, kw_only=True)
class WriteSubset(Sink):
    """Writes the 128-bit ids of the documents, sorted, in numpy's format: what DataComp (arXiv 2304.14108) calls a subset file.

    `subset.npy` has all of them, as pairs of 64 bits (dtype `u8,u8`), which DataComp's resharder takes; the shards beside it have
    a share each. An id is that of the input, as DataComp's metadata give it, or, where that is not 32 hexadecimal digits, the
    first 128 bits of the sha256 of the document's id. Images and texts are not written. While the manifest is written 24 bytes
    of memory are held for each document.

    Parameters:
        to: The folder of the shards, local or `s3://`. Default: a folder in that of the run.
        label: The label with the id of the input. Default "source_id", which sources give.
        shard_size_bytes: Size of the texts of a shard's documents. Bytes. Default 1 GiB, our choice.
    """

    wants_media: ClassVar[bool] = False

    to: str = ""
    label: str = "source_id"
    shard_size_bytes: int = 1 << 30

    def check(self) -> Iterable[str]:
        return sink_problems(self.to, self.shard_size_bytes)

    def holds_images(self) -> bool:
        return False

    def omits(self, doc: Document) -> Iterable[int]:
        return [image.position for image in doc.images]

    def omits_texts(self, doc: Document) -> Iterable[int]:
        return [element.position for element in doc.elements if not isinstance(element, Image)]

    def write(self, number: int, docs: Iterable[Document], folder: Path) -> ShardInfo:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"subset-{number:06d}.npy"
        uids = _sorted(np.array([_halves(self._uid(doc)) for doc in docs], _DTYPE))
        np.save(folder / name, uids)
        return ShardInfo((name,), len(uids), 0, {"uids": base64.b64encode(uids.tobytes()).decode()})

    def _uid(self, doc: Document) -> str:
        given = doc.labels.get(self.label, "").lower()
        return given if _UID.fullmatch(given) else hashlib.sha256(doc.id.encode()).hexdigest()[:32]

    def finish(self, shards: Sequence[ShardInfo], folder: Path) -> Sequence[str]:
        """Writes `subset.npy`."""
        np.save(folder / _WHOLE, _sorted(np.concatenate([np.empty(0, _DTYPE), *_parts(shards)])))
        return (_WHOLE,)

    def card(self, shards: Sequence[ShardInfo]) -> CardParts:
        return CardParts(kind="ids", data_files=_WHOLE, columns=_HOLD, snippets=SUBSET_SNIPPETS)


def _halves(uid: str) -> tuple[int, int]:
    return int(uid[:16], 16), int(uid[16:], 16)


def _parts(shards: Sequence[ShardInfo]) -> Iterator[Uids]:
    for shard in shards:
        yield np.frombuffer(base64.b64decode(shard.extra["uids"]), _DTYPE)


def _sorted(uids: Uids) -> Uids:
    """By the upper and then the lower bits; numpy sorts pairs as they stand many times slower."""
    in_order: Uids = uids[np.lexsort((uids["f1"], uids["f0"]))]
    return in_order
