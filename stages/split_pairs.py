"""Cuts documents into image-text pairs, each a document of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop, Dropped, Outcome
from interloom.stages._export.pairs import TextOrigin, text_for


@dataclass(frozen=True, kw_only=True)
class SplitPairs(Stage):
    """Cuts a document into image-text pairs: a document `<id>#<position>` for each of its images that has a text.

    The text is the running text of the pair, so that all steps for documents (language, length, duplicates, selection) work on
    it; the label `text_from` says whether it was the "caption", the "alt" text or the nearest "text" of the page. Image and pair
    keep all else that the page says. An image without such a text, or with the same one and the same URL as an earlier image of
    the page, is dropped (`no_text`, `repeated_pair`), and a document without a pair is, too (`no_pairs`).

    Parameters:
        text: Where texts come from, the first choice first: "caption", "alt", "text". Default "alt" alone, as in LAION-5B (arXiv
            2210.08402, section 3) and DataComp (arXiv 2304.14108, section 3).
    """

    text: tuple[TextOrigin, ...] = ("alt",)

    def check(self) -> Iterable[str]:
        if not self.text:
            yield "text: name at least one of caption, alt, text"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            pairs, drops = list[Outcome](), list[Outcome]()
            seen = set[tuple[str, str]]()
            for index, image in ((n, e) for n, e in enumerate(doc.elements) if isinstance(e, Image)):
                origin, text = text_for(doc, index, self.text)
                if text and (text, image.url) not in seen:
                    pairs.append(_pair(doc, image, origin, text))
                else:
                    reason = "repeated_pair" if text else "no_text"
                    drops.append(Dropped(doc.id, Drop(reason), image.position, image.url))
                seen |= {(text, image.url)} if image.url else set()
            if pairs:
                yield from (*drops, *pairs)
            else:
                yield Dropped(doc.id, Drop("no_pairs"), url=doc.source.url)


def _pair(doc: Document, image: Image, origin: str, text: str) -> Document:
    """The pair of an image with this text, whose origin is named."""
    caption = Text(position=doc.free_position, text=text, role="caption", of=image.position)
    return replace(doc, id=f"{doc.id}#{image.position}", elements=(image, caption)).with_labels(text_from=origin)
