"""Laws of dedup_url."""

from __future__ import annotations

import pytest
from global_steps import gone, outcomes

from interloom.schemas.document import Document, Source, Text
from interloom.schemas.outcome import Drop, Dropped
from interloom.stages.dedup_url import DedupUrl


def page(id_: str, url: str, date: str = "", text: str = "text") -> Document:
    return Document(id=id_, source=Source(url=url, date=date), elements=(Text(position=0, text=text),))


@pytest.mark.parametrize("hostile", ["http://[::1", "http://e.com:port/a", "::::", "%zz", "\ud800", "http://e\x00.com"])
def test_hostile_urls_have_a_key(hostile: str) -> None:
    assert DedupUrl().sketch([page("a", hostile)]).num_rows == 1


def test_the_newest_capture_stays() -> None:
    old, new = page("old", "http://e.com/", "2020-01-01"), page("new", "https://e.com", "2021-06-01T10:00:00Z")
    undated = page("undated", "http://e.com/#top")
    drop = Drop("duplicate_url")
    assert outcomes(DedupUrl(), [old, new], [undated]) == [
        Dropped("old", drop, url="http://e.com/", kept="new"),
        new,
        Dropped("undated", drop, url="http://e.com/#top", kept="new"),
    ]


def test_the_first_in_input_order_stays_with_keep_first_and_among_equals() -> None:
    pages = [page("z", "http://e.com/"), page("a", "http://e.com/"), page("b", "http://e.com/", "2021-01-01")]
    assert gone(outcomes(DedupUrl(keep="first"), pages[:1], pages[1:])) == {"a": "z", "b": "z"}
    assert gone(outcomes(DedupUrl(), pages[:1], pages[1:2])) == {"a": "z"}


def test_the_longest_stays_with_keep_longest() -> None:
    pages = [page("short", "http://e.com/"), page("long", "http://e.com/", text="much more text")]
    assert gone(outcomes(DedupUrl(keep="longest"), pages)) == {"short": "long"}


def test_documents_without_address_are_not_duplicates() -> None:
    assert gone(outcomes(DedupUrl(), [page("a", ""), page("b", " "), page("c", "")])) == {}


def test_parts_of_one_capture_are_kept_or_dropped_together() -> None:
    old = [page("old#0", "http://e.com/", "2020-01-01"), page("old#1", "http://e.com/", "2020-01-01")]
    new = [page("new#0", "http://e.com/", "2021-01-01"), page("new#1", "http://e.com/", "2021-01-01")]
    assert gone(outcomes(DedupUrl(), old, new)) == {"old#0": "new#0", "old#1": "new#0"}


def test_the_number_of_ranges_does_not_change_the_result() -> None:
    pages = [page(f"{n:03}", f"http://e.com/{n % 40}") for n in range(100)]
    found = gone(outcomes(DedupUrl(), pages[:50], pages[50:]))
    assert len(found) == 60
    assert gone(outcomes(DedupUrl(), pages[:50], pages[50:], partitions=7)) == found


def test_no_documents_give_no_verdicts() -> None:
    assert outcomes(DedupUrl()) == []
    assert outcomes(DedupUrl(), [], []) == []
