"""near_reference keeps what lies in the clusters of references."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from global_steps import outcomes

from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.planning import plugins
from interloom.schemas.columns import SIDE_TABLES
from interloom.schemas.document import Document, Image, Source
from interloom.schemas.media_table import to_media_table
from interloom.schemas.outcome import Drop, Dropped
from interloom.schemas.rows import table_of
from interloom.stages.near_reference import NearReference

CORPUS = {"ref-0": [3], "ref-1": [5, 6], "a": [3], "b": [4], "c": [4, 6], "d": [], "e": [9]}


def documents(corpus: Mapping[str, Sequence[int]]) -> list[Document]:
    return [
        Document(
            id=id_,
            source=Source(path=f"imagenet/{id_}.parquet" if id_.startswith("ref") else f"crawl/{id_}.warc.gz"),
            elements=tuple(Image(position=n) for n in range(len(clusters))),
        )
        for id_, clusters in corpus.items()
    ]


def sides(corpus: Mapping[str, Sequence[int]]) -> dict[str, list[pa.Table]]:
    rows = [
        {"id": id_, "position": n, "window": 0, "name": "image", "cluster": cluster, "similarity": 0.5}
        for id_, clusters in corpus.items()
        for n, cluster in enumerate(clusters)
    ]
    return {"clusters": [table_of(rows, SIDE_TABLES["clusters"])]}


def said(stage: NearReference, corpus: Mapping[str, Sequence[int]], parts: int = 2, ranges: int = 1) -> list[Any]:
    docs = documents(corpus)
    divided = [docs[first::parts] for first in range(parts)]
    found = outcomes(stage, *divided, partitions=ranges, sides=sides(corpus))
    return sorted(found, key=lambda one: (one.id, isinstance(one, Document), getattr(one, "position", 0) or 0))  # type: ignore[union-attr]


def test_documents_with_something_in_a_cluster_of_a_reference_stay() -> None:
    found = said(NearReference(references=["imagenet/*"]), CORPUS)
    assert [one.id for one in found if isinstance(one, Document)] == ["a", "c"]
    assert [(one.id, one.drop, one.kept) for one in found if isinstance(one, Dropped)] == [
        ("b", Drop("far_from_references"), "cluster 4"),
        ("d", Drop("in_no_cluster"), ""),
        ("e", Drop("far_from_references"), "cluster 9"),
        ("ref-0", Drop("reference"), ""),
        ("ref-1", Drop("reference"), ""),
    ]


def test_references_stay_if_asked() -> None:
    found = said(NearReference(references=["imagenet/*"], keep_references=True), CORPUS)
    assert [one.id for one in found if isinstance(one, Document)] == ["a", "c", "ref-0", "ref-1"]


def test_elements_go_or_stay_by_themselves() -> None:
    found = said(NearReference(references=["imagenet/*"], drop="element"), CORPUS)
    gone = {(one.id, one.position) for one in found if isinstance(one, Dropped) and one.drop.reason == "far_from_references"}
    assert gone == {("b", 0), ("c", 0), ("e", 0)}
    assert [one.id for one in found if isinstance(one, Document)] == ["a", "b", "c", "e"]


def test_parts_ranges_and_the_order_of_documents_change_nothing() -> None:
    made = random.Random(3)
    corpus = {f"{'ref' if n % 9 == 0 else 'doc'}-{n}": [made.randrange(40) for _ in range(made.randrange(4))] for n in range(90)}
    stage = NearReference(references=["imagenet/*"])
    usual = said(stage, corpus)
    order = made.sample(sorted(corpus), len(corpus))
    for parts, ranges in ((1, 1), (7, 64), (90, 7)):
        assert said(stage, {id_: corpus[id_] for id_ in order}, parts, ranges) == usual


def test_a_run_without_a_reference_stops() -> None:
    with pytest.raises(FatalError) as raised:
        said(NearReference(references=["elsewhere/*"]), CORPUS)
    assert str(raised.value) == "no reference is in a cluster of 'image'; do the patterns fit the paths of their files?"


def test_no_pattern_is_refused() -> None:
    assert list(plugins.find("stages.near_reference").build({"references": []}).check()) == ["references: name a pattern"]


def judged(pattern: str) -> tuple[str, dict[str, Any]]:
    return "stages.near_reference", {"references": [pattern]}


def test_a_pattern_that_fits_no_source_is_refused_before_the_run(planned: Any, crawl: Any) -> None:
    path = crawl(["one", "two"])
    source = ("stages.read_documents", {"paths": path})
    with pytest.raises(ConfigError) as refused:
        planned(source, "stores_vectors", "stages.cluster_embeddings", judged("imagenet/*"), "stages.write_parquet")
    [problem] = refused.value.problems
    place, _, message = problem.partition(" ")
    assert place.endswith(":11:5:")
    assert message == f"stages.near_reference: references: no pattern fits a path of the sources above; theirs are like {path}"


@pytest.mark.parametrize("pattern", ["*.jsonl", "imagenet/*"])
def test_a_pattern_may_fit_a_file_or_what_its_first_document_tells(
    planned: Any, crawl: Any, tmp_path: Path, pattern: str
) -> None:
    pq.write_table(to_media_table(documents({"ref-0": [1]})), tmp_path / "some.parquet")
    paths = {"crawl": crawl(["one"]), "references": str(tmp_path / "some.parquet")}
    sources = [{"use": "stages.read_documents", "id": name, "with": {"paths": path}} for name, path in paths.items()]
    both = {"use": "stores_vectors", "from": [*paths]}
    assert planned(*sources, both, "stages.cluster_embeddings", judged(pattern), "stages.write_parquet").steps
