"""Laws of dedup_image."""

from __future__ import annotations

from global_steps import outcomes

from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop, Dropped
from interloom.stages.dedup_image import DedupImage


def gallery(id_: str, *hashes: str) -> Document:
    """Images at the even positions, each followed by its caption."""
    pairs: list[Image | Text] = []
    for place, sha256 in enumerate(hashes):
        pairs.append(Image(position=2 * place, sha256=sha256, url=f"http://e.com/{sha256}"))
        pairs.append(Text(position=2 * place + 1, text=f"about {sha256}", origin="caption", of=2 * place))
    return Document(id=id_, elements=tuple(pairs))


def test_an_image_that_occurs_too_often_is_dropped_everywhere_with_its_captions() -> None:
    docs = [gallery(f"d{n}", f"own{n}", "logo") for n in range(3)]
    results = outcomes(DedupImage(at_most=2), docs[:2], docs[2:])
    drop = Drop("seen_too_often", 3, 2)
    assert results[:2] == [Dropped("d0", drop, 2, "http://e.com/logo"), gallery("d0", "own0")]
    assert [o.id for o in results if isinstance(o, Dropped)] == ["d0", "d1", "d2"]


def test_an_image_at_the_limit_stays() -> None:
    docs = [gallery("a", "logo"), gallery("b", "logo")]
    assert outcomes(DedupImage(at_most=2), docs) == docs


def test_the_second_copy_in_a_document_is_dropped() -> None:
    doc = gallery("a", "one", "two", "one")
    assert outcomes(DedupImage(), [doc]) == [
        Dropped("a", Drop("repeated_in_document"), 4, "http://e.com/one"),
        doc.without([4]),
    ]
    assert outcomes(DedupImage(in_document=False), [doc]) == [doc]


def test_copies_in_one_document_count_for_the_corpus() -> None:
    results = outcomes(DedupImage(at_most=2), [gallery("a", "x", "x"), gallery("b", "x")])
    assert [o.drop.reason for o in results if isinstance(o, Dropped)] == ["seen_too_often"] * 3


def test_images_without_the_hash_are_not_duplicates() -> None:
    docs = [gallery("a", "", "", ""), gallery("b", "", "")]
    assert outcomes(DedupImage(at_most=1), docs) == docs
    assert outcomes(DedupImage(at_most=1, key="phash"), [gallery("a", "x", "x")]) == [gallery("a", "x", "x")]


def test_images_are_compared_by_phash_with_key_phash() -> None:
    doc = Document(id="a", elements=tuple(Image(position=n, sha256=str(n), phash="f" * 16) for n in range(2)))
    assert outcomes(DedupImage(key="phash"), [doc]) == [Dropped("a", Drop("repeated_in_document"), 1), doc.without([1])]


def test_the_number_of_ranges_does_not_change_the_result() -> None:
    docs = [gallery(f"{n:02}", f"{n % 7}") for n in range(40)]
    found = outcomes(DedupImage(at_most=5), docs)
    assert sum(isinstance(o, Dropped) for o in found) == 30
    assert outcomes(DedupImage(at_most=5), docs, partitions=6) == found


def test_a_limit_below_one_is_refused() -> None:
    assert list(DedupImage(at_most=0).check()) == ["at_most: must be at least 1"]
