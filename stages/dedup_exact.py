"""Removes documents with the same text or, if they have no text, with the same images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pyarrow as pa

from interloom.pipeline.contents import IMAGE_SHA256, TEXT, Content, Need
from interloom.pipeline.stage import Exchange, GlobalStage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Outcome
from interloom.schemas.text_forms import comparable_text
from interloom.stages._dedup import duplicates
from interloom.stages._dedup.duplicates import Keep


@dataclass(frozen=True, kw_only=True)
class DedupExact(GlobalStage):
    """Keeps one document of each group with the same running text.

    The others are dropped as `duplicate_text`. Documents without text are compared by their images in order and dropped as
    `duplicate_images`. A document with neither, or without text and with an image of unknown hash, is never a duplicate.

    Parameters:
        normalise: Whether case, white space, invisible characters (soft hyphens) and equivalent forms of characters (Unicode's
            NFKC_Casefold) are ignored. Default true, our choice.
        images: What else must be equal of documents with text: the "url" or the "sha256" of their images, in order (LAION removes
            pairs with the same alt text and URL, arXiv 2210.08402, section 3); a document with an image of which that is not
            known is never a duplicate. "any" compares no images. Default "any", our choice.
        keep: Which document of a group stays: "newest", "first" (in input order) or "longest"; of equal ones the first.
            Default "newest", our choice.
    """

    commutes_with_filters: ClassVar[bool] = True
    sketch_params: ClassVar[tuple[str, ...]] = ("normalise", "images")

    normalise: bool = True
    images: Literal["any", "url", "sha256"] = "any"
    keep: Keep = "newest"

    def needs(self) -> Iterable[Need]:
        return ((TEXT, IMAGE_SHA256),)

    def provides(self) -> Iterable[Content]:
        return ()

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        """Returns the columns id, key, date and length; a document without text and image hashes has no row."""
        return duplicates.key_sketch(docs, [self._content(doc) for doc in docs])

    def _content(self, doc: Document) -> str:
        """Returns what must be equal in duplicates: "text one two" or "images <sha256> <sha256>"; "" without either."""
        text = doc.text
        if text.strip():
            text = "text " + (" ".join(comparable_text(text).split()) if self.normalise else text)
            names = [] if self.images == "any" else [getattr(image, self.images) for image in doc.images]
            return "\n".join([*names, text]) if all(names) else ""
        hashes = [image.sha256 for image in doc.images]
        return "images " + " ".join(hashes) if hashes and all(hashes) else ""

    def exchanges(self) -> tuple[Exchange, ...]:
        """Equal keys meet; verdicts have the columns part, id and kept, with a row for each document to drop."""
        return (Exchange(name="keys", reads=("sketch",), send=self._send, meet=duplicates.meet_equal_keys),)

    def _send(self, source: str, sketch: pa.Table) -> pa.Table:
        return duplicates.send_keys(sketch, self.keep)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        return duplicates.drop_duplicates(docs, verdicts, _drop)


def _drop(doc: Document, verdict: dict[str, Any]) -> Drop:
    return Drop("duplicate_text" if doc.text.strip() else "duplicate_images")
