"""The document: an immutable interleaved sample whose elements are in reading order or temporal order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

_RUNNING_TEXT = frozenset({"body", "asr"})
"""Origins of the texts that are running text; captions, alt texts and text on screens are not."""

_FREE = 1 << 20
"""Positions below are those of elements of a page; our choice."""

SOURCE_ID = "source_id"
"""The label with the id that a document has in the file it was read from. `interloom why` and `show` accept it for the id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a document comes from, down to the bytes of its record.

    `url` is its URL; `path` is the file it was read from (as the recipe names it); `offset` and `length` are the position and
    the size of its record in that file, in (compressed) bytes; `date` is the capture time (ISO 8601); `content_type` is the
    media type that the server declared; `licence` is the licence that the page names; `opt_out` is the evidence found
    that its use in training is not allowed (for example `robots meta: noai`).
    """

    url: str = ""
    path: str = ""
    offset: int | None = None
    length: int | None = None
    date: str = ""
    content_type: str = ""
    licence: str = ""
    opt_out: str = ""


@dataclass(frozen=True, slots=True)
class Blob:
    """A reference to stored bytes: `path` is relative to the run, or absolute, or `s3://`; `offset` and `size` in bytes; `crc32`
    is their checksum (None in data of schema 1)."""

    path: str
    offset: int
    size: int
    crc32: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One part of a document. `position` is its index at extraction and never changes afterwards.

    `origin` is one of body, alt, caption, asr, ocr, retrieved, generated. `start_s` and `end_s` are in seconds. `bbox` is (x0,
    y0, x1, y1) in points or pixels of its `page`, which is counted from 0. `path` is its path in the DOM of an HTML page
    (`html/body/article/p[2]`). `offset` is the character in the extracted text (`Document.text` at extraction) at which the
    element begins; it never changes afterwards, and texts that are not running text have none.
    """

    position: int
    origin: str = "body"
    start_s: float | None = None
    end_s: float | None = None
    page: int | None = None
    bbox: tuple[float, float, float, float] | None = None
    path: str = ""
    offset: int | None = None
    scores: Mapping[str, float] = field(default_factory=dict)

    def with_score(self, name: str, value: float) -> Self:
        """A copy of the element with this score added or replaced."""
        return replace(self, scores={**self.scores, name: value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Element):
    """A block of text.

    `role` is its role in the source (paragraph, heading, list_item, code, quote, table, caption, formula). `of` is the position
    of the image or clip that it describes; it is dropped together with that element.
    """

    text: str
    role: str = "paragraph"
    of: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Media(Element):
    """An image or clip. `url` is where it was found, `alt` its alt text, `sha256` the hash of its original encoded bytes.

    `data` holds the bytes from the step that fetched them until the end of the phase; afterwards `blob` refers to them.
    `opt_out` is the evidence found that its use in training is not allowed (for example `header X-Robots-Tag: noimageai`).
    """

    url: str = ""
    alt: str = ""
    format: str = ""
    width: int | None = None
    height: int | None = None
    sha256: str = ""
    opt_out: str = ""
    blob: Blob | None = None
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image(Media):
    """An image. `phash` is its 64-bit perceptual hash as 16 hexadecimal digits, empty until the image is decoded. `width` and
    `height` are in pixels after EXIF rotation; `format` is in lower case (jpeg, png, gif, webp ...)."""

    phash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip(Media):
    """A span of video or audio: from `start_s` to `end_s` of its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One interleaved sample. `id` is a hash of where it comes from; the id of a child is `<id>#<part>`.

    `labels` are strings about it (title, language, author ...), `scores` are numbers. `body` is the raw record, such as the
    HTML of a page, until its content is extracted.
    """

    id: str
    source: Source = Source()
    elements: tuple[Element, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)

    @property
    def texts(self) -> tuple[Text, ...]:
        """Its texts in order."""
        return tuple(e for e in self.elements if isinstance(e, Text))

    @property
    def images(self) -> tuple[Image, ...]:
        """Its images in order."""
        return tuple(e for e in self.elements if isinstance(e, Image))

    @property
    def positions_without_bytes(self) -> list[int]:
        """The positions of its images whose bytes are not in memory."""
        return [image.position for image in self.images if image.data is None]

    @property
    def running_texts(self) -> tuple[Text, ...]:
        """Its body texts and speech in order, without captions, alt texts and text on screens."""
        return tuple(e for e in self.elements if isinstance(e, Text) and e.origin in _RUNNING_TEXT)

    @property
    def text(self) -> str:
        """The running text: its running texts, joined by blank lines."""
        return "\n\n".join(text.text for text in self.running_texts)

    @property
    def free_position(self) -> int:
        """A position that no element has or had; nor those above it. No page has so many elements that one that was dropped could
        have had it."""
        return max([_FREE, *(element.position + 1 for element in self.elements)])

    def with_elements(self, elements: Iterable[Element]) -> Document:
        """A copy with these elements instead of its own."""
        return replace(self, elements=tuple(elements))

    def with_score(self, name: str, value: float) -> Document:
        """A copy with this score added or replaced."""
        return replace(self, scores={**self.scores, name: value})

    def with_labels(self, **labels: str) -> Document:
        """A copy with these labels added or replaced."""
        return replace(self, labels={**self.labels, **labels})

    def without(self, positions: Iterable[int]) -> Document:
        """A copy without the elements at these positions and without the texts that describe them."""
        dropped = frozenset(positions)
        kept = (e for e in self.elements if e.position not in dropped and not (isinstance(e, Text) and e.of in dropped))
        return replace(self, elements=tuple(kept))


DOCUMENT = -1
"""The position in rows about a whole document."""


def lineage(id_: str) -> Iterator[str]:
    """The id of a document, and those of the documents that it was cut from: `a#1#2` -> `a#1#2`, `a#1`, `a`."""
    while id_:
        yield id_
        id_ = id_.rpartition("#")[0]
