"""The document: one interleaved sample, frozen, its elements in reading or time order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

_RUNNING = frozenset({"body", "asr"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a document came from, to the byte.

    `url` is its name on the web, `path` the file it was read from (as the recipe names it), `offset` and `length` the
    record's place in that file in (compressed) bytes, `date` the capture time (ISO 8601), `opt_out` the evidence found
    against use in training (for example `robots meta: noai`), `licence` the licence named by the page.
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
    """A reference to stored bytes: `path` is relative to the run, or absolute, or `s3://`; `offset` and `size` in bytes."""

    path: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One part of a document. `position` is its place when it was extracted and never changes afterwards.

    `origin` is one of body, alt, caption, asr, ocr, generated. Times are in seconds, `bbox` is (x0, y0, x1, y1) in
    points or pixels of its `page` (0-based). `path` is its place in the DOM of its page (`html/body/article/p[2]`), `offset` the
    character of the extracted text (`Document.text` at extraction) at which it begins or, for media, stands; neither changes
    afterwards. Texts that are not running text have no offset.
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
        return replace(self, scores={**self.scores, name: value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Element):
    """A block of text. `role` says what it was (paragraph, heading, list_item, code, quote, table, caption); `of` is the
    position of the image or clip it describes, so that a caption leaves together with its image."""

    text: str
    role: str = "paragraph"
    of: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Media(Element):
    """Bytes with a content hash: `data` holds them only between the step that got them and the end of the phase;
    afterwards `blob` says where they lie. `sha256` is of the original encoded bytes."""

    url: str = ""
    alt: str = ""
    format: str = ""
    width: int | None = None
    height: int | None = None
    sha256: str = ""
    blob: Blob | None = None
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image(Media):
    """A picture. `phash` is its 64-bit perceptual hash as 16 hex digits, empty until decoded; width and height in pixels
    after EXIF rotation; `format` in lower case (jpeg, png, gif, webp ...)."""

    phash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip(Media):
    """A span of video or sound; its time span is `start_s` to `end_s` of the file it was cut from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One interleaved sample. `id` is a hash of what it came from; a child is `<id>#<part>`.

    `labels` are words about it (title, language, author, ...), `scores` numbers about it; `body` is its raw payload (the
    HTML of a page), only until it is extracted.
    """

    id: str
    source: Source = Source()
    elements: tuple[Element, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)

    @property
    def texts(self) -> tuple[Text, ...]:
        return tuple(e for e in self.elements if isinstance(e, Text))

    @property
    def images(self) -> tuple[Image, ...]:
        return tuple(e for e in self.elements if isinstance(e, Image))

    @property
    def text(self) -> str:
        """The running text: body blocks and speech joined by a blank line; captions, alt texts and OCR left out."""
        return "\n\n".join(e.text for e in self.elements if isinstance(e, Text) and e.origin in _RUNNING)

    def with_elements(self, elements: Iterable[Element]) -> Document:
        return replace(self, elements=tuple(elements))

    def with_score(self, name: str, value: float) -> Document:
        return replace(self, scores={**self.scores, name: value})

    def with_labels(self, **labels: str) -> Document:
        return replace(self, labels={**self.labels, **labels})

    def without(self, positions: Iterable[int]) -> Document:
        """The document less the elements at these positions and the texts that describe them."""
        gone = frozenset(positions)
        kept = (e for e in self.elements if e.position not in gone and not (isinstance(e, Text) and e.of in gone))
        return replace(self, elements=tuple(kept))
