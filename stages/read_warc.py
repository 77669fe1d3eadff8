"""Reads pages from web archives: WARC and ARC, plain or compressed with gzip, lz4 or zstd."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from interloom.pipeline.contents import PAGE, Content, side_table
from interloom.pipeline.errors import DocumentError
from interloom.pipeline.ranges import Positive
from interloom.pipeline.stage import Source, Split
from interloom.pipeline.store import storage
from interloom.schemas import document
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Dropped, Outcome, Quarantined, Side
from interloom.stages._input.ids import document_id
from interloom.stages._input.splits import path_notes, path_problems, whole_files
from interloom.stages._web.capture import MAX_BODY_BYTES, Capture, parse_capture
from interloom.stages._web.content_type import media_type, sniffed
from interloom.stages._web.opt_out import OF_PICTURES_OF_THE_PAGE, header_evidence
from interloom.stages._web.warc_files import LocatedRecord, locate_records

_ENDINGS = tuple(f".{kind}{compression}" for kind in ("warc", "arc") for compression in ("", ".gz", ".lz4", ".zst"))
_PAGES = ("text/html", "application/xhtml+xml")
_HEADS_BYTES = 1 << 20
"""A record may be this much larger than its body, for its headers."""


@dataclass(frozen=True, kw_only=True)
class ReadWarc(Source):
    """Reads one document per HTML page of WARC and ARC archives, with its byte range in the archive.

    Images do not become documents: they are rows of the side table `captures`, which `fetch_images` reads. Dropped are
    records of other kinds (`record_<kind>`), with another HTTP status than 2xx (`http_<status>`), without content (`empty`),
    with other media (`not_html`), and images in a gzip member with other records, which no byte range contains alone
    (`not_addressable`). A broken or too large record is quarantined.

    Parameters:
        paths: Archives, folders or glob patterns, local or `s3://`; one or a list.
        max_body_bytes: Pages with a larger decoded body are quarantined. Bytes. Default 64 MiB, our choice.
    """

    endings: ClassVar[tuple[str, ...]] = _ENDINGS

    paths: str | list[str]
    max_body_bytes: Positive = MAX_BODY_BYTES

    def provides(self) -> Iterable[Content]:
        return (PAGE, side_table("captures"))

    def notes(self) -> Iterable[str]:
        return path_notes(self.paths, _ENDINGS, (".cdx", ".cdxj", ".cdx.gz", ".cdxj.gz"))

    def check(self) -> Iterable[str]:
        return path_problems(self.paths, _ENDINGS)

    def splits(self) -> Sequence[Split]:
        return whole_files(self.paths, _ENDINGS)

    def read(self, split: Split) -> Iterator[Outcome]:
        with storage.open(split.path) as file:
            for record in locate_records(file, self.max_body_bytes + _HEADS_BYTES):
                yield self._outcome(split, record)

    def _outcome(self, split: Split, record: LocatedRecord) -> Outcome:
        url = ""
        try:
            if record.error:
                raise DocumentError(record.error)
            capture = parse_capture(record.block)
            url = capture.url
            return self._judge(split, record, capture)
        except DocumentError as error:
            return Quarantined(_record_id(url, split, record), f"{error} (offset {record.offset})", url=url)

    def _judge(self, split: Split, record: LocatedRecord, capture: Capture) -> Outcome:
        """Returns the page as a document, the image as a row of `captures`, or why the record is dropped."""
        reason = _drop_reason(capture)
        body = b"" if reason else capture.body(self.max_body_bytes)
        kind = media_type(capture.content_type) or sniffed(body)
        if not reason and not body.strip():
            reason = "empty"
        elif not reason and kind.startswith("image/"):
            if record.length is not None:
                return _capture_row(split, record, capture, kind)
            reason = "not_addressable"
        elif not reason and kind not in _PAGES:
            reason = "not_html"
        if reason:
            return Dropped(_record_id(capture.url, split, record), Drop(reason), url=capture.url)
        source = document.Source(
            url=capture.url,
            path=split.path,
            offset=record.offset,
            length=record.length,
            date=capture.date,
            content_type=capture.content_type,
            opt_out=header_evidence(capture.fields, OF_PICTURES_OF_THE_PAGE),
        )
        return Document(id=_record_id(capture.url, split, record), source=source, body=body)


def _drop_reason(capture: Capture) -> str:
    """Returns why a capture is dropped by its kind or HTTP status, or ""."""
    if capture.kind not in ("response", "resource"):
        return f"record_{capture.kind}"
    if capture.status is not None and not 200 <= capture.status < 300:
        return f"http_{capture.status}"
    return ""


def _capture_row(split: Split, record: LocatedRecord, capture: Capture, content_type: str) -> Side:
    row = {"url": capture.url, "path": split.path, "offset": record.offset, "length": record.length}
    return Side("captures", {**row, "content_type": content_type, "date": capture.date})


def _record_id(url: str, split: Split, record: LocatedRecord) -> str:
    """The id of a record is made of its URL, the archive's name and its offset, inside a gzip member too ("120+4096")."""
    inner = f"+{record.inner}" if record.inner else ""
    return document_id(url, split.name, f"{record.offset}{inner}")
