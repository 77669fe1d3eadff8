"""Cuts documents into image-text pairs, each a document of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from interloom.pipeline.contents import IMAGES, Content, Need, labels
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop, Dropped, Outcome
from interloom.stages._export.checks import captions_problems
from interloom.stages._export.pairs import NO_PAIRS, Captions, Pair, TextOrigin, pair_of, split


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
        captions: What becomes of several captions of an image. "joined": they are the lines of one text. "each": each different
            one is a pair, a document `<id>#<position>.<position of the caption>`. Default "joined", our choice.
    """

    text: tuple[TextOrigin, ...] = ("alt",)
    captions: Captions = "joined"

    def needs(self) -> Iterable[Need]:
        return (IMAGES,)

    def provides(self) -> Iterable[Content]:
        return labels("text_from")

    def check(self) -> Iterable[str]:
        if not self.text:
            yield "text: name at least one of caption, alt, text"
        yield from captions_problems(self.captions, "caption" in self.text, "'caption' in `text`")

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            pairs, drops = list[Outcome](), list[Outcome]()
            seen = set[tuple[str, str]]()
            for index, image in ((n, e) for n, e in enumerate(doc.elements) if isinstance(e, Image)):
                pair = pair_of(doc, index, self.text)
                if pair and (pair.text, image.url) not in seen:
                    pairs += (_document(doc, each, self.captions) for each in split(doc, pair, self.captions))
                else:
                    reason = "repeated_pair" if pair else "no_text"
                    drops.append(Dropped(doc.id, Drop(reason), image.position, image.url))
                seen |= {(pair.text, image.url)} if pair and image.url else set()
            if pairs:
                yield from (*drops, *pairs)
            else:
                yield Dropped(doc.id, NO_PAIRS, url=doc.source.url)


def _document(doc: Document, pair: Pair, captions: Captions) -> Document:
    """A pair of the document as a document."""
    known = pair.caption_position if captions == "each" else None
    part = f"{pair.image.position}" if known is None else f"{pair.image.position}.{known}"
    position = doc.free_position if known is None else known
    caption = Text(position=position, text=pair.text, role="caption", of=pair.image.position)
    return replace(doc, id=f"{doc.id}#{part}", elements=(pair.image, caption)).with_labels(text_from=pair.origin)
