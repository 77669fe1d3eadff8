"""Packs documents into samples of a length in tokens, with a tokenizer of the user; resumable at any number of ranks.

Packed samples are made in lanes: sample j comes from lane j mod lanes, and lane l packs the documents at positions l, l + lanes,
... of every epoch. Lanes do not depend on each other, so whoever yields a lane's samples makes the same. A lane holds a few
documents open and fills a sample with the largest that fits. Its state is which document comes next, and which parts are open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from interloom.loader.order import key_of
from interloom.loader.pictures import Pictures
from interloom.loader.sample import Sample
from interloom.loader.tokens import Tokenizer, token_ids
from interloom.loader.views import parts_of
from interloom.loader.whole_numbers import problem_of
from interloom.pipeline.errors import FatalError

Item = Sequence[int] | bytes
LaneState = tuple[int, ...]
_MOST_EMPTY = 10_000
"""Documents in a row of a lane that may hold nothing. Our choice: then none of them does."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A document, or a part of one that is too long: runs of token ids and stored pictures in order."""

    id: str
    document: int
    part: int
    items: Sequence[Item]
    tokens: int
    images: int


@dataclass(frozen=True, slots=True)
class Packed:
    """A packed sample: its pieces in order, each a list of runs of token ids and pictures; `ids` are those of their documents,
    `lengths` their numbers of tokens, with those that pictures stand for."""

    pieces: Sequence[Sequence[Any]]
    ids: Sequence[str]
    lengths: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Packing:
    """How documents are packed.

    Parameters:
        tokenizer: Gives the token ids of a text: a sequence, or a mapping with `input_ids`, as tokenizers of Hugging Face do.
        length: Tokens of a packed sample, at most.
        image_tokens: Tokens that a picture stands for. Default 64, our choice: that of OpenFlamingo's resampler.
        most_images: Pictures of a packed sample, at most. Default 50 (LEOPARD, arXiv 2410.01744).
        open_documents: Pieces that a lane chooses from. Default 8, our choice.
        strands: Lanes for each sample of a batch. Workers share lanes without repeating each other's work if their number divides
            it. Default 24, our choice: divided by 1, 2, 3, 4, 6, 8 and 12.
        pictures: How pictures are given.
    """

    tokenizer: Tokenizer
    length: int
    image_tokens: int = 64
    most_images: int = 50
    open_documents: int = 8
    strands: int = 24
    pictures: Pictures = field(default=Pictures())

    def problem(self) -> str:
        """What is wrong with it; else empty."""
        if not callable(self.tokenizer):
            return f"packing: tokenizer: a function of a text, not {self.tokenizer!r}"
        counts = {name: getattr(self, name) for name in ("length", "most_images", "open_documents", "strands")}
        if problem := problem_of("packing", counts, 1) or problem_of("packing", {"image_tokens": self.image_tokens}, 0):
            return problem
        return "" if self.length > self.image_tokens else "packing: a sample must hold at least one picture and a token"

    @property
    def key(self) -> int:
        """63 bits of a hash of what decides what is packed together, but for the tokenizer: so much of it as two texts show."""
        shown = [token_ids(self.tokenizer, text) for text in ("Once upon a time, 12 cats", "Über naïve 猫 \n\t x = [1]")]
        return key_of(self.length, self.image_tokens, self.most_images, self.open_documents, self.strands, shown) >> 1

    def pieces(self, sample: Sample, document: int) -> list[Piece]:
        """The pieces of a document: one, or as many as its length and its pictures need."""
        pieces, items, tokens, images = list[Piece](), list[Item](), 0, 0

        def close() -> None:
            nonlocal items, tokens, images
            if items:
                pieces.append(Piece(sample.id, document, len(pieces), items, tokens, images))
            items, tokens, images = [], 0, 0

        for item in self._items(sample):
            size = self.image_tokens if isinstance(item, bytes) else len(item)
            while not isinstance(item, bytes) and tokens + size > self.length:
                head, item = item[: self.length - tokens], item[self.length - tokens :]
                items += [head] if head else []
                tokens += len(head)
                close()
                size = len(item)
            if isinstance(item, bytes) and (tokens + size > self.length or images == self.most_images):
                close()
            if size or isinstance(item, bytes):
                items.append(item)
                tokens, images = tokens + size, images + isinstance(item, bytes)
        close()
        return pieces

    def _items(self, sample: Sample) -> Iterator[Item]:
        for part in parts_of(sample):
            if part.text is not None:
                yield token_ids(self.tokenizer, part.text)
            elif part.data is not None and part.kind == "image":
                yield part.data

    def shown(self, piece: Piece) -> Sequence[Any]:
        """The runs of token ids and the decoded pictures of a piece. Raises what PIL raises for bytes that are no picture."""
        return [self.pictures(item) if isinstance(item, bytes) else item for item in piece.items]


Reading = Callable[[], Sequence[Sequence[Piece]]]
"""The pieces of some documents, which may have been read meanwhile."""
Read = Callable[[int, Sequence[int]], Reading]
"""(lane, documents of it) -> what gives the pieces of each."""


class Lane:
    """Packs the documents of a lane, one sample after the other.

    Parameters:
        number: The number of the lane.
        packing: How documents are packed.
        read: Begins to read documents.
        state: Where it goes on.
    """

    def __init__(self, number: int, packing: Packing, read: Read, state: LaneState | None = None) -> None:
        _, self.made, self._next = state[:3] if state else (number, 0, 0)
        self.number, self._packing, self._read = number, packing, read
        self._stored = state[3:] if state else ()
        self._open: list[Piece] | None = None if self._stored else []
        self._coming: Reading | None = None

    def begin(self) -> None:
        """Begins to read what its next sample needs, if that has not begun."""
        if self._coming is None:
            documents = self._missing() if self._open is not None else self._stored_documents()
            self._coming = self._read(self.number, documents)

    def _missing(self) -> range:
        """The documents that fill up what is open."""
        return range(self._next, self._next + max(self._packing.open_documents - len(self._open or ()), 0))

    def _read_now(self) -> Sequence[Sequence[Piece]]:
        """The pieces of the documents that it needs: those that have been begun, or else all that are missing."""
        self.begin()
        coming, self._coming = self._coming, None
        return coming() if coming else ()

    @property
    def state(self) -> LaneState:
        """Its number, how many samples it has made, its next document, and (document, part) of what is open."""
        opened = self._stored if self._open is None else [n for piece in self._open for n in (piece.document, piece.part)]
        return (self.number, self.made, self._next, *opened)

    def sample(self, number: int) -> list[Piece]:
        """The pieces of its sample of this number; samples before it are passed over."""
        while self.made < number:
            self._one()
        return self._one()

    def _one(self) -> list[Piece]:
        opened, empty = self._opened(), 0
        while missing := self._missing():
            for pieces in self._read_now():
                opened += pieces
            self._next = missing.stop
            empty = 0 if opened else empty + len(missing)
            if empty > _MOST_EMPTY:
                raise FatalError(f"packing: {empty} documents in a row hold neither text nor pictures")
        chosen = [opened.pop(0)]
        tokens, images = self._packing.length - chosen[0].tokens, self._packing.most_images - chosen[0].images
        while fitting := [n for n, piece in enumerate(opened) if piece.tokens <= tokens and piece.images <= images]:
            chosen.append(opened.pop(max(fitting, key=lambda n: opened[n].tokens)))
            tokens, images = tokens - chosen[-1].tokens, images - chosen[-1].images
        self.made += 1
        return chosen

    def _opened(self) -> list[Piece]:
        """What is open; after a restart it is read again."""
        if self._open is None:
            pieces = dict(zip(self._stored_documents(), self._read_now(), strict=True))
            stored = self._stored_pairs()  # of a document that can no longer be read nothing is open
            self._open = [pieces[document][part] for document, part in stored if part < len(pieces[document])]
        return self._open

    def _stored_pairs(self) -> list[tuple[int, int]]:
        return list(zip(self._stored[::2], self._stored[1::2], strict=True))

    def _stored_documents(self) -> list[int]:
        return [document for document, _ in groupby(self._stored_pairs(), key=lambda pair: pair[0])]
