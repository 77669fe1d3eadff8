"""Laws of dedup_image."""

from __future__ import annotations

from global_steps import outcomes

from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop, Dropped
from interloom.stages.dedup_image import DedupImage


def gallery(id_: str, *hashes: str) -> Document:
    """Pictures at the even positions, each followed by its caption."""
    pairs: list[Image | Text] = []
    for place, sha256 in enumerate(hashes):
        pairs.append(Image(position=2 * place, sha256=sha256, url=f"http://e.com/{sha256}"))
        pairs.append(Text(position=2 * place + 1, text=f"about {sha256}", origin="caption", of=2 * place))
    return Document(id=id_, elements=tuple(pairs))


def test_a_picture_seen_too_often_goes_everywhere_with_its_captions() -> None:
    docs = [gallery(f"d{n}", f"own{n}", "logo") for n in range(3)]
    said = outcomes(DedupImage(at_most=2), docs[:2], docs[2:])
    drop = Drop("seen_too_often", 3, 2)
    assert said[:2] == [Dropped("d0", drop, 2, "http://e.com/logo"), gallery("d0", "own0")]
    assert [o.id for o in said if isinstance(o, Dropped)] == ["d0", "d1", "d2"]


def test_a_picture_at_the_limit_stays() -> None:
    docs = [gallery("a", "logo"), gallery("b", "logo")]
    assert outcomes(DedupImage(at_most=2), docs) == docs


def test_the_second_copy_in_a_document_goes() -> None:
    doc = gallery("a", "one", "two", "one")
    assert outcomes(DedupImage(), [doc]) == [
        Dropped("a", Drop("repeated_in_document"), 4, "http://e.com/one"),
        doc.without([4]),
    ]
    assert outcomes(DedupImage(in_document=False), [doc]) == [doc]


def test_copies_in_one_document_count_for_the_corpus() -> None:
    said = outcomes(DedupImage(at_most=2), [gallery("a", "x", "x"), gallery("b", "x")])
    assert [o.drop.reason for o in said if isinstance(o, Dropped)] == ["seen_too_often"] * 3


def test_pictures_without_the_hash_are_no_duplicates() -> None:
    docs = [gallery("a", "", "", ""), gallery("b", "", "")]
    assert outcomes(DedupImage(at_most=1), docs) == docs
    assert outcomes(DedupImage(at_most=1, key="phash"), [gallery("a", "x", "x")]) == [gallery("a", "x", "x")]


def test_perceptual_hashes_count_when_asked() -> None:
    doc = Document(id="a", elements=tuple(Image(position=n, sha256=str(n), phash="f" * 16) for n in range(2)))
    assert outcomes(DedupImage(key="phash"), [doc]) == [Dropped("a", Drop("repeated_in_document"), 1), doc.without([1])]


def test_the_number_of_scans_changes_nothing() -> None:
    docs = [gallery(f"{n:02}", f"{n % 7}") for n in range(40)]
    found = outcomes(DedupImage(at_most=5), docs)
    assert sum(isinstance(o, Dropped) for o in found) == 30
    assert outcomes(DedupImage(at_most=5), docs, scans=6) == found


def test_a_limit_below_one_is_refused() -> None:
    assert list(DedupImage(at_most=0).check()) == ["at_most: must be at least 1"]
