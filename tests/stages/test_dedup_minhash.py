"""Laws of dedup_minhash: detection, verification, the keep policies, and the numbers it states."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
from global_steps import Stored, gone, outcomes, verdicts

from interloom.pipeline.exchange_rows import with_nodes
from interloom.schemas.document import Document, Source, Text
from interloom.schemas.outcome import Dropped
from interloom.stages.dedup_minhash import DedupMinhash, buckets, detection_probability, minhash


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


def test_parts_and_partitions_do_not_change_the_result() -> None:
    docs = [article(f"{n:03}", " ".join(prose(n % 40)[: 200 - n // 40])) for n in range(120)]
    found = gone(outcomes(DedupMinhash(), docs))
    assert found == {f"{n:03}": f"{n % 40:03}" for n in range(40, 120)}
    for partitions in (1, 7, 64):
        assert gone(outcomes(DedupMinhash(), docs[:1], docs[1:70], [], docs[70:], partitions=partitions)) == found


def by_all_pairs(sketches: list[pa.Table], least_matches: int) -> dict[str, str]:
    """The kept id of each duplicate: texts of a bucket are compared with its first 64 and the one before, then united."""
    rows = [row for sketch in sketches for row in sketch.to_pylist()]
    parent = list(range(len(rows)))

    def root(row: int) -> int:
        while parent[row] != row:
            row = parent[row]
        return row

    for band in [name for name in rows[0] if name.startswith("band_")]:
        buckets: dict[int, list[int]] = {}
        for number, row in enumerate(rows):
            members = buckets.setdefault(row[band], [])
            for other in {*members[:64], *members[-1:]}:
                same = np.frombuffer(row["signature"], np.uint8) == np.frombuffer(rows[other]["signature"], np.uint8)
                if same.sum() >= least_matches:
                    parent[root(number)] = root(other)
            members.append(number)
    groups: dict[int, list[int]] = {}
    for number in range(len(rows)):
        groups.setdefault(root(number), []).append(number)
    kept = {member: max(group, key=lambda n: (rows[n]["date"], -n)) for group in groups.values() for member in group}
    return {rows[member]["id"]: rows[stays]["id"] for member, stays in kept.items() if member != stays}


def corpus(seed: int, documents: int) -> list[Document]:
    """Texts of which most are an earlier one with up to a fifth of the words changed, and a day of the year as date."""
    chance = random.Random(seed)
    texts: list[list[str]] = []
    for number in range(documents):
        words = list(chance.choice(texts[:30] + texts[-3:])) if number > 3 else prose(chance.randrange(10**6), 40)
        for _ in range(chance.choice([0, 0, 1, 2, 8])):
            words[chance.randrange(40)] = f"n{chance.randrange(10**6)}"
        texts.append(words)
    days = [f"2020-01-{chance.randrange(1, 29):02}" for _ in texts]
    return [article(f"{n:04}", " ".join(words), day) for n, (words, day) in enumerate(zip(texts, days, strict=True))]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("partitions", [1, 7, 64])
def test_the_duplicates_are_those_of_comparing_and_uniting_pairs_one_by_one(seed: int, partitions: int) -> None:
    stage, docs = DedupMinhash(ngram=2, threshold=0.75, bands=12, rows=3), corpus(seed, 250)
    parts = [docs[:1], docs[1:90], [], docs[90:]]
    expected = by_all_pairs([stage.sketch(part) for part in parts], minhash.min_matches(0.75, 36))
    assert 100 < len(expected) < 249
    assert gone(outcomes(stage, *parts, partitions=partitions)) == expected


def test_verdicts_do_not_depend_on_the_number_of_partitions() -> None:
    stage, docs = DedupMinhash(ngram=2, threshold=0.75, bands=12, rows=3), corpus(7, 400)
    sketches = [stage.sketch(docs[first : first + 37]) for first in range(0, 400, 37)]
    one, *others = [verdicts(stage, sketches, partitions=count).sort_by("id") for count in (1, 7, 64)]
    assert 0 < one["similarity"].to_numpy().min() < one["similarity"].to_numpy().max() <= 1
    assert all(other.equals(one) for other in others)


@pytest.mark.parametrize("exchange", ["buckets", "pairs", "members", "kept"])
def test_rows_that_come_one_by_one_meet_as_those_of_one_table(exchange: str) -> None:
    stage, docs = DedupMinhash(ngram=2, threshold=0.75, bands=12, rows=3), corpus(3, 150)
    stored = {"sketch": [with_nodes(stage.sketch(docs), 0)]}
    for step in stage.exchanges():
        sent = pa.concat_tables([step.send(name, table) for name in step.reads for table in stored[name]])
        rows = sent.sort_by([("order", "ascending")] if step.joins_parts else [("key", "ascending"), ("order", "ascending")])
        rows = rows.combine_chunks()
        sketches = [Stored(*stored["sketch"])] if step.joins_parts else []
        stored[step.name] = list(step.meet(Stored(rows), *sketches))
        if step.name == exchange:
            single = pa.concat_tables(step.meet(Stored(*(rows.slice(n, 1) for n in range(len(rows))))))
            order = [(name, "ascending") for name in single.column_names]
            assert single.sort_by(order).equals(pa.concat_tables(stored[exchange]).sort_by(order))
            return


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_text_is_compared_with_the_first_64_of_its_bucket_and_the_one_before_it(size: int) -> None:
    kinds = np.array([*range(100), 3, 80, 80, 63, 64], np.uint64)  # texts of the same kind are near-duplicates
    signatures = pa.array([kind.tobytes() for kind in kinds], pa.binary(8))
    rows = pa.table(
        {"key": np.full(105, 9, np.uint64), "order": np.arange(105), "id": [""] * 105, "priority": np.zeros(105, int)}
    )
    rows = rows.append_column("signature", signatures)
    tables = Stored(*(rows.slice(first, size) for first in range(0, 105, size)))
    pairs = pa.concat_tables(buckets.meet_in_buckets(tables, values=8, least_matches=8))
    assert list(zip(*(pairs[end].to_pylist() for end in "ab"), strict=True)) == [(3, 100), (101, 102), (63, 103)]


def test_a_bucket_of_any_size_is_the_same_bucket_in_any_pieces() -> None:
    sizes = [1, 4, 5, 6, 9, 10, 11, 2, 1, 30]
    keys = np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes)
    rows = pa.table({"key": keys, "order": np.arange(len(keys))})
    for size in (1, 2, 3, 7, 100):
        pieces = Stored(*(rows.slice(first, size) for first in range(0, len(rows), size)))
        found = pa.concat_tables(buckets.meet_band_keys(pieces, most_listed=5)).to_pylist()
        by_bucket: dict[int, list[int]] = {}
        for row in found:
            by_bucket.setdefault(row["bucket"], []).append(row["node"])
        ends = np.cumsum(sizes)
        expected = [list(range(end - count, end)) for count, end in zip(sizes, ends.tolist(), strict=True) if count > 1]
        assert sorted(by_bucket.values()) == expected


def test_texts_that_share_many_keys_are_in_one_bucket() -> None:
    stage = DedupMinhash()
    sketch = with_nodes(stage.sketch([article("a", " ".join(prose(1))), article("b", " ".join(prose(1)))]), 0)
    first, second, *_ = stage.exchanges()
    rows = first.send("sketch", sketch).sort_by([("key", "ascending"), ("order", "ascending")])
    sent = second.send("buckets", pa.concat_tables(first.meet(Stored(rows)))).sort_by("order")
    assert len(rows) == 64
    assert len(pa.concat_tables(second.meet(Stored(sent), Stored(sketch)))) == 2


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


def test_a_signature_that_no_memory_holds_is_refused() -> None:
    assert list(DedupMinhash(bands=450, rows=20).check()) == []
    [problem] = DedupMinhash(bands=1_000_000, rows=1_000).check()
    assert problem.startswith("bands x rows: must be at most 65,536")


def test_impossible_parameters_are_named() -> None:
    problems = list(DedupMinhash(ngram=0, threshold=1.5, seed=-1).check())
    assert [line.split(":")[0] for line in problems] == ["ngram", "threshold", "seed"]
