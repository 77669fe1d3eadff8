"""Pages from web archives: WARC and ARC, plain, gzip, lz4 or zstd."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Source, Split
from interloom.pipeline.store import storage
from interloom.schemas import document
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Dropped, Outcome, Quarantined, Side
from interloom.stages._input.splits import missing, whole_files
from interloom.stages._web.capture import MAX_BODY_BYTES, Capture, parse_capture
from interloom.stages._web.content_type import media_type, sniffed
from interloom.stages._web.warc_files import Place, places

_ENDINGS = tuple(f".{kind}{packed}" for kind in ("warc", "arc") for packed in ("", ".gz", ".lz4", ".zst"))
_PAGES = ("text/html", "application/xhtml+xml")
_HEADS_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ReadWarc(Source):
    """Every HTML page of the archives that `paths` name (files, folders, globs, `s3://`), with its exact place in them.

    Images are not documents: they are set aside as rows of `captures` for `fetch_images`. Requests, redirects, other
    media and what has no body are dropped, what is broken or larger than `max_body_bytes` when decoded is quarantined.
    """

    paths: str | list[str]
    max_body_bytes: int = MAX_BODY_BYTES

    def check(self) -> Iterable[str]:
        return missing(self.paths, _ENDINGS)

    def splits(self) -> Sequence[Split]:
        return whole_files(self.paths, _ENDINGS)

    def read(self, split: Split) -> Iterator[Outcome]:
        with storage.open(split.path) as file:
            for place in places(file, self.max_body_bytes + _HEADS_BYTES):
                yield self._outcome(split, place)

    def _outcome(self, split: Split, place: Place) -> Outcome:
        url = ""
        try:
            if place.error:
                raise DocumentError(place.error)
            capture = parse_capture(place.block)
            url = capture.url
            return self._judge(split, place, capture)
        except DocumentError as error:
            return Quarantined(record_id(url, split, place), f"{error} (offset {place.offset})", url=url)

    def _judge(self, split: Split, place: Place, capture: Capture) -> Outcome:
        reason = _why_not(capture)
        body = b"" if reason else capture.body(self.max_body_bytes)
        kind = media_type(capture.content_type) or sniffed(body)
        if not reason and not body.strip():
            reason = "empty"
        elif not reason and kind.startswith("image/"):
            if place.length is not None:
                return _capture_row(split, place, capture, kind)
            reason = "not_addressable"  # one of several records in one gzip member: no byte range holds just it
        elif not reason and kind not in _PAGES:
            reason = "not_html"
        if reason:
            return Dropped(record_id(capture.url, split, place), Drop(reason), url=capture.url)
        source = document.Source(
            url=capture.url,
            path=split.path,
            offset=place.offset,
            length=place.length,
            date=capture.date,
            content_type=capture.content_type,
            opt_out=capture.opt_out,
        )
        return Document(id=record_id(capture.url, split, place), source=source, body=body)


def _why_not(capture: Capture) -> str:
    if capture.kind not in ("response", "resource"):
        return f"record_{capture.kind}"
    if capture.status is not None and not 200 <= capture.status < 300:
        return f"http_{capture.status}"
    return ""


def _capture_row(split: Split, place: Place, capture: Capture, content_type: str) -> Side:
    row = {"url": capture.url, "path": split.path, "offset": place.offset, "length": place.length}
    return Side("captures", {**row, "content_type": content_type, "date": capture.date})


def record_id(url: str, split: Split, place: Place) -> str:
    """32 hex digits from the URL, the file's name and the place in it: the same wherever the archive is mounted."""
    inner = f"+{place.inner}" if place.inner else ""
    return blake2b(f"{url}\n{split.name}\n{place.offset}{inner}".encode()).hexdigest()[:32]
