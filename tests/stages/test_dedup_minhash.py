"""Laws of dedup_minhash: detection, verification, the keep policies, and the numbers it states."""

from __future__ import annotations

import random

import pytest
from global_steps import Stored, gone, outcomes

from interloom.schemas.document import Document, Source, Text
from interloom.schemas.outcome import Dropped
from interloom.stages.dedup_minhash import DedupMinhash, detection_probability


def article(id_: str, text: str, date: str = "") -> Document:
    return Document(id=id_, source=Source(date=date), elements=(Text(position=0, text=text),))


def prose(seed: int, words: int = 200) -> list[str]:
    generator = random.Random(seed)
    return [f"w{generator.randrange(50_000)}" for _ in range(words)]


def pair(seed: int, shared: int, own: int) -> tuple[str, str]:
    """Two texts of words that occur once: Jaccard similarity of the word sets = shared / (shared + 2 own)."""
    words = [f"x{word}" for word in random.Random(seed).sample(range(10**9), shared + 2 * own)]
    common = words[:shared]
    return " ".join(common + words[shared : shared + own]), " ".join(common + words[shared + own :])


@pytest.mark.parametrize(
    ("bands", "rows", "expected"),
    [
        (14, 8, (0.053, 0.211, 0.565, 0.772, 0.924, 0.988, 1.0, 1.0)),  # FineWeb
        (450, 20, (0.000, 0.016, 0.302, 0.761, 0.995, 1.0, 1.0, 1.0)),  # RefinedWeb
        (20, 13, (0.002, 0.026, 0.177, 0.382, 0.677, 0.924, 0.997, 1.0)),
        (9, 13, (0.001, 0.012, 0.084, 0.195, 0.399, 0.686, 0.929, 0.998)),  # datasketch's choice for 0.8 with 128
        (32, 8, (0.118, 0.418, 0.850, 0.966, 0.997, 1.0, 1.0, 1.0)),
    ],
)
def test_detection_probabilities_are_the_published_ones(bands: int, rows: int, expected: tuple[float, ...]) -> None:
    similarities = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
    assert [detection_probability(s, bands, rows) for s in similarities] == pytest.approx(expected, abs=0.0006)


@pytest.mark.parametrize(("shared", "own"), [(120, 40), (140, 30), (160, 20)])
def test_pairs_are_found_as_often_as_promised(shared: int, own: int) -> None:
    stage = DedupMinhash(ngram=1, bands=14, rows=8, threshold=0.01)
    pairs = [pair(seed, shared, own) for seed in range(400)]
    docs = [article(f"{n}{side}", text) for n, both in enumerate(pairs) for side, text in zip("ab", both, strict=True)]
    promised = detection_probability(shared / (shared + 2 * own), 14, 8)
    error = (promised * (1 - promised) / len(pairs)) ** 0.5
    assert len(gone(outcomes(stage, docs))) / len(pairs) == pytest.approx(promised, abs=3.5 * error)


def test_candidates_below_the_threshold_are_not_duplicates() -> None:
    alike, unlike = pair(1, 190, 10), pair(2, 150, 50)
    docs = [article("a", alike[0]), article("b", alike[1]), article("c", unlike[0]), article("d", unlike[1])]
    stage = DedupMinhash(ngram=1, bands=128, rows=2)
    assert gone(outcomes(stage, docs)) == {"b": "a"}


def test_the_similarity_is_the_measured_value() -> None:
    left, right = pair(3, 190, 10)
    [_, dropped] = outcomes(DedupMinhash(ngram=1), [article("a", left), article("b", right)])
    assert isinstance(dropped, Dropped)
    assert (dropped.drop.reason, dropped.drop.threshold) == ("near_duplicate", 0.8)
    assert dropped.drop.value == pytest.approx(190 / 210, abs=0.06)


def test_the_keep_policy_decides_which_document_stays() -> None:
    words = prose(1)
    docs = [
        article("first", " ".join(words), "2020-01-01"),
        article("newest", " ".join(words[1:]), "2022-01-01T00:00:00+00:00"),
        article("longest", " ".join([*words, "more"]), "not a date"),
    ]
    assert gone(outcomes(DedupMinhash(keep="first"), docs[:1], docs[1:])) == {"newest": "first", "longest": "first"}
    assert gone(outcomes(DedupMinhash(), docs[:1], docs[1:])) == {"first": "newest", "longest": "newest"}
    assert gone(outcomes(DedupMinhash(keep="longest"), docs[:1], docs[1:])) == {"first": "longest", "newest": "longest"}


def test_of_a_chain_of_near_duplicates_one_document_stays() -> None:
    words = prose(5, 400)
    docs = [article(f"{step}", " ".join(words[12 * step : 12 * step + 200])) for step in range(8)]
    assert gone(outcomes(DedupMinhash(), docs)) == {f"{step}": "0" for step in range(1, 8)}


def test_documents_without_words_are_not_duplicates() -> None:
    docs = [article("a", ""), article("b", ""), article("c", " \n"), article("d", "... !?"), Document(id="e")]
    assert outcomes(DedupMinhash(), docs) == docs


def test_short_documents_are_compared_by_all_their_words() -> None:
    docs = [article("a", "Two words"), article("b", "two  words!"), article("c", "words two"), article("d", "word")]
    assert gone(outcomes(DedupMinhash(), docs)) == {"b": "a"}
    assert gone(outcomes(DedupMinhash(min_words=3), docs)) == {}


def test_batches_parts_and_scans_do_not_change_the_result() -> None:
    docs = [article(f"{n:03}", " ".join(prose(n % 40)[: 200 - n // 40])) for n in range(120)]
    found = gone(outcomes(DedupMinhash(), docs))
    assert found == {f"{n:03}": f"{n % 40:03}" for n in range(40, 120)}
    for scans in (5, 32, 64):
        assert gone(outcomes(DedupMinhash(), docs[:1], docs[1:70], [], docs[70:], scans=scans)) == found


def test_the_order_of_the_edges_does_not_change_the_result() -> None:
    stage = DedupMinhash()
    sketches = Stored(stage.sketch([article(f"{n}", " ".join(prose(n % 9)[: 200 - n // 9])) for n in range(40)]))
    found = [stage.scan(number, 32, sketches, {}) for number in range(32)]
    assert stage.decide(Stored(*found)).equals(stage.decide(Stored(*reversed(found))))


def test_boilerplate_is_compared_in_linear_time() -> None:
    docs = [article(f"{n:05}", " ".join([*prose(0, 60), f"page{n}"])) for n in range(3_000)]
    docs.append(article("other", " ".join(prose(1, 60))))
    found = gone(outcomes(DedupMinhash(), docs))
    assert set(found.values()) == {"00000"}
    assert len(found) == 2_999


def test_the_threshold_and_the_policy_do_not_change_the_sketch() -> None:
    docs = [article(f"{n}", " ".join(prose(n)), "2020-01-01") for n in range(3)]
    assert DedupMinhash().sketch(docs).equals(DedupMinhash(threshold=0.5, keep="first").sketch(docs))
    assert not DedupMinhash().sketch(docs).equals(DedupMinhash(seed=2).sketch(docs))


def test_no_documents_give_no_outcomes() -> None:
    assert outcomes(DedupMinhash()) == []
    assert outcomes(DedupMinhash(), [], []) == []


def test_the_plan_warns_of_bands_that_miss_pairs_at_the_threshold() -> None:
    assert not any("warning" in line for line in DedupMinhash().notes())
    lines = list(DedupMinhash(bands=9, rows=13).notes())
    assert "0.8: 0.399" in lines[0]
    assert "60%" in lines[-1] and lines[-1].startswith("warning")


def test_impossible_parameters_are_named() -> None:
    problems = list(DedupMinhash(ngram=0, threshold=1.5, seed=-1).check())
    assert [line.split(":")[0] for line in problems] == ["ngram", "threshold", "seed"]
