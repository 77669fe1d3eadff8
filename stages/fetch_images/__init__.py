"""Loads the bytes of each image from the crawl, from its `data:` URI, from a folder, or over HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import pyarrow as pa

from interloom.pipeline.contents import IMAGE_BYTES, IMAGE_SHA256, IMAGES, Content, Need, side_table
from interloom.pipeline.cost import Cost
from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Exchange, GlobalStage
from interloom.pipeline.store import storage
from interloom.schemas.document import Document, Element, Image
from interloom.schemas.outcome import Drop, Dropped, Outcome, Quarantined
from interloom.stages._input.files_beside import file_beside
from interloom.stages._web import opt_out
from interloom.stages._web.capture import read_response
from interloom.stages._web.data_uri import decode_data_uri, is_data_uri, without_data
from interloom.stages._web.opt_out import POLICY
from interloom.stages._web.urls import normalise_image_urls
from interloom.stages.fetch_images import capture_join
from interloom.stages.fetch_images.capture_join import SKETCH
from interloom.stages.fetch_images.http import Fetched, Fetcher
from interloom.stages.fetch_images.image_url import hash_urls, is_relative, saved_names

_NOT_FOUND, _RELATIVE_URL = Drop("not_found"), Drop("relative_url")
_OPTED_OUT = Drop("opted_out")
Answer = Fetched | Drop | DocumentError
"""An image with its bytes, the reason to drop it, or the error for which it is quarantined."""


@dataclass(frozen=True, slots=True)
class _Request:
    """An image to load: its URL and, if the crawl contains it, its byte range there. Equal requests are loaded once."""

    url: str
    path: str = ""
    offset: int = 0
    length: int = 0


@dataclass(frozen=True, kw_only=True)
class FetchImages(GlobalStage):
    """Loads the bytes of images from the crawl, from `data:` URIs, from a folder, or over HTTP.

    An image gets `data` and `sha256` from the first source that has it; an image that has its bytes stays as it is. An image is
    dropped as `opted_out` if its page, the headers that came with it (over HTTP or in the crawl) or its metadata have a token
    of `opt_out`; evidence of other tokens is kept in `Image.opt_out`. Without any source that has it, it is dropped with
    the reason of the last source asked (`not_found`, `too_large`, `http_404`, ...), as `relative_url` if its page has no URL.
    An image with a broken `data:` URI or a broken record is quarantined, unless a later source has it.

    Parameters:
        sources: The sources, asked in this order: "crawl" (the side table `captures`), "data", "folder", "http". The network is
            used only with "http". Default "crawl", "data".
        folder: A mirror of the images for the source "folder", local or `s3://`; it holds them as `host/path` or `path`.
            Default: none.
        timeout_s: Maximum time of an HTTP attempt, redirects included. Seconds. Default 10, our choice.
        retries: HTTP attempts after a transient failure, beside the first one. Default 2, our choice.
        max_bytes: Larger images are dropped, whatever their source. Bytes. Default 20 MiB, our choice.
        concurrency: Threads of a worker that load images. Default 16, our choice.
        user_agent: The header `User-Agent` of HTTP requests. Default "Mozilla/5.0 (compatible; interloom)".
        opt_out: Tokens of `docs/opt_out.md`, or other words of robots fields, with which an image is dropped. Default: those of
            img2dataset (noai, noimageai, noindex, noimageindex) and the others of that table.
        allow_private: Whether pages may lead us to addresses that are not on the public internet, such as those of our own
            network. Default false.
    """

    sources: tuple[Literal["crawl", "data", "folder", "http"], ...] = ("crawl", "data")
    folder: str = ""
    timeout_s: float = 10.0
    retries: int = 2
    max_bytes: int = 20 << 20
    concurrency: int = 16
    user_agent: str = "Mozilla/5.0 (compatible; interloom)"
    opt_out: tuple[str, ...] = POLICY
    allow_private: bool = False

    checkpoint: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(per_image=0.02)  # about a request of 0.3 s, 16 at a time
    side_tables: ClassVar[tuple[str, ...]] = ("captures",)
    causes: ClassVar[Mapping[str, str | None]] = {
        "relative_url": "their pages have no URL of their own: give the source a `base_url`, or the URL of each page",
        "not_found": "none of the `sources` has them: read the archives of the images too, or add a source",
    }

    def needs(self) -> Iterable[Need]:
        hint = "stages.read_warc would; or leave `crawl` out of `sources`"
        return (IMAGES, side_table("captures", hint)) if "crawl" in self.sources else (IMAGES,)

    def provides(self) -> Iterable[Content]:
        return (IMAGE_BYTES, IMAGE_SHA256)

    def check(self) -> Iterator[str]:
        if not self.sources:
            yield "sources: none is given; give one or more of crawl, data, folder, http"
        if ("folder" in self.sources) != bool(self.folder):
            yield "folder: give both a folder and the source 'folder', or neither"
        elif self.folder and not storage.is_remote(self.folder) and not storage.exists(self.folder):
            yield f"folder: {self.folder} does not exist"
        if min(self.timeout_s, self.max_bytes, self.concurrency) <= 0 or self.retries < 0:
            yield "timeout_s, max_bytes and concurrency must be above 0, retries at least 0"

    def inputs(self) -> Iterator[str]:
        yield from [self.folder] if self.folder else ()

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        """Returns a table SKETCH with a row for each image to look for in the crawl."""
        wanted = [(doc.id, image) for doc in docs for image in doc.images if _lacks_bytes(image) and not is_data_uri(image.url)]
        urls = pa.array([image.url for _, image in wanted], pa.string())
        ids = pa.array([id_ for id_, _ in wanted], pa.string())
        positions = pa.array([image.position for _, image in wanted], pa.int32())
        return pa.Table.from_arrays([ids, positions, pa.array(hash_urls(normalise_image_urls(urls))), urls], schema=SKETCH)

    def exchanges(self) -> tuple[Exchange, ...]:
        """Wanted images meet captures of the same URL; verdicts are FOUND."""
        reads = ("captures", "sketch") if "crawl" in self.sources else ()
        return (Exchange(name="captures", reads=reads, send=_send, meet=capture_join.meet),)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        forbidden = [[image.position for image in doc.images if self._is_forbidden(image.opt_out)] for doc in docs]
        requests = [
            _requests(doc.without(positions), verdicts.get(doc.id, [])) for doc, positions in zip(docs, forbidden, strict=True)
        ]
        unique = list(dict.fromkeys(request for of_doc in requests for request in of_doc.values()))
        with ThreadPoolExecutor(self.concurrency) as pool:
            answers = dict(zip(unique, pool.map(self._load, unique), strict=True))
        for doc, of_doc, positions in zip(docs, requests, forbidden, strict=True):
            of_images: dict[int, Answer] = {position: answers[request] for position, request in of_doc.items()}
            yield from _apply_answers(doc, of_images | dict.fromkeys(positions, _OPTED_OUT))

    def _load(self, request: _Request) -> Answer:
        """Asks the sources in order and returns the first image. Without any, an error counts more than a later Drop."""
        worst: Drop | DocumentError = _RELATIVE_URL if is_relative(request.url) else _NOT_FOUND
        for source in self.sources:
            try:
                answer = self._ask(source, request)
            except DocumentError as error:
                worst = error
                continue
            if isinstance(answer, Fetched) or answer == _OPTED_OUT:
                return self._judged(answer) if isinstance(answer, Fetched) else _OPTED_OUT
            if answer is not None and not isinstance(worst, DocumentError):
                worst = answer
        return worst

    def _judged(self, image: Fetched) -> Fetched | Drop:
        """The image with the evidence in its metadata, or why it is dropped."""
        if len(image.data) > self.max_bytes:
            return Drop("too_large", len(image.data), self.max_bytes)
        evidence = opt_out.joined(image.opt_out, opt_out.picture_evidence(image.data))
        return _OPTED_OUT if self._is_forbidden(evidence) else Fetched(image.data, evidence)

    def _is_forbidden(self, evidence: str) -> bool:
        return opt_out.opts_out(evidence, self._policy, self.user_agent)

    def _ask(self, source: str, request: _Request) -> Fetched | Drop | None:
        """Returns the answer of one source, None if it does not know the image. Raises DocumentError for broken data."""
        if source == "crawl" and request.path:
            record = storage.read_range(request.path, request.offset, request.length)
            capture, body = read_response(record, self.max_bytes)
            return Fetched(body, opt_out.header_evidence(capture.fields, opt_out.AI_TOKENS | self._policy))
        if is_data_uri(request.url):
            return Fetched(decode_data_uri(request.url)) if source == "data" else None
        if source == "folder":
            return self._read_saved(request.url)
        can_fetch = source == "http" and request.url and not is_relative(request.url)
        return self._fetcher.fetch(request.url) if can_fetch else None

    def _read_saved(self, url: str) -> Fetched | None:
        """Returns the copy in the folder, None without one."""
        found = (file_beside(self.folder, name) for name in saved_names(url))
        return next((Fetched(storage.read(blob.path)) for blob in found if blob), None)

    @cached_property
    def _fetcher(self) -> Fetcher:
        return Fetcher(
            timeout_s=self.timeout_s,
            retries=self.retries,
            max_bytes=self.max_bytes,
            user_agent=self.user_agent,
            allow_private=self.allow_private,
            opt_out=self._policy,
        )

    @cached_property
    def _policy(self) -> frozenset[str]:
        return frozenset(word.lower() for word in self.opt_out)


def _send(source: str, table: pa.Table) -> pa.Table:
    return capture_join.send_captures(table) if source == "captures" else capture_join.send_images(table)


def _lacks_bytes(image: Image) -> bool:
    return image.data is None and image.blob is None


def _requests(doc: Document, rows: list[dict[str, Any]]) -> dict[int, _Request]:
    """Returns the requests of a document by the image's position; `rows` are the byte ranges found in the crawl."""
    ranges = {row["position"]: (row["path"], row["offset"], row["length"]) for row in rows}
    return {image.position: _Request(image.url, *ranges.get(image.position, ())) for image in doc.images if _lacks_bytes(image)}


def _apply_answers(doc: Document, answers: Mapping[int, Answer]) -> Iterator[Outcome]:
    """Yields the outcome of each image that is dropped or quarantined, then the document with the bytes of the others."""
    kept: list[Element] = []
    removed = []
    for element in doc.elements:
        if not isinstance(element, Image) or element.position not in answers:
            kept.append(element)
            continue
        answer, url = answers[element.position], without_data(element.url)
        if isinstance(answer, Fetched):
            evidence = opt_out.joined(element.opt_out, answer.opt_out)
            sha256 = hashlib.sha256(answer.data).hexdigest()
            kept.append(replace(element, url=url, data=answer.data, sha256=sha256, opt_out=evidence))
            continue
        removed.append(element.position)
        yield _failure(doc.id, element.position, url, answer)
    yield doc.with_elements(kept).without(removed)


def _failure(id_: str, position: int, url: str, why: Drop | DocumentError) -> Outcome:
    if isinstance(why, Drop):
        return Dropped(id_, why, position, url)
    return Quarantined(id_, str(why), position, url)
