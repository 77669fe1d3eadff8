"""The books of a step: what went in, came out, was dropped and why, was quarantined. They must balance (law L1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Account:
    """Counts of one kind (documents or images): in + born = out + dropped + quarantined + left.

    `born` are those a step made (children, extracted images), `left` images that went together with their document.
    """

    into: int = 0
    born: int = 0
    out: int = 0
    quarantined: int = 0
    left: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def drop(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    @property
    def missing(self) -> int:
        """How many are unaccounted for; 0 when the books balance."""
        return self.into + self.born - self.out - self.quarantined - self.left - sum(self.dropped.values())

    def add(self, other: Account) -> None:
        for name in ("into", "born", "out", "quarantined", "left"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for reason, count in other.dropped.items():
            self.dropped[reason] = self.dropped.get(reason, 0) + count


@dataclass(slots=True)
class Book:
    """One step's accounts and its seconds of work."""

    documents: Account = field(default_factory=Account)
    images: Account = field(default_factory=Account)
    texts_dropped: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, other: Book) -> None:
        self.documents.add(other.documents)
        self.images.add(other.images)
        for reason, count in other.texts_dropped.items():
            self.texts_dropped[reason] = self.texts_dropped.get(reason, 0) + count
        self.seconds += other.seconds

    def imbalance(self) -> str:
        """What is wrong with these accounts in words; empty when nothing is."""
        wrong = [f"{name}: {account.missing} unaccounted for" for name, account in self._named() if account.missing]
        return "; ".join(wrong)

    def _named(self) -> tuple[tuple[str, Account], tuple[str, Account]]:
        return ("documents", self.documents), ("images", self.images)


def from_json(values: Mapping[str, Any]) -> Book:
    """The book that `dataclasses.asdict` described."""
    return Book(
        Account(**{**values["documents"], "dropped": dict(values["documents"]["dropped"])}),
        Account(**{**values["images"], "dropped": dict(values["images"]["dropped"])}),
        dict(values["texts_dropped"]),
        values["seconds"],
    )


def total(books: Iterable[Mapping[str, Any]]) -> dict[str, Book]:
    """The books of many units added up, by step key in the order first seen."""
    added: dict[str, Book] = {}
    for unit in books:
        enter(added, unit)
    return added


def enter(added: dict[str, Book], unit: Mapping[str, Any]) -> None:
    """Adds a unit's books to those of others."""
    for key, values in unit.items():
        added.setdefault(key, Book()).add(from_json(values))
