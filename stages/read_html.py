"""HTML pages from folders, tar files and JSON lines."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from urllib.parse import quote

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Source, Split
from interloom.pipeline.store import storage
from interloom.schemas import document
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Dropped, Outcome, Quarantined
from interloom.stages._input.json_lines import JSON_ENDINGS, is_json_lines, json_lines
from interloom.stages._input.splits import as_list, missing, whole_files
from interloom.stages._input.tar_reading import Member
from interloom.stages._web.content_coding import GZIP, inflated
from interloom.stages.read_documents.foreign_rows import clean

_TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_PAGES = (".html", ".htm", ".xhtml", ".html.gz", ".htm.gz", ".xhtml.gz")
_ENDINGS = (*_PAGES, *_TARS, *JSON_ENDINGS)
_PAGES_PER_SPLIT = 256


@dataclass(frozen=True, kw_only=True)
class ReadHtml(Source):
    """Pages from `.html` files (`.gz` too), from the `.html` members of tar files, or from JSON lines.

    A page's URL is `base_url` with its name in the folder or the tar, or the field `url_field` of its line, beside
    `html_field` and `date_field`. Other members of a tar are dropped; nothing is unpacked to disk. A split is a tar, a file
    of lines, or 256 single pages: then its path is the folder or pattern and `start`, `stop` count in its sorted listing.
    """

    paths: str | list[str]
    base_url: str = ""
    html_field: str = "html"
    url_field: str = "url"
    date_field: str = "date"
    max_body_bytes: int = 64 << 20

    def check(self) -> Iterable[str]:
        return missing(self.paths, _ENDINGS)

    def splits(self) -> Sequence[Split]:
        return [split for pattern in as_list(self.paths) for split in _splits(pattern)]

    def read(self, split: Split) -> Iterator[Outcome]:
        pages = self._listing(split)
        if split.path.lower().endswith(_TARS):
            pages = self._tar(split)
        elif is_json_lines(split.path):
            pages = self._lines(split)
        return (self._outcome(page) for page in pages)

    def _outcome(self, page: _Page) -> Outcome:
        doc_id = _id(page)
        source = document.Source(
            url=page.url,
            path=page.file.path,
            offset=page.offset,
            length=page.length,
            date=page.date,
            content_type=page.content_type,
        )
        try:
            if page.error:
                raise DocumentError(page.error)
            body = page.body
            if body.startswith(GZIP) and page.name.endswith(".gz"):
                body = inflated(body, 31, self.max_body_bytes)
            if len(body) > self.max_body_bytes:
                raise DocumentError(f"too large: more than {self.max_body_bytes} bytes")
        except DocumentError as error:
            return Quarantined(doc_id, f"{error} ({page.name or page.offset})", url=page.url)
        if not page.is_html or not body.strip():
            return Dropped(doc_id, Drop("empty" if page.is_html else "not_html"), url=page.url)
        return Document(id=doc_id, source=source, body=body)

    def _listing(self, split: Split) -> Iterator[_Page]:
        for file in _pages(split.path)[split.start : split.stop]:
            too_large = (file.stop or 0) > self.max_body_bytes
            page = _Page(file=file, name=file.name, url=self._url(file.name), error="too large" if too_large else "")
            yield page if too_large else replace(page, body=storage.read(file.path))

    def _tar(self, split: Split) -> Iterator[_Page]:
        with storage.open(split.path) as file:
            try:
                with tarfile.open(fileobj=file, mode="r|*", tarinfo=Member) as tar:
                    for member in filter(tarfile.TarInfo.isfile, tar):
                        yield self._member(split, tar, member)
            except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError) as error:
                yield _Page(file=split, error=f"broken tar: {error}"[:300])

    def _member(self, split: Split, tar: tarfile.TarFile, member: tarfile.TarInfo) -> _Page:
        name = clean(member.name)
        page = _Page(file=split, name=name, url=self._url(name), offset=member.offset_data, length=member.size)
        if not name.lower().endswith(_PAGES):
            return replace(page, is_html=False)
        if member.size > self.max_body_bytes:
            return replace(page, error="too large")
        content = tar.extractfile(member)
        return replace(page, body=content.read() if content else b"")

    def _lines(self, split: Split) -> Iterator[_Page]:
        for line in json_lines(split, 2 * self.max_body_bytes):
            html, url, date = (line.value.get(name) for name in (self.html_field, self.url_field, self.date_field))
            error = line.error or ("" if isinstance(html, str) else f"no string in field '{self.html_field}'")
            yield _Page(
                file=split,
                url=clean(url) if isinstance(url, str) else "",
                date=clean(date) if isinstance(date, str) else "",
                body=clean(html).encode() if isinstance(html, str) else b"",
                offset=line.offset,
                content_type="text/html; charset=utf-8",
                error=error,
            )

    def _url(self, name: str) -> str:
        return f"{self.base_url.rstrip('/')}/{quote(name.removeprefix('./').removesuffix('.gz'))}" if self.base_url else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """A page as it lay there: in `file`, under `name` (of a file or a tar's member) or at `offset`."""

    file: Split
    name: str = ""
    url: str = ""
    date: str = ""
    body: bytes = b""
    offset: int | None = None
    length: int | None = None
    content_type: str = "text/html"
    is_html: bool = True
    error: str = ""


def _id(page: _Page) -> str:
    return blake2b(f"{page.url}\n{page.file.name}\n{page.name}\n{page.offset}".encode()).hexdigest()[:32]


def _splits(pattern: str) -> Iterator[Split]:
    pages = _pages(pattern)
    for start in range(0, len(pages), _PAGES_PER_SPLIT):
        some = pages[start : start + _PAGES_PER_SPLIT]
        identity = blake2b("\n".join(f"{page.name} {page.identity}" for page in some).encode(), digest_size=16).hexdigest()
        yield Split(pattern, storage.root_of(pattern), start, start + len(some), identity)
    yield from (file for file in whole_files(pattern, _ENDINGS) if not file.path.lower().endswith(_PAGES))


def _pages(pattern: str) -> list[Split]:
    return [file for file in whole_files(pattern, _PAGES) if file.path.lower().endswith(_PAGES)]
