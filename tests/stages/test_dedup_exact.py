"""Laws of dedup_exact."""

from __future__ import annotations

from dataclasses import replace

from global_steps import gone, outcomes

from interloom.schemas.document import Document, Element, Image, Source, Text
from interloom.schemas.outcome import Dropped
from interloom.stages.dedup_exact import DedupExact


def article(id_: str, text: str = "", *hashes: str, date: str = "") -> Document:
    blocks: list[Element] = [Text(position=0, text=text)] if text else []
    images = [Image(position=1 + place, sha256=sha256) for place, sha256 in enumerate(hashes)]
    return Document(id=id_, source=Source(date=date), elements=(*blocks, *images))


def test_case_and_white_space_are_ignored_by_default() -> None:
    docs = [article("a", "One  two\n"), article("b", "one TWO"), article("c", "one two three")]
    assert gone(outcomes(DedupExact(), docs)) == {"b": "a"}
    assert gone(outcomes(DedupExact(normalise=False), docs)) == {}


def test_the_newest_stays() -> None:
    docs = [article("old", "same", date="2001-01-01"), article("new", "same", date="2002-01-01")]
    assert gone(outcomes(DedupExact(), docs[:1], docs[1:])) == {"old": "new"}


def test_documents_without_text_are_compared_by_their_images_in_order() -> None:
    docs = [article("a", "", "1f", "2f"), article("b", "", "2f", "1f"), article("c", "", "1f", "2f")]
    results = outcomes(DedupExact(), docs)
    assert gone(results) == {"c": "a"}
    assert [o.drop.reason for o in results if isinstance(o, Dropped)] == ["duplicate_images"]


def test_documents_with_neither_text_nor_hashes_are_not_duplicates() -> None:
    docs = [article("a"), article("b"), article("c", " \n"), article("d", "", ""), article("e", "", "")]
    assert outcomes(DedupExact(), docs) == docs


def test_a_text_never_equals_an_image() -> None:
    assert gone(outcomes(DedupExact(), [article("a", "1f"), article("b", "", "1f")])) == {}


def test_the_same_text_is_a_duplicate_whatever_its_images() -> None:
    results = outcomes(DedupExact(), [article("a", "same", "1f"), article("b", "same", "2f")])
    assert gone(results) == {"b": "a"}
    assert [o.drop.reason for o in results if isinstance(o, Dropped)] == ["duplicate_text"]


def test_lone_surrogates_are_compared_as_characters() -> None:
    assert gone(outcomes(DedupExact(), [article("a", "\ud800"), article("b", "\udfff"), article("c", "\ud800")])) == {"c": "a"}


def test_batches_and_ranges_of_keys_do_not_change_the_result() -> None:
    docs = [article(f"{n:03}", f"text {n % 30}") for n in range(90)]
    found = gone(outcomes(DedupExact(), docs))
    assert found == {f"{n:03}": f"{n % 30:03}" for n in range(30, 90)}
    assert gone(outcomes(DedupExact(), docs[:1], docs[1:50], docs[50:], partitions=5)) == found


def test_pairs_are_duplicates_only_with_the_same_image() -> None:
    docs = [article("a", "same", "1f"), article("b", "same", "2f"), article("c", "same", "1f"), article("d", "same", "")]
    assert gone(outcomes(DedupExact(images="sha256"), docs)) == {"c": "a"}
    assert gone(outcomes(DedupExact(images="url"), docs)) == {}


def test_pairs_with_images_of_the_same_url_are_duplicates() -> None:
    pair = Document(id="a", elements=(Text(position=0, text="A boat."), Image(position=1, url="https://x/1.png")))
    other = replace(pair, id="b", elements=(pair.elements[0], Image(position=1, url="https://x/2.png")))
    assert gone(outcomes(DedupExact(images="url"), [pair, other, replace(pair, id="c")])) == {"c": "a"}
