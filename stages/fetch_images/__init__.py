"""Gets the bytes of each image: from the same crawl, from `data:` URIs, from a folder, or over HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import pyarrow as pa

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import GlobalStage, Rows
from interloom.pipeline.store import storage
from interloom.schemas.document import Document, Element, Image
from interloom.schemas.outcome import Drop, Dropped, Outcome, Quarantined
from interloom.stages._web.capture import read_capture
from interloom.stages.fetch_images.capture_join import FOUND, SKETCH, join
from interloom.stages.fetch_images.http import Fetcher
from interloom.stages.fetch_images.image_url import decode_data, is_data, keys, normalised, saved_names, shown

_ROWS_PER_SCAN = 4_000_000
_NOT_FOUND = Drop("not_found")
Got = bytes | Drop | DocumentError
"""An image's bytes, why there are none, or what was wrong with them."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What to get: an address and, if the crawl has it, its place there. Equal ones are got once."""

    url: str
    path: str = ""
    offset: int = 0
    length: int = 0


@dataclass(frozen=True, kw_only=True)
class FetchImages(GlobalStage):
    """Each image gets `data` and `sha256`, or goes with the reason of the last source that was asked (`not_found` when
    none had it); broken `data:` URIs and broken records are quarantined. Images that have their bytes are left alone.

    `sources` are asked in this order; the network only when `http` is among them. `folder` is a mirror: `host/path` or
    `path` under it. `max_bytes` holds for all sources. The others are for HTTP: `timeout_s` for an attempt as a whole,
    `retries` after passing faults, `concurrency` threads per worker, `user_agent`, `opt_out` words of `X-Robots-Tag`
    (those of img2dataset), and `allow_private`, which lets pages point us at addresses inside our own network.
    """

    sources: tuple[Literal["crawl", "data", "folder", "http"], ...] = ("crawl", "data")
    folder: str = ""
    timeout_s: float = 10.0
    retries: int = 2
    max_bytes: int = 20 << 20
    concurrency: int = 16
    user_agent: str = "Mozilla/5.0 (compatible; interloom)"
    opt_out: tuple[str, ...] = ("noai", "noimageai", "noindex", "noimageindex")
    allow_private: bool = False

    dear: ClassVar[bool] = True
    side_tables: ClassVar[tuple[str, ...]] = ("captures",)

    def check(self) -> Iterator[str]:
        if not self.sources:
            yield "sources: none given; name some of crawl, data, folder, http"
        if ("folder" in self.sources) != bool(self.folder):
            yield "folder: give it, and name `folder` among the sources, or neither"
        elif self.folder and not storage.is_remote(self.folder) and not storage.exists(self.folder):
            yield f"folder: {self.folder} does not exist"
        if min(self.timeout_s, self.max_bytes, self.concurrency) <= 0 or self.retries < 0:
            yield "timeout_s, max_bytes and concurrency must be above 0, retries at least 0"

    def inputs(self) -> Iterator[str]:
        yield from [self.folder] if self.folder else ()

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        wanted = [(doc.id, image) for doc in docs for image in doc.images if _is_wanted(image) and not is_data(image.url)]
        urls = pa.array([image.url for _, image in wanted], pa.string())
        ids = pa.array([id_ for id_, _ in wanted], pa.string())
        positions = pa.array([image.position for _, image in wanted], pa.int32())
        return pa.Table.from_arrays([ids, positions, pa.array(keys(normalised(urls))), urls], schema=SKETCH)

    def scans(self, rows: int) -> int:
        return max(1, -(-rows // _ROWS_PER_SCAN)) if "crawl" in self.sources else 1

    def scan(self, number: int, of: int, sketches: Rows, sides: Mapping[str, Rows]) -> pa.Table:
        if "crawl" not in self.sources or "captures" not in sides:
            return FOUND.empty_table()
        return join(sketches, sides["captures"], number, of)

    def decide(self, found: Rows) -> pa.Table:
        tables = [table.select(FOUND.names).cast(FOUND) for table in found.read(FOUND.names)]
        order = [(name, "ascending") for name in ("part", "id", "position")]
        return pa.concat_tables(tables).sort_by(order) if tables else FOUND.empty_table()

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        wanted = [_wanted(doc, verdicts.get(doc.id, [])) for doc in docs]
        unique = list(dict.fromkeys(one for each in wanted for one in each.values()))
        with ThreadPoolExecutor(self.concurrency) as pool:
            got = dict(zip(unique, pool.map(self._get, unique), strict=True))
        for doc, each in zip(docs, wanted, strict=True):
            yield from _applied(doc, {position: got[one] for position, one in each.items()})

    def _get(self, wanted: _Wanted) -> Got:
        """Asks the sources in order. A record or file that is there but broken outweighs a later source's shrug."""
        worst: Drop | DocumentError = _NOT_FOUND
        for source in self.sources:
            try:
                got = self._ask(source, wanted)
            except DocumentError as error:
                worst = error
                continue
            if isinstance(got, bytes):
                return got if len(got) <= self.max_bytes else Drop("too_large", len(got), self.max_bytes)
            if got is not None and not isinstance(worst, DocumentError):
                worst = got
        return worst

    def _ask(self, source: str, wanted: _Wanted) -> bytes | Drop | None:
        """What one source has; None when it does not know the image. Raises DocumentError."""
        if source == "crawl" and wanted.path:
            return read_capture(storage.read_range(wanted.path, wanted.offset, wanted.length), self.max_bytes)[1]
        if is_data(wanted.url):
            return decode_data(wanted.url) if source == "data" else None
        if source == "folder":
            return self._saved(wanted.url)
        return self._fetcher.fetch(wanted.url) if source == "http" and wanted.url else None

    def _saved(self, url: str) -> bytes | None:
        for name in saved_names(url):
            try:
                return storage.read(storage.join(self.folder, name))
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                continue
        return None

    @cached_property
    def _fetcher(self) -> Fetcher:
        return Fetcher(
            timeout_s=self.timeout_s,
            retries=self.retries,
            max_bytes=self.max_bytes,
            user_agent=self.user_agent,
            allow_private=self.allow_private,
            opt_out=frozenset(word.lower() for word in self.opt_out),
        )


def _is_wanted(image: Image) -> bool:
    return image.data is None and image.blob is None


def _wanted(doc: Document, rows: list[dict[str, Any]]) -> dict[int, _Wanted]:
    """By position, what to get for this document."""
    places = {row["position"]: (row["path"], row["offset"], row["length"]) for row in rows}
    return {image.position: _Wanted(image.url, *places.get(image.position, ())) for image in doc.images if _is_wanted(image)}


def _applied(doc: Document, got: Mapping[int, Got]) -> Iterator[Outcome]:
    kept: list[Element] = []
    gone = []
    for element in doc.elements:
        if not isinstance(element, Image) or element.position not in got:
            kept.append(element)
            continue
        answer, url = got[element.position], shown(element.url)
        if isinstance(answer, bytes):
            kept.append(replace(element, url=url, data=answer, sha256=hashlib.sha256(answer).hexdigest()))
            continue
        gone.append(element.position)
        yield _left(doc.id, element.position, url, answer)
    yield doc.with_elements(kept).without(gone)


def _left(id_: str, position: int, url: str, why: Drop | DocumentError) -> Outcome:
    if isinstance(why, Drop):
        return Dropped(id_, why, position, url)
    return Quarantined(id_, str(why), position, url)
