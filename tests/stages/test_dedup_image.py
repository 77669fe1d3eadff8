"""Laws of dedup_image."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from global_steps import outcomes

from interloom.schemas.document import Document, Image, Source, Text
from interloom.schemas.outcome import Drop, Dropped, Outcome
from interloom.stages.dedup_image import DedupImage, near
from interloom.stages.dedup_image.scopes import scope_name

Place = tuple[str, int]


def gallery(id_: str, *hashes: str) -> Document:
    """Images at the even positions, each followed by its caption."""
    pairs: list[Image | Text] = []
    for place, sha256 in enumerate(hashes):
        pairs.append(Image(position=2 * place, sha256=sha256, url=f"http://e.com/{sha256}"))
        pairs.append(Text(position=2 * place + 1, text=f"about {sha256}", origin="caption", of=2 * place))
    return Document(id=id_, elements=tuple(pairs))


def pictures(id_: str, *hashes: int, url: str = "", path: str = "") -> Document:
    """Images with these perceptual hashes."""
    elements = tuple(Image(position=n, phash=f"{one:016x}") for n, one in enumerate(hashes))
    return Document(id=id_, source=Source(url=url, path=path), elements=elements)


def dropped(said: Iterable[Outcome]) -> dict[Place, float | None]:
    """Document and position of the dropped images, and the values of the drops."""
    return {(o.id, o.position or 0): o.drop.value for o in said if isinstance(o, Dropped)}


def phash(**parameters: Any) -> DedupImage:
    """The step on perceptual hashes."""
    return DedupImage(key="phash", **parameters)


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
    assert outcomes(phash(at_most=1), [gallery("a", "x", "x")]) == [gallery("a", "x", "x")]


@pytest.mark.parametrize("no_hash", ["f" * 15, "f" * 17, "g" * 16, "+" + "f" * 15])
def test_what_is_not_64_bits_in_hexadecimal_digits_is_no_perceptual_hash(no_hash: str) -> None:
    doc = Document(id="a", elements=tuple(Image(position=n, phash=no_hash) for n in range(3)))
    assert outcomes(phash(at_most=1, distance=2), [doc]) == [doc]


def test_images_are_compared_by_phash_with_key_phash() -> None:
    doc = Document(id="a", elements=tuple(Image(position=n, sha256=str(n), phash="f" * 16) for n in range(2)))
    assert outcomes(phash(), [doc]) == [Dropped("a", Drop("repeated_in_document"), 1), doc.without([1])]


def test_documents_without_images_stay() -> None:
    docs = [Document(id=str(n), elements=(Text(position=0, text="One."),)) for n in range(20)]
    assert outcomes(phash(distance=4, at_most=1), docs) == docs


def test_images_within_the_distance_count_for_each_other() -> None:
    docs = [pictures("a", 0b0), pictures("b", 0b11), pictures("c", 0b1111), pictures("d", 1 << 63 | 0b1111_0000)]
    assert dropped(outcomes(phash(distance=2, at_most=1), docs)) == {("a", 0): 2, ("b", 0): 3, ("c", 0): 2}
    assert dropped(outcomes(phash(distance=2, at_most=2), docs)) == {("b", 0): 3}
    assert dropped(outcomes(phash(distance=1, at_most=1), docs)) == {}


@pytest.mark.parametrize("distance", [0, 3])
def test_the_first_occurrence_stays_if_the_recipe_says_so(distance: int) -> None:
    docs = [pictures("a", 0), pictures("b", 7), pictures("c", 0, 0b111111), pictures("d", 7)]
    found = dropped(outcomes(phash(distance=distance, keep="first", at_most=1, in_document=False), docs))
    assert found == ({("c", 0): 2, ("d", 0): 2} if distance == 0 else {("b", 0): 5, ("c", 0): 4, ("c", 1): 3, ("d", 0): 5})


@pytest.mark.parametrize("distance", [0, 3])
def test_the_first_stays_only_of_what_occurs_too_often(distance: int) -> None:
    docs = [pictures("a", 0), pictures("b", 0), pictures("c", ~0 & (1 << 64) - 1), pictures("d", 0)]
    step = phash(distance=distance, keep="first", at_most=2)
    assert dropped(outcomes(step, docs)) == {("b", 0): 3, ("d", 0): 3}
    assert dropped(outcomes(step, docs[:3])) == {}


@pytest.mark.parametrize("distance", [0, 2])
def test_occurrences_count_in_their_domain_or_dump_alone(distance: int) -> None:
    places = [
        ("http://www.x.org/a", "CC-MAIN-2024-10"),
        ("http://x.org/b", "CC-MAIN-2024-18"),
        ("http://y.org", "CC-MAIN-2024-10"),
    ]
    docs = [pictures(str(n), 0, url=url, path=f"{dump}/{n}") for n, (url, dump) in enumerate(places)]
    found = {
        scope: list(dropped(outcomes(phash(distance=distance, at_most=1, scope=scope), docs)))
        for scope in ("corpus", "domain", "dump")
    }
    assert found == {
        "corpus": [("0", 0), ("1", 0), ("2", 0)],
        "domain": [("0", 0), ("1", 0)],
        "dump": [("0", 0), ("2", 0)],
    }


def test_a_document_repeats_an_image_within_the_distance_of_an_earlier_one() -> None:
    doc = pictures("a", 0b0, 0b11, 0b1111, 0b11111_0000)
    assert dropped(outcomes(phash(distance=2), [doc])) == {("a", 1): None, ("a", 2): None}


def test_without_a_limit_only_repeated_images_of_a_document_are_dropped() -> None:
    docs = [pictures(str(n), 0, 0) for n in range(12)]
    assert dropped(outcomes(phash(distance=5, at_most=None), docs)) == {(str(n), 1): None for n in range(12)}


def near_hashes(chance: random.Random, centres: Sequence[int], distance: int) -> list[int]:
    """Up to five hashes, each of them a centre with up to distance + 2 changed bits."""
    found = []
    for _ in range(chance.randrange(6)):
        bits = sum(1 << place for place in chance.sample(range(64), chance.randrange(distance + 3)))
        found.append(chance.choice(centres) ^ bits)
    return found


def compared_with_all(step: DedupImage, docs: Sequence[Document]) -> dict[Place, int]:
    """The images to drop and how often they occur, by comparing each one with all."""
    places = [(doc.id, image.position) for doc in docs for image in doc.images]
    seen = [(int(image.phash, 16), scope_name(doc, step.scope)) for doc in docs for image in doc.images]
    found = {}
    for number, (one, scope) in enumerate(seen):
        near_ones = [n for n, (other, of) in enumerate(seen) if of == scope and (one ^ other).bit_count() <= step.distance]
        if len(near_ones) > (step.at_most or 0) and (step.keep == "none" or near_ones[0] < number):
            found[places[number]] = len(near_ones)
    return found


@pytest.mark.parametrize("keep", ["none", "first"])
@pytest.mark.parametrize("scope", ["corpus", "dump", "domain"])
@pytest.mark.parametrize("distance", [0, 1, 2, 4, 6, 10])
def test_the_result_is_that_of_comparing_each_image_with_all(
    monkeypatch: pytest.MonkeyPatch, distance: int, scope: Any, keep: Any
) -> None:
    chance = random.Random(f"{distance} {scope} {keep}")
    monkeypatch.setattr(near, "_LARGE", chance.choice([1, 4, 1024]))
    centres = [chance.getrandbits(64) for _ in range(4)]
    docs = [
        pictures(f"{n:02}", *near_hashes(chance, centres, distance), url=f"http://{n % 3}.org", path=f"CC-MAIN-2024-1{n % 2}/{n}")
        for n in range(40)
    ]
    step = phash(distance=distance, scope=scope, keep=keep, at_most=chance.choice([1, 3]), in_document=False)
    expected = compared_with_all(step, docs)
    assert 0 < len(expected) < sum(len(doc.images) for doc in docs)
    for parts, partitions in ((1, 1), (7, 5), (40, 16)):
        bounds = [len(docs) * n // parts for n in range(parts + 1)]
        some = [docs[start:stop] for start, stop in itertools.pairwise(bounds)]
        assert dropped(outcomes(step, *some, partitions=partitions)) == expected


def test_the_number_of_ranges_does_not_change_the_result() -> None:
    docs = [gallery(f"{n:02}", f"{n % 7}") for n in range(40)]
    found = outcomes(DedupImage(at_most=5), docs)
    assert sum(isinstance(o, Dropped) for o in found) == 30
    assert outcomes(DedupImage(at_most=5), docs, partitions=6) == found


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"at_most": 0}, "at_most: must be at least 1"),
        ({"key": "phash", "distance": -1}, "distance: must be between 0 and 10"),
        ({"key": "phash", "distance": 11}, "distance: must be between 0 and 10"),
        ({"distance": 1}, "distance: needs key: phash, because hashes of bytes have no distances"),
        (
            {"at_most": None, "in_document": False},
            "at_most: without a limit and without in_document the step drops nothing",
        ),
    ],
)
def test_parameters_without_sense_are_refused(parameters: dict[str, Any], problem: str) -> None:
    assert list(DedupImage(**parameters).check()) == [problem]
