"""The books of a step: what went in, came out, was dropped and why, was quarantined. They must balance (law L1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from interloom.schemas.document import Clip, Element, Image, Text

Column = Literal["into", "born", "out", "left"]


@dataclass(slots=True)
class Account:
    """Counts of documents, images, texts or clips: into + born = out + dropped + quarantined + left + replaced.

    `born` counts what the step made (children of a document, images found in a page, parts of a text), `left` the elements that
    went away together with their document, or texts with the image that they describe, `replaced` the texts and clips that
    were cut, joined or otherwise replaced by others, `dropped` those dropped, by reason.
    """

    into: int = 0
    born: int = 0
    out: int = 0
    quarantined: int = 0
    left: int = 0
    replaced: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def drop(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    @property
    def seen(self) -> int:
        """All that the step had to do with."""
        return self.into + self.born

    @property
    def missing(self) -> int:
        """How many are unaccounted for; 0 when the account balances."""
        return self.seen - self.out - self.quarantined - self.left - self.replaced - sum(self.dropped.values())

    def add(self, other: Account) -> None:
        self.into += other.into
        self.born += other.born
        self.out += other.out
        self.quarantined += other.quarantined
        self.left += other.left
        self.replaced += other.replaced
        for reason, count in other.dropped.items():
            self.dropped[reason] = self.dropped.get(reason, 0) + count

    def to_json(self) -> dict[str, Any]:
        return {
            "into": self.into,
            "born": self.born,
            "out": self.out,
            "quarantined": self.quarantined,
            "left": self.left,
            "replaced": self.replaced,
            "dropped": self.dropped,
        }


@dataclass(slots=True)
class Book:
    """One step's accounts, and its seconds of work."""

    documents: Account = field(default_factory=Account)
    images: Account = field(default_factory=Account)
    texts: Account = field(default_factory=Account)
    clips: Account = field(default_factory=Account)
    seconds: float = 0.0

    @property
    def accounts(self) -> dict[str, Account]:
        """Its accounts by name."""
        return {"documents": self.documents, "images": self.images, "texts": self.texts, "clips": self.clips}

    def of(self, element: Element | None) -> Account:
        """The account of elements of this kind; of an element that nobody knows, because it was dropped as it was found, that
        of images."""
        return {Text: self.texts, Clip: self.clips}.get(type(element), self.images)

    def count(self, elements: Sequence[Element], *columns: Column) -> None:
        """Enters elements in these columns of the accounts of their kinds: in "into" and "out" those that pass unchanged."""
        kinds = list(map(type, elements))
        for account, kind in ((self.images, Image), (self.texts, Text), (self.clips, Clip)):
            if count := kinds.count(kind):
                for column in columns:
                    setattr(account, column, getattr(account, column) + count)

    def add(self, other: Book) -> None:
        for account, more in zip(self.accounts.values(), other.accounts.values(), strict=True):
            account.add(more)
        self.seconds += other.seconds

    def imbalance(self) -> str:
        """What does not balance, in words: "images: 2 unaccounted for"; empty when everything does."""
        return "; ".join(
            f"{name}: {account.missing} unaccounted for" for name, account in self.accounts.items() if account.missing
        )

    def to_json(self) -> dict[str, Any]:
        return {**{name: account.to_json() for name, account in self.accounts.items()}, "seconds": self.seconds}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Book:
        """The book; in books of runs of earlier versions texts and clips are not counted."""
        accounts = {name: Account(**values[name]) for name in cls().accounts if name in values}
        return cls(**accounts, seconds=values["seconds"])


Books = Mapping[str, Book]
"""Books by step key."""


def total(books: Iterable[Books]) -> dict[str, Book]:
    """The books of many units added up, by step key in the order first seen."""
    totals: dict[str, Book] = {}
    for unit in books:
        add(totals, unit)
    return totals


def add(totals: dict[str, Book], unit: Books) -> None:
    """Adds a unit's books to the totals."""
    for key, book in unit.items():
        totals.setdefault(key, Book()).add(book)
