"""Where the bytes of images are looked for: the crawl, `data:` URIs, a folder, the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.store import storage
from interloom.schemas.outcome import Drop
from interloom.stages._input.files_beside import file_beside
from interloom.stages._web import opt_out
from interloom.stages._web.capture import read_response
from interloom.stages._web.data_uri import decode_data_uri, is_data_uri
from interloom.stages.fetch_images.failure import Failed, Fetched
from interloom.stages.fetch_images.http import Fetcher
from interloom.stages.fetch_images.image_url import is_relative, saved_names

OPTED_OUT = Failed(Drop("opted_out"))
_NOT_FOUND, _RELATIVE_URL = Failed(Drop("not_found")), Failed(Drop("relative_url"))
_THREADS = 16
"""Files and records that are read at a time: object storage answers after some 50 ms. Our choice."""
Answer = Fetched | Failed | DocumentError
"""An image with its bytes, why there is none, or the error for which it is quarantined."""


@dataclass(frozen=True, slots=True)
class Request:
    """An image to load: its URL and, if the crawl contains it, its byte range there. `reason` is why the URL failed for good
    before. Equal requests are loaded once."""

    url: str
    path: str = ""
    offset: int = 0
    length: int = 0
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The sources of images, asked one after the other: each for all images that none before it has.

    Parameters:
        names: The sources in this order: crawl, data, folder, http.
        folder: A mirror of the images, for "folder".
        max_bytes: Larger images are dropped. Bytes.
        policy: Tokens of `docs/opt_out.md`, in lower case, with which an image is dropped.
        fetcher: For "http".
    """

    names: Sequence[str]
    folder: str
    max_bytes: int
    policy: frozenset[str]
    fetcher: Fetcher

    def load(self, requests: Sequence[Request]) -> dict[Request, Answer]:
        """The answer of the first source that has the image. Without any, an error counts more than a later failure."""
        answers: dict[Request, Answer] = {each: _RELATIVE_URL if is_relative(each.url) else _NOT_FOUND for each in requests}
        unanswered = list(requests)
        for source in self.names:
            for request, answer in zip(unanswered, self._ask(source, unanswered), strict=True):
                answers[request] = _of_two(answers[request], answer)
            unanswered = [each for each in unanswered if not _is_final(answers[each])]
        return {each: self._judged(answer) if isinstance(answer, Fetched) else answer for each, answer in answers.items()}

    def forbids(self, evidence: str) -> bool:
        """Whether evidence of an opt-out forbids us an image."""
        return opt_out.opts_out(evidence, self.policy, self.fetcher.user_agent)

    def _judged(self, image: Fetched) -> Fetched | Failed:
        """The image with the evidence in its metadata, or why it is dropped."""
        if len(image.data) > self.max_bytes:
            return Failed(Drop("too_large", len(image.data), self.max_bytes))
        evidence = opt_out.joined(image.opt_out, opt_out.picture_evidence(image.data))
        return OPTED_OUT if self.forbids(evidence) else Fetched(image.data, evidence)

    def _ask(self, source: str, requests: Sequence[Request]) -> list[Answer | None]:
        """The answers of one source; None for images that it does not know."""
        if source == "http":
            return self._ask_network(requests)
        read = {"crawl": self._read_record, "data": _read_data_uri, "folder": self._read_saved}[source]
        with ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(lambda request: _answer(read, request), requests))

    def _ask_network(self, requests: Sequence[Request]) -> list[Answer | None]:
        known = {each.url: Failed(Drop(each.reason)) for each in requests if each.reason}
        urls = [each.url for each in requests if each.url and not is_relative(each.url) and not is_data_uri(each.url)]
        unique = [url for url in dict.fromkeys(urls) if url not in known]
        answers: dict[str, Answer] = {**known, **dict(zip(unique, self.fetcher.fetch(unique) if unique else (), strict=True))}
        return [answers.get(each.url) for each in requests]

    def _read_record(self, request: Request) -> Fetched | None:
        if not request.path:
            return None
        record = storage.read_range(request.path, request.offset, request.length)
        capture, body = read_response(record, self.max_bytes)
        return Fetched(body, opt_out.header_evidence(capture.fields, opt_out.AI_TOKENS | self.policy))

    def _read_saved(self, request: Request) -> Fetched | None:
        """The copy in the folder, None without one."""
        if is_data_uri(request.url):
            return None
        blobs = (file_beside(self.folder, name) for name in saved_names(request.url))
        return next((Fetched(storage.read(blob.path)) for blob in blobs if blob), None)


def _of_two(earlier: Answer, later: Answer | None) -> Answer:
    """What counts of the answers of two sources, of which the earlier has no image."""
    keeps_error = isinstance(earlier, DocumentError) and isinstance(later, Failed) and later != OPTED_OUT
    return earlier if later is None or keeps_error else later


def _is_final(answer: Answer) -> bool:
    return isinstance(answer, Fetched) or answer == OPTED_OUT


def _read_data_uri(request: Request) -> Fetched | None:
    return Fetched(decode_data_uri(request.url)) if is_data_uri(request.url) else None


def _answer(read: Callable[[Request], Fetched | None], request: Request) -> Answer | None:
    try:
        return read(request)
    except DocumentError as error:
        return error
