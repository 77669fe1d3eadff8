"""Accounts balance, add up, and survive JSON."""

from __future__ import annotations

import json

import pytest

from interloom.pipeline.execution.balance import Account, Book, total


@pytest.mark.parametrize(
    ("account", "missing"),
    [
        (Account(), 0),
        (Account(into=5, out=2, quarantined=1, left=1, dropped={"a": 1}), 0),
        (Account(into=1, born=2, out=3), 0),
        (Account(into=2, born=3, out=4, replaced=1), 0),
        (Account(into=5, out=4), 1),
        (Account(into=5, out=6), -1),
    ],
)
def test_what_is_unaccounted_for_is_counted(account: Account, missing: int) -> None:
    assert account.missing == missing


def test_an_imbalance_names_what_is_wrong() -> None:
    book = Book(Account(into=2, out=1), Account(out=3))
    assert book.imbalance() == "documents: 1 unaccounted for; images: -3 unaccounted for"


def test_drops_are_counted_by_reason() -> None:
    account = Account()
    for reason in ("a", "b", "a"):
        account.drop(reason)
    assert account.dropped == {"a": 2, "b": 1}


def test_books_of_many_units_add_up_by_step() -> None:
    one = {"read": (Book(Account(into=1, dropped={"a": 1}), Account(left=1), Account(dropped={"spam": 1}), seconds=0.5))}
    two = {
        "read": (Book(Account(into=2, dropped={"a": 1, "b": 1}), Account(born=2), Account(dropped={"spam": 2}), seconds=1.0)),
        "write": (Book()),
    }
    added = total([one, two])
    assert added["read"] == Book(
        Account(into=3, dropped={"a": 2, "b": 1}), Account(left=1, born=2), Account(dropped={"spam": 3}), seconds=1.5
    )
    assert list(added) == ["read", "write"]


def test_adding_up_leaves_the_units_books_alone() -> None:
    unit = {"read": (Book(Account(into=1, dropped={"a": 1})))}
    total([unit, unit])
    assert unit["read"].documents.dropped == {"a": 1}


def test_a_book_survives_json() -> None:
    book = Book(Account(into=1, out=1), Account(left=3), Account(replaced=2), Account(born=1), 0.25)
    assert Book.from_json(json.loads(json.dumps(book.to_json()))) == book


def test_a_book_of_a_run_that_did_not_count_texts_is_read() -> None:
    account = {"into": 1, "born": 0, "out": 1, "quarantined": 0, "left": 0, "dropped": {}}
    old = {"documents": account, "images": account, "texts_dropped": {"spam": 2}, "seconds": 0.5}
    assert Book.from_json(old) == Book(Account(into=1, out=1), Account(into=1, out=1), seconds=0.5)
