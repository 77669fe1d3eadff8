"""balance_clusters against counting by hand and deciding one document after the other."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from global_steps import outcomes, results, sketch_of
from hypothesis import given, settings
from hypothesis import strategies as st

from interloom.pipeline.planning import plugins
from interloom.pipeline.store import run_reader
from interloom.pipeline.store.commits import committed
from interloom.pipeline.store.merging import column
from interloom.schemas.columns import SIDE_TABLES
from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Drop, Dropped
from interloom.schemas.rows import table_of
from interloom.stages._select import capped
from interloom.stages._select.clustered import Drawing
from interloom.stages.balance_clusters import BalanceClusters

Corpus = Mapping[str, Sequence[int]]
"""By document the clusters of its images."""


def documents(corpus: Corpus) -> list[Document]:
    return [
        Document(id=id_, elements=tuple(Image(position=n, url=f"http://x/{id_}/{n}") for n in range(len(clusters))))
        for id_, clusters in corpus.items()
    ]


def sides(corpus: Corpus, name: str = "image") -> dict[str, list[pa.Table]]:
    rows = [
        {"id": id_, "position": n, "window": 0, "name": name, "cluster": cluster, "similarity": 0.5}
        for id_, clusters in corpus.items()
        for n, cluster in enumerate(clusters)
    ]
    return {"clusters": [table_of(rows, SIDE_TABLES["clusters"])]}


def test_a_text_with_several_vectors_in_a_cluster_counts_there_once() -> None:
    places = [("a", -1, 0, 7), ("a", -1, 1, 7), ("a", -1, 2, 8), ("b", -1, 0, 7)]
    rows = [
        {"id": id_, "position": position, "window": window, "name": "long", "cluster": cluster, "similarity": 0.5}
        for id_, position, window, cluster in places
    ]
    sketch = BalanceClusters(clusters="long").sketch_with(
        [Document(id="a"), Document(id="b")], {"clusters": [table_of(rows, SIDE_TABLES["clusters"])]}
    )
    rows_left = sketch.select(["id", "cluster", "count"]).to_pylist()
    assert [tuple(row.values()) for row in rows_left] == [("a", 7, 1), ("a", 8, 1), ("b", 7, 1)]


def dropped(stage: BalanceClusters, corpus: Corpus, parts: int = 3, ranges: int = 1) -> dict[tuple[str, int | None], Dropped]:
    docs = documents(corpus)
    divided = [docs[first::parts] for first in range(parts)]
    said = outcomes(stage, *divided, partitions=ranges, sides=sides(corpus))
    ids = [one.id for one in said if isinstance(one, Document) or (isinstance(one, Dropped) and one.position is None)]
    assert sorted(ids) == sorted(corpus)  # each document comes out or is dropped with a reason
    return {(one.id, one.position): one for one in said if isinstance(one, Dropped)}


def left(corpus: Corpus, found: Mapping[tuple[str, int | None], Dropped]) -> Counter[int]:
    """How many images each cluster has after."""
    places = ((id_, n, cluster) for id_, clusters in corpus.items() for n, cluster in enumerate(clusters))
    return Counter(cluster for id_, n, cluster in places if (id_, n) not in found and (id_, None) not in found)


def report(stage: BalanceClusters, corpus: Corpus, name: str) -> list[dict[str, Any]]:
    found = results(stage, [sketch_of(stage, documents(corpus), sides(corpus))], sides(corpus))
    return pa.concat_tables(found[name]).to_pylist()


def greedy(stage: BalanceClusters, corpus: Corpus) -> set[str]:
    """The documents that go if one after the other, in the order of their draws, stays when all its clusters have room."""
    sketch = sketch_of(stage, documents(corpus), sides(corpus))
    rows = sketch.append_column("node", pa.array(np.arange(sketch.num_rows)))
    units = Drawing(stage.cap, False, True, stage.seed).units(rows)
    draws = {
        sketch["id"][int(node)].as_py(): int(draw) for node, draw in zip(units["node"], units["draw"].view(np.int64), strict=True)
    }
    held, gone = Counter[int](), set()
    for id_ in sorted((id_ for id_ in corpus if corpus[id_]), key=lambda id_: draws[id_]):
        brought = Counter(corpus[id_])
        if all(held[cluster] + count <= stage.cap for cluster, count in brought.items()):
            held += brought
        else:
            gone.add(id_)
    return gone


def skewed(count: int, most: int, seed: int = 3) -> Corpus:
    made = random.Random(seed)
    return {f"{n}": [min(int(made.paretovariate(0.7)), 40) for _ in range(made.randrange(most + 1))] for n in range(count)}


@pytest.mark.parametrize("cap", [20, 35, 180])
def test_each_cluster_has_at_most_the_cap(cap: int) -> None:
    corpus = {f"{n}": [n % 3 if n < 500 else 9] for n in range(550)}
    found = dropped(BalanceClusters(cap=cap), corpus)
    assert left(corpus, found) == {**dict.fromkeys(range(3), min(cap, 166)), 0: min(cap, 167), 1: min(cap, 167), 9: min(cap, 50)}


def test_only_the_picture_goes_and_the_places_of_others_stay() -> None:
    corpus = {"a": [1, 2, 1, 3], "b": [2]}
    found = dropped(BalanceClusters(cap=1), corpus)
    assert sorted((one.kept, one.drop) for one in found.values()) == [
        ("cluster 1", Drop("above_cap", 2, 1)),
        ("cluster 2", Drop("above_cap", 2, 1)),
    ]
    [gone] = [position for id_, position in found if id_ == "a" and position in (0, 2)]
    said = outcomes(BalanceClusters(cap=1), documents(corpus), sides=sides(corpus))
    [doc] = [one for one in said if isinstance(one, Document) and one.id == "a"]
    kept = {0, 1, 2, 3} - {gone} - ({1} if ("a", 1) in found else set())
    assert [image.position for image in doc.images] == sorted(kept)


def test_a_document_goes_with_all_its_pictures_and_names_the_cluster_that_has_no_room() -> None:
    corpus = {f"{n}": [7, 100 + n] for n in range(10)}
    found = dropped(BalanceClusters(cap=3, drop="document"), corpus)
    assert len(found) == 7
    assert {(one.position, one.kept, one.drop) for one in found.values()} == {(None, "cluster 7", Drop("above_cap", 4, 3))}


def test_a_document_with_more_pictures_of_a_cluster_than_the_cap_goes() -> None:
    found = dropped(BalanceClusters(cap=2, drop="document"), {"a": [1, 1, 1], "b": [1]})
    assert {id_: one.drop for (id_, _), one in found.items()}["a"].threshold == 2
    assert ("b", None) not in found


@settings(max_examples=60)
@given(st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=30), st.integers(1, 6), st.integers(0, 3))
def test_strict_caps_decide_as_one_after_the_other_would(clusters: list[list[int]], cap: int, seed: int) -> None:
    corpus = {f"{n}": of for n, of in enumerate(clusters)}
    stage = BalanceClusters(cap=cap, drop="document", seed=seed)
    found = dropped(stage, corpus, ranges=1 + seed * 7)
    assert {id_ for id_, _ in found} == greedy(stage, corpus)
    assert max(left(corpus, found).values(), default=0) <= cap


def test_strict_caps_of_a_skewed_corpus_decide_as_one_after_the_other_would() -> None:
    corpus = skewed(3000, 5)
    stage = BalanceClusters(cap=20, drop="document")
    found = dropped(stage, corpus, ranges=7)
    assert {id_ for id_, _ in found} == greedy(stage, corpus)
    assert len(found) > 1000


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=30), st.integers(1, 6))
def test_no_cluster_of_any_corpus_holds_more_pictures_than_a_strict_cap(clusters: list[list[int]], cap: int) -> None:
    corpus = {f"{n}": of for n, of in enumerate(clusters)}
    counts = Counter(cluster for of in clusters for cluster in of)
    after = left(corpus, dropped(BalanceClusters(cap=cap), corpus))
    assert after == {cluster: min(count, cap) for cluster, count in counts.items()}


@pytest.mark.parametrize("rounds", [0, 1, 20])
def test_what_rounds_leave_is_decided_one_after_the_other(monkeypatch: pytest.MonkeyPatch, rounds: int) -> None:
    monkeypatch.setattr(capped, "ROUNDS", rounds)
    chain = {f"{n}": [n, n + 1] for n in range(40)}
    for corpus, cap in ((chain, 1), (skewed(600, 5), 7)):
        stage = BalanceClusters(cap=cap, drop="document")
        found = dropped(stage, corpus, ranges=7)
        assert {id_ for id_, _ in found} == greedy(stage, corpus)
        assert max(left(corpus, found).values()) <= cap
        assert all((one.drop.value or 0) > cap == one.drop.threshold and one.kept for one in found.values())


@pytest.mark.parametrize(("rule", "probability"), [("minimum", 0.1), ("maximum", 1.0)])
def test_a_document_stays_with_the_probability_of_one_of_its_clusters(rule: Any, probability: float) -> None:
    corpus = {f"{n}": [1, 2 + n] for n in range(500)}
    found = dropped(BalanceClusters(cap=50, drop="document", rule=rule), corpus)
    of, kept = 500, 500 - len(found)
    assert abs(kept - of * probability) <= 5 * math.sqrt(of * probability * (1 - probability))
    for one in found.values():
        assert (one.kept, one.drop.reason, one.drop.threshold) == ("cluster 1", "not_drawn", 0.1)
        assert (one.drop.value or 0) >= 0.1


@pytest.mark.parametrize("drop", ["element", "document"])
@pytest.mark.parametrize("rule", ["strict", "minimum", "maximum"])
def test_parts_ranges_and_the_order_of_documents_change_nothing(rule: Any, drop: Any) -> None:
    corpus = skewed(200, 4)
    stage = BalanceClusters(cap=4, drop=drop, rule=rule)
    usual = dropped(stage, corpus)
    assert len(usual) > 20
    order = random.Random(1).sample(sorted(corpus), len(corpus))
    for parts, ranges in ((1, 1), (7, 64), (200, 7)):
        assert dropped(stage, {id_: corpus[id_] for id_ in order}, parts, ranges) == usual


@pytest.mark.parametrize("drop", ["element", "document"])
@pytest.mark.parametrize("rule", ["strict", "minimum", "maximum"])
def test_the_report_counts_what_is_left_of_each_cluster(rule: Any, drop: Any) -> None:
    corpus = skewed(200, 4)
    stage = BalanceClusters(cap=4, drop=drop, rule=rule)
    after = left(corpus, dropped(stage, corpus, parts=1))
    before = Counter(cluster for of in corpus.values() for cluster in of)
    rows = {row["name"]: (row["before"], row["after"]) for row in report(stage, corpus, "clusters")}
    assert rows == {f"cluster {cluster}": (count, after[cluster]) for cluster, count in before.items()}


def test_another_seed_draws_others() -> None:
    corpus = skewed(200, 2)
    found = [dropped(BalanceClusters(cap=4, seed=seed), corpus) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


def test_children_have_what_they_were_cut_from_and_elements_that_are_gone_have_nothing() -> None:
    stage = BalanceClusters(cap=1)
    [doc] = documents({"a": [1, 1, 2]})
    child = Document(id="a#0", elements=doc.elements[1:])
    sketch = sketch_of(stage, [child], sides({"a": [1, 1, 2]}))
    assert list(zip(*(column(sketch, name).tolist() for name in ("position", "cluster")), strict=True)) == [(1, 1), (2, 2)]
    assert sketch_of(stage, [child], sides({"a": [1, 1, 2]}, "another")).num_rows == 0


def test_what_is_in_no_cluster_stays() -> None:
    docs = documents({"a": [1], "b": [1, 1]})
    assert outcomes(BalanceClusters(cap=1), docs, sides=sides({})) == docs


@pytest.mark.parametrize("change", [{"cap": 3}, {"rule": "minimum"}, {"drop": "document"}])
def test_another_cap_embeds_and_clusters_nothing_anew(run: Any, crawl: Any, change: dict[str, Any]) -> None:
    """By commits: only the exchanges behind the counts, and what follows, are new."""
    texts = crawl([f"A page. [a {'red' if n % 3 else 'blue'} boat] [a {'red' if n % 2 else 'white'} car]" for n in range(30)])

    def done(balance: dict[str, Any]) -> Mapping[str, set[str]]:
        clusters = ("stages.cluster_embeddings", {"clusters": 3, "per_cluster": 8, "iterations": 2})
        steps = ("draws_vectors", clusters, ("stages.balance_clusters", balance))
        finished = run(("stages.read_documents", {"paths": texts}), *steps, "stages.write_parquet")
        assert "balance_clusters" in {row["step"] for row in run_reader.decisions(finished.run)}
        return {name: {*committed(finished.run, results.phase)} for name, results in finished.phases.items()}

    first, second = done({"cap": 5}), done({"cap": 5, **change})
    changed = {name for name, units in second.items() if units != first.get(name)}
    assert {name for name in changed if not name.startswith(("balance_clusters", "write_parquet"))} == set()
    assert {"balance_clusters.sketch", "balance_clusters.counts"} & changed == set()
    assert "balance_clusters.decided" in changed


@pytest.mark.parametrize(
    ("parameters", "problem"), [({"cap": 0}, "cap: must be at least 1"), ({"clusters": ""}, "clusters: name a clustering")]
)
def test_parameters_that_mean_nothing_are_refused(parameters: dict[str, Any], problem: str) -> None:
    assert list(plugins.find("stages.balance_clusters").build(parameters).check()) == [problem]
