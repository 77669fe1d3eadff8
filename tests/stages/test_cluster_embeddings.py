"""Clusters of stored embeddings: equal topics together, in one level or two, the same however documents are parted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from draws_vectors import DrawsVectors
from global_steps import sketch_of, verdicts

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.store.parts import TableRef
from interloom.pipeline.store.tables import read_stored
from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Side
from interloom.schemas.rows import side_tables
from interloom.stages import cluster_embeddings
from interloom.stages.cluster_embeddings import ClusterEmbeddings

TOPICS = ("harbour boat pier", "garden rose bee", "winter snow ice", "kitchen bread oven")


def topic_documents(count: int) -> list[Document]:
    """Documents of one sentence, of four topics in turn, each with a word of its own."""
    texts = [f"{TOPICS[n % 4]} {TOPICS[n % 4]} word{n}." for n in range(count)]
    return [Document(id=f"doc-{n:03}", elements=(Text(position=0, text=text),)) for n, text in enumerate(texts)]


def stored(docs: list[Document], **parameters: Any) -> dict[str, list[pa.Table]]:
    rows = [out.row for out in DrawsVectors(**parameters).process(docs) if isinstance(out, Side)]
    return {"embeddings": list(side_tables("embeddings", rows))}


def clustered(stage: ClusterEmbeddings, docs: list[Document], parts: int = 1, partitions: int = 1) -> list[dict[str, Any]]:
    """The verdict rows, without their parts."""
    sides, size = stored(docs), -(-len(docs) // parts)
    sketches = [sketch_of(stage, docs[first : first + size], sides) for first in range(0, len(docs), size)]
    rows = verdicts(stage, sketches, sides, partitions).drop_columns(["part"])
    found: list[dict[str, Any]] = rows.sort_by("id").to_pylist()
    return found


def topics_of_clusters(rows: list[dict[str, Any]]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for row in rows:
        found.setdefault(row["cluster"], set()).add(int(row["id"][-3:]) % 4)
    return found


def test_each_topic_is_a_cluster():
    rows = clustered(ClusterEmbeddings(of="sentence", clusters=4), topic_documents(80))
    assert sorted(topics_of_clusters(rows).values()) == [{0}, {1}, {2}, {3}]
    assert Counter(row["cluster"] for row in rows) == dict.fromkeys(range(4), 20)
    assert all(0.9 < row["similarity"] < 1 and round(row["similarity"], 4) == row["similarity"] for row in rows)


def in_two_levels(monkeypatch: pytest.MonkeyPatch, **parameters: Any) -> ClusterEmbeddings:
    monkeypatch.setattr(cluster_embeddings, "_MOST_AT_ONCE", 4)
    return ClusterEmbeddings(of="sentence", **parameters)


def test_two_levels_share_the_clusters_among_the_lists(monkeypatch: pytest.MonkeyPatch):
    rows = clustered(in_two_levels(monkeypatch, clusters=16), topic_documents(80))
    assert {row["cluster"] for row in rows} == set(range(16))
    assert all(len(topics) == 1 for topics in topics_of_clusters(rows).values())


@pytest.mark.parametrize("clusters", [4, 16])
def test_parts_and_ranges_change_nothing(monkeypatch: pytest.MonkeyPatch, clusters: int):
    stage, docs = in_two_levels(monkeypatch, clusters=clusters, per_cluster=3), topic_documents(60)
    usual = clustered(stage, docs)
    assert [clustered(stage, docs, parts, ranges) for parts, ranges in ((7, 1), (60, 64))] == [usual, usual]


def test_fewer_different_vectors_than_clusters_are_clusters_of_their_own():
    docs = [Document(id=f"doc-{n:03}", elements=(Text(position=0, text=TOPICS[n % 2] + "."),)) for n in range(6)]
    rows = clustered(ClusterEmbeddings(of="sentence", clusters=5), docs)
    assert [row["cluster"] for row in rows] in ([0, 1] * 3, [1, 0] * 3)
    assert {row["similarity"] for row in rows} <= {0.9999, 1.0, 1.0001, 0.9998, 1.0002}


def test_the_seed_draws_another_sample():
    docs = topic_documents(40)
    one, two = (clustered(ClusterEmbeddings(of="sentence", clusters=6, per_cluster=2, seed=seed), docs) for seed in (1, 2))
    assert one != two


def test_embeddings_of_two_models_are_refused(run: Any, crawl: Any):
    sources = [{"id": name, "use": "stages.read_documents", "with": {"paths": crawl([TOPICS[0]], name)}} for name in "ab"]
    drawn = [{"id": f"{name}2", "use": "draws_vectors", "from": name, "with": {"model": f"model {name}"}} for name in "ab"]
    step = {"use": "stages.cluster_embeddings", "from": ["a2", "b2"], "with": {"of": "sentence", "clusters": 2}}
    with pytest.raises(Exception, match="the stored embeddings are of several models, or of several versions of one; name one"):
        run(*sources, *drawn, step, "stages.write_parquet")


def side_rows(finished: FinishedPhases, table: str) -> list[dict[str, Any]]:
    files = [file for name in finished.phases for file in finished.files([name], f"side:{table}")]
    return [row for ref in TableRef.of(files) for row in read_stored(finished.run, ref).to_pylist()]


def test_a_run_stores_clusters_and_reports_their_sizes(run: Callable[..., FinishedPhases], crawl: Callable[..., str]):
    texts = [f"{topic} word{n}. {topic} more." for n in range(5) for topic in TOPICS]
    parameters = {"of": "sentence", "clusters": 4, "name": "topics"}
    source = ("stages.read_documents", {"paths": crawl(texts)})
    finished = run(source, "draws_vectors", ("stages.cluster_embeddings", parameters), "stages.write_parquet")
    rows = side_rows(finished, "clusters")
    assert Counter((row["name"], row["window"]) for row in rows) == {("topics", 0): 20, ("topics", 1): 20}
    report = pq.read_table(Path(finished.run, "reports", "cluster_embeddings.sizes.parquet"))
    assert report["cluster"].to_pylist() == [0, 1, 2, 3]
    assert report["items"].to_pylist() == [10, 10, 10, 10]
    means = [np.mean([row["similarity"] for row in rows if row["cluster"] == cluster]).round(4) for cluster in range(4)]
    assert report["similarity"].to_pylist() == pytest.approx(means)
    assert finished.books()["cluster_embeddings"].documents.out == 20


def test_a_recipe_without_embeddings_is_refused(run: Callable[..., FinishedPhases], crawl: Callable[..., str]):
    source = ("stages.read_documents", {"paths": crawl(["one", "two"])})
    with pytest.raises(ConfigError, match="needs embeddings of kind 'image', which no step above provides"):
        run(source, ("stages.cluster_embeddings", {"clusters": 4}), "stages.write_parquet")
