"""Loads the bytes of each image from the crawl, from its `data:` URI, from a folder, or over HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import pyarrow as pa

from interloom.pipeline import sharing
from interloom.pipeline.contents import IMAGE_BYTES, IMAGE_SHA256, IMAGES, Content, Need, side_table
from interloom.pipeline.cost import Cost
from interloom.pipeline.errors import DocumentError
from interloom.pipeline.ranges import Amount, Positive
from interloom.pipeline.stage import Exchange, GlobalStage
from interloom.pipeline.store import storage
from interloom.schemas.document import Document, Element, Image
from interloom.schemas.outcome import Dropped, Outcome, Quarantined, Side
from interloom.stages._web import opt_out
from interloom.stages._web.data_uri import is_data_uri, without_data
from interloom.stages._web.opt_out import POLICY
from interloom.stages._web.urls import normalise_image_urls
from interloom.stages.fetch_images import capture_join
from interloom.stages.fetch_images.capture_join import SKETCH
from interloom.stages.fetch_images.failure import Failed, Fetched
from interloom.stages.fetch_images.hosts import Manners
from interloom.stages.fetch_images.http import Fetcher
from interloom.stages.fetch_images.image_url import hash_urls
from interloom.stages.fetch_images.sources import OPTED_OUT, Answer, Request, Sources


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
        timeout_s: Maximum time of an HTTP attempt, redirects included, waiting for a turn not. Seconds. Default 10, our choice.
        retries: HTTP attempts after a transient failure, beside the first one. Default 2, our choice.
        max_bytes: Larger images are dropped, whatever their source. Bytes. Default 20 MiB, our choice.
        concurrency: HTTP requests of a worker at a time. Default 1000, our choice.
        per_host: HTTP requests to one host at a time, of all workers together; so with the source "http" no more workers than
            that run the step at a time. Default 4, our choice; browsers use 6.
        requests_per_s: HTTP requests to one host that begin in a second, of all workers together; 0 sets no limit. Where
            `robots.txt` asks for a longer delay, that counts. Default 10, our choice.
        robots: Whether `robots.txt` is honoured: an image that it forbids is dropped as `robots_disallowed`. Default true,
            because it is the one place where every site can say what crawlers may fetch (RFC 9309).
        user_agent: The header `User-Agent` of HTTP requests; its product, or what follows "compatible;", is our name in
            `robots.txt`. Give it an address where you can be reached. Default "Mozilla/5.0 (compatible; interloom)".
        opt_out: Tokens of `docs/opt_out.md`, or other words of robots fields, with which an image is dropped. Default: those of
            img2dataset (noai, noimageai, noindex, noimageindex) and the others of that table.
        passes: How often images are asked for: a further pass begins when the one before has gone through all of them, and asks
            again over HTTP for those that failed for a passing reason. Default 1, our choice.
        leaves_passing: Whether an image that failed for a passing reason (a time-out, `http_503`, a host that is down) stays in
            its document without bytes, for another `stages.fetch_images` further down, which asks again. Default false.
        allow_private: Whether pages may lead us to addresses that are not on the public internet, such as those of our own
            network. Default false.
    """

    sources: tuple[Literal["crawl", "data", "folder", "http"], ...] = ("crawl", "data")
    folder: str = ""
    timeout_s: float = 10.0
    retries: int = 2
    max_bytes: int = 20 << 20
    concurrency: int = 1000
    per_host: Positive = 4
    requests_per_s: Amount = 10.0
    robots: bool = True
    user_agent: str = "Mozilla/5.0 (compatible; interloom)"
    opt_out: tuple[str, ...] = POLICY
    passes: Positive = 1
    leaves_passing: bool = False
    allow_private: bool = False

    checkpoint: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(per_image=0.01)  # 2 s with attempts, 200 at a time: hosts set the pace, not the 0.3 ms of a core
    commutes_with_filters: ClassVar[bool] = True
    side_tables: ClassVar[tuple[str, ...]] = ("captures", "failed_fetches")
    causes: ClassVar[Mapping[str, str | None]] = {
        "relative_url": "their pages have no URL of their own: give the source a `base_url`, or the URL of each page",
        "robots_disallowed": "the robots.txt of their sites forbids it; `robots: false` would not ask",
        "not_found": "none of the `sources` has them: read the archives of the images too, or add a source",
    }

    def needs(self) -> Iterable[Need]:
        hint = "stages.read_warc would; or leave `crawl` out of `sources`"
        return (IMAGES, side_table("captures", hint)) if "crawl" in self.sources else (IMAGES,)

    def provides(self) -> Iterable[Content]:
        return (IMAGE_BYTES, IMAGE_SHA256, *((side_table("failed_fetches"),) if "http" in self.sources else ()))

    def check(self) -> Iterator[str]:
        if not self.sources:
            yield "sources: none is given; give one or more of crawl, data, folder, http"
        if ("folder" in self.sources) != bool(self.folder):
            yield "folder: give both a folder and the source 'folder', or neither"
        elif self.folder and not storage.is_remote(self.folder) and not storage.exists(self.folder):
            yield f"folder: {self.folder} does not exist"
        if self.passes > 1 and "http" not in self.sources:
            yield "passes: only the source 'http' is asked again; add it, or leave `passes` out"
        if not (self.user_agent.isascii() and self.user_agent.isprintable()):
            yield f"user_agent: {self.user_agent!r} cannot be sent as a header; write it in printable ASCII characters"
        if min(self.timeout_s, self.max_bytes, self.concurrency) <= 0 or self.retries < 0:
            yield "timeout_s, max_bytes and concurrency must be above 0, retries at least 0"

    def divided(self) -> Sequence[Self]:
        again = replace(self, sources=("http",), folder="", passes=1)
        rounds = [replace(self, passes=1), *[again] * (self.passes - 1)]
        return [*(replace(each, leaves_passing=True) for each in rounds[:-1]), rounds[-1]] if self.passes > 1 else (self,)

    def most_workers(self) -> int | None:
        return self.per_host if "http" in self.sources else None

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
        """Wanted images meet captures of the same URL, and what earlier steps know of it; verdicts are FOUND."""
        known = [name for name, source in (("captures", "crawl"), ("failed_fetches", "http")) if source in self.sources]
        reads = (*known, "sketch") if known else ()
        return (Exchange(name="captures", reads=reads, send=_send, meet=capture_join.meet),)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        forbidden = [[image.position for image in doc.images if self._sources.forbids(image.opt_out)] for doc in docs]
        requests = [
            _requests(doc.without(positions), verdicts.get(doc.id, [])) for doc, positions in zip(docs, forbidden, strict=True)
        ]
        answers = self._sources.load(list(dict.fromkeys(request for of_doc in requests for request in of_doc.values())))
        for doc, of_doc, positions in zip(docs, requests, forbidden, strict=True):
            of_images = {position: answers[request] for position, request in of_doc.items()}
            yield from self._outcomes(doc, of_images | dict.fromkeys(positions, OPTED_OUT))

    def _outcomes(self, doc: Document, answers: Mapping[int, Answer]) -> Iterator[Outcome]:
        """The outcome of each image that is dropped or quarantined, then the document with the bytes of the others."""
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
            if isinstance(answer, Failed) and "http" in self.sources:
                yield Side("failed_fetches", _row(doc.id, element.position, url, answer))
            if isinstance(answer, Failed) and answer.is_passing and self.leaves_passing:
                kept.append(element)
                continue
            removed.append(element.position)
            yield _failure(doc.id, element.position, url, answer)
        yield doc.with_elements(kept).without(removed)

    @property
    def _sources(self) -> Sources:
        """What this worker fetches from, with its part of the limits: a process may work for several phases with this step."""
        workers = sharing.workers()
        if workers not in self._sources_among:
            self._sources_among[workers] = self._sources_of_one_among(workers)
        return self._sources_among[workers]

    @cached_property
    def _sources_among(self) -> dict[int, Sources]:
        return {}

    def _sources_of_one_among(self, workers: int) -> Sources:
        fetcher = Fetcher(
            timeout_s=self.timeout_s,
            retries=self.retries,
            max_bytes=self.max_bytes,
            user_agent=self.user_agent,
            allow_private=self.allow_private,
            opt_out=self._policy,
            robots=self.robots,
            manners=Manners.shared(self.per_host, self.requests_per_s, workers),
            concurrency=self.concurrency,
        )
        return Sources(names=self.sources, folder=self.folder, max_bytes=self.max_bytes, policy=self._policy, fetcher=fetcher)

    @cached_property
    def _policy(self) -> frozenset[str]:
        return frozenset(word.lower() for word in self.opt_out)


_PLACE = ("path", "offset", "length")


def _send(source: str, table: pa.Table) -> pa.Table:
    sends = {"captures": capture_join.send_captures, "failed_fetches": capture_join.send_failures}
    return sends.get(source, capture_join.send_images)(table)


def _lacks_bytes(image: Image) -> bool:
    return image.data is None and image.blob is None


def _requests(doc: Document, rows: list[dict[str, Any]]) -> dict[int, Request]:
    """Returns the requests of a document by the image's position; `rows` are the byte ranges found in the crawl, and what is
    known of URLs."""
    requests = {image.position: Request(image.url) for image in doc.images if _lacks_bytes(image)}
    for row in rows:
        if request := requests.get(row["position"]):
            answer = {"reason": row["reason"]} if row["path"] is None else {name: row[name] for name in _PLACE}
            requests[row["position"]] = replace(request, **answer)
    return requests


def _row(id_: str, position: int, url: str, failed: Failed) -> dict[str, object]:
    return {"id": id_, "position": position, "url": url, "reason": failed.drop.reason, "passing": failed.is_passing}


def _failure(id_: str, position: int, url: str, why: Failed | DocumentError) -> Outcome:
    if isinstance(why, Failed):
        return Dropped(id_, why.drop, position, url)
    return Quarantined(id_, str(why), position, url)
