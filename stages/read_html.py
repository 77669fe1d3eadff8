"""Reads HTML pages from files, tar files and JSON lines."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import ClassVar
from urllib.parse import quote

from interloom.pipeline.contents import PAGE, Content
from interloom.pipeline.errors import DocumentError, Failure, until_broken
from interloom.pipeline.ranges import Positive
from interloom.pipeline.stage import Source, Split
from interloom.pipeline.store import storage
from interloom.schemas import document
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Dropped, Outcome, Quarantined
from interloom.stages._input.ids import document_id
from interloom.stages._input.json_lines import JSON_ENDINGS, is_json_lines, read_json_lines
from interloom.stages._input.samples import MEDIA_ENDINGS
from interloom.stages._input.splits import as_list, path_notes, path_problems, whole_files
from interloom.stages._input.surrogates import replace_surrogates
from interloom.stages._input.tar_reading import opened_tar
from interloom.stages._web.content_coding import GZIP, inflate

_TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_PAGES = (".html", ".htm", ".xhtml", ".html.gz", ".htm.gz", ".xhtml.gz")
_ENDINGS = (
    *_PAGES,
    *_TARS,
    *(ending for ending in JSON_ENDINGS if not ending.startswith(".json") or ending.startswith(".jsonl")),
)
"""Of the files in a folder. A `.json` in a folder of pages is rarely a file of lines: a web app has its manifest there."""
_ASSETS = (
    *(".css", ".js", ".mjs", ".map", ".ico", ".svg", ".xml", ".txt", ".json", ".webmanifest"),
    *(".woff", ".woff2", ".ttf", ".otf", ".eot", *MEDIA_ENDINGS),
)
"""Endings of what belongs to pages."""
_PAGES_PER_SPLIT = 256
"""Single HTML files of one split. Our choice."""


@dataclass(frozen=True, kw_only=True)
class ReadHtml(Source):
    """Reads one document per HTML page from files, from the members of tar files, or from JSON lines.

    Nothing is unpacked to disk. Tar members that are links (`link`) or not HTML (`not_html`), and pages without
    content (`empty`), are dropped.
    A page that is broken or too large is quarantined, and so is the rest of a broken tar or file of lines. A split is a tar file,
    a file of lines, or 256 single pages; of single pages its path is the first one, and `start` and `stop` are numbers in the
    list of all single pages.

    Parameters:
        paths: HTML files (`.gz`, too), tar files, JSON lines, folders or glob patterns, local or `s3://`; one or a list.
            Of a folder `.jsonl` and `.ndjson` are read, `.json` only where it is named or matched by a pattern. Beside single
            pages, a file of lines that is not named itself is read only if its first row has the field `html_field`.
        base_url: The URL of a page in a file or tar is this URL and the page's name. Default: such pages have no URL.
        html_field: Field of a JSON line that contains the page. Default "html".
        url_field: Field of a JSON line that contains the page's URL. Default "url".
        date_field: Field of a JSON line that contains the page's date. Default "date".
        max_body_bytes: Larger pages are quarantined. Bytes, decompressed. Default 64 MiB, our choice.
    """

    endings: ClassVar[tuple[str, ...]] = _ENDINGS

    paths: str | list[str]
    base_url: str = ""
    html_field: str = "html"
    url_field: str = "url"
    date_field: str = "date"
    max_body_bytes: Positive = 64 << 20

    def provides(self) -> Iterable[Content]:
        return (PAGE,)

    def notes(self) -> Iterable[str]:
        yield from path_notes(self.paths, _ENDINGS, _ASSETS)
        others = set(whole_files(self.paths, _ENDINGS)) - set(self._files())
        yield from (f"{path}: its rows have no field '{self.html_field}'; not read" for path in sorted(o.path for o in others))

    def check(self) -> Iterable[str]:
        return path_problems(self.paths, _ENDINGS)

    def splits(self) -> Sequence[Split]:
        files = self._files()
        return [*_page_splits(list(filter(_is_page, files))), *(file for file in files if not _is_page(file))]

    def _files(self) -> Sequence[Split]:
        """The files, without those of lines that lie beside single pages by chance."""
        files = whole_files(self.paths, _ENDINGS)
        if not any(map(_is_page, files)):
            return files
        return [file for file in files if file.path in as_list(self.paths) or not self._is_of_other_rows(file)]

    def _is_of_other_rows(self, file: Split) -> bool:
        if not is_json_lines(file.path):
            return False
        first = next(read_json_lines(file, 2 * self.max_body_bytes), None)
        return first is not None and not first.error and self.html_field not in first.value

    def read(self, split: Split) -> Iterator[Outcome]:
        pages = self._read_files if _is_page(split) else self._read_lines if is_json_lines(split.path) else self._read_tar
        return (self._outcome(page) for page in pages(split))

    def _outcome(self, page: _Page) -> Outcome:
        doc_id = document_id(page.url, page.file.name, page.name, page.offset)
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
                body = inflate(body, 31, self.max_body_bytes)
            if len(body) > self.max_body_bytes:
                raise DocumentError(f"too large: more than {self.max_body_bytes} bytes")
        except DocumentError as error:
            place = page.file.name if page.offset is None else f"{page.name or page.offset}, {page.file.name}"
            return Quarantined(doc_id, f"{error} ({place})", url=page.url or page.file.path)
        if page.drop or not body.strip():
            return Dropped(doc_id, Drop(page.drop or "empty"), url=page.url or page.file.path)
        return Document(id=doc_id, source=source, body=body)

    def _read_files(self, split: Split) -> Iterator[_Page]:
        for file in list(filter(_is_page, whole_files(self.paths, _ENDINGS)))[split.start : split.stop]:
            too_large = (file.stop or 0) > self.max_body_bytes
            page = _Page(file=file, name=file.name, url=self._url(file.name), error="too large" if too_large else "")
            yield page if too_large else replace(page, body=storage.read(file.path))

    def _read_tar(self, split: Split) -> Iterator[_Page]:
        for page in until_broken(self._tar_pages(split)):
            yield _Page(file=split, error=f"broken tar: {page.message}") if isinstance(page, Failure) else page

    def _tar_pages(self, split: Split) -> Iterator[_Page]:
        """Yields the members of a tar. Raises what a broken one makes the libraries raise."""
        with opened_tar(split.path) as (tar, _):
            yield from (self._read_member(split, tar, member) for member in tar if not member.isdir())

    def _read_member(self, split: Split, tar: tarfile.TarFile, member: tarfile.TarInfo) -> _Page:
        name = replace_surrogates(member.name)
        page = _Page(file=split, name=name, url=self._url(name), offset=member.offset_data, length=member.size)
        if not member.isfile():
            return replace(page, drop="link")
        if not name.lower().endswith(_PAGES):
            return replace(page, drop="not_html")
        if member.size > self.max_body_bytes:
            return replace(page, error="too large")
        content = tar.extractfile(member)
        return replace(page, body=content.read() if content else b"")

    def _read_lines(self, split: Split) -> Iterator[_Page]:
        max_line_bytes = 2 * self.max_body_bytes  # JSON escapes make a page longer, and the other fields come on top
        for line in read_json_lines(split, max_line_bytes):
            html, url, date = (line.value.get(name) for name in (self.html_field, self.url_field, self.date_field))
            error = line.error or ("" if isinstance(html, str) else f"no string in field '{self.html_field}'")
            yield _Page(
                file=split,
                url=replace_surrogates(url) if isinstance(url, str) else "",
                date=replace_surrogates(date) if isinstance(date, str) else "",
                body=replace_surrogates(html).encode() if isinstance(html, str) else b"",
                offset=line.offset,
                content_type="text/html; charset=utf-8",
                error=error,
            )

    def _url(self, name: str) -> str:
        """Returns the URL of a page by its name: "http://a.org/x" and "./a b.html.gz" -> "http://a.org/x/a%20b.html"."""
        path = quote(name.removeprefix("./").removesuffix(".gz"), errors="surrogateescape")
        return f"{self.base_url.rstrip('/')}/{path}" if self.base_url else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """A page, not yet judged.

    `file` is its split, `name` the name of the file or tar member, `offset` and `length` its position in a tar or in a file
    of lines, `drop` why it is not read, `error` why it cannot be read.
    """

    file: Split
    name: str = ""
    url: str = ""
    date: str = ""
    body: bytes = b""
    offset: int | None = None
    length: int | None = None
    content_type: str = "text/html"
    drop: str = ""
    error: str = ""


def _is_page(file: Split) -> bool:
    """Returns whether a file is a single page: what is neither a tar nor JSON lines."""
    return not is_json_lines(file.path) and not file.path.lower().endswith(_TARS)


def _page_splits(pages: list[Split]) -> Iterator[Split]:
    """Yields a split for every 256 single pages."""
    for start in range(0, len(pages), _PAGES_PER_SPLIT):
        group = pages[start : start + _PAGES_PER_SPLIT]
        identity = blake2b(
            "\n".join(f"{page.name} {page.identity}" for page in group).encode(errors="surrogatepass"), digest_size=16
        )
        yield replace(group[0], start=start, stop=start + len(group), identity=identity.hexdigest())
