"""Retrieved texts: the nearest of the whole corpus, exact inside lists, without own and repeated ones, the same however cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from draws_vectors import DrawsVectors
from global_steps import outcomes, sketch_of, verdicts

from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store.parts import TableRef
from interloom.pipeline.store.tables import read_documents, read_stored
from interloom.schemas.document import Document, Source, Text
from interloom.schemas.outcome import Side
from interloom.schemas.rows import side_tables
from interloom.stages.retrieve_texts import RetrieveTexts, lists
from interloom.stages.retrieve_texts.volume import lists_for

ALL_LISTS = 1 << 20
SEA, GARDEN, WINTER = "a red boat at the pier", "a rose in the garden", "deep snow on the roof"


def corpus(*texts: str) -> tuple[list[Document], dict[str, list[pa.Table]]]:
    """Documents `doc-0`, `doc-1` ... of these texts, with pictures where a text has square brackets, and their embeddings."""
    raw = [Document(id=f"doc-{n}", source=Source(), elements=(Text(position=0, text=text),)) for n, text in enumerate(texts)]
    out = list(DrawsVectors().process(raw))
    docs = [one for one in out if isinstance(one, Document)]
    return docs, {"embeddings": list(side_tables("embeddings", [one.row for one in out if isinstance(one, Side)]))}


def rows(stage: RetrieveTexts, *texts: str, parts: int = 1, partitions: int = 1) -> list[dict[str, Any]]:
    """The verdict rows by query and rank, without parts."""
    docs, sides = corpus(*texts)
    size = -(-len(docs) // parts)
    sketches = [sketch_of(stage, docs[first : first + size], sides) for first in range(0, len(docs), size)]
    found: list[dict[str, Any]] = verdicts(stage, sketches, sides, partitions).to_pylist()
    found.sort(key=lambda row: (row["id"], row["position"], row["window"], row["rank"]))
    return [{name: value for name, value in row.items() if name != "part"} for row in found]


def texts_of(found: list[dict[str, Any]], id_: str) -> list[str]:
    return [row["text"] for row in found if row["id"] == id_]


def test_a_picture_gets_the_nearest_sentences_with_their_places():
    found = rows(RetrieveTexts(count=2), f"[{SEA}]", f"{GARDEN}. {SEA}.", f"the {SEA}. {WINTER}.")
    assert texts_of(found, "doc-0") == [SEA, f"the {SEA}"]
    place = {"source": "doc-1", "source_position": 0, "source_window": 1, "start": len(GARDEN) + 2, "text": SEA}
    assert found[0] == {
        **{"id": "doc-0", "position": 1, "window": 0, "rank": 1, "score": pytest.approx(1, abs=1e-3)},
        **{**place, "end": len(GARDEN) + 2 + len(SEA)},
    }
    assert [round(row["score"], 4) == row["score"] for row in found] == [True, True]


def test_own_sentences_are_found_only_if_asked_for():
    texts = f"{SEA}. [{SEA}]", f"the {SEA}."
    assert texts_of(rows(RetrieveTexts(count=2), *texts), "doc-0") == [f"the {SEA}"]
    assert texts_of(rows(RetrieveTexts(count=2, own=True), *texts), "doc-0") == [SEA, f"the {SEA}"]


def test_duplicates_of_another_result_are_found_only_if_asked_for():
    texts = f"[{SEA}]", f"{SEA}.", f"{SEA.upper()}. {GARDEN}.", f"{SEA}."
    assert texts_of(rows(RetrieveTexts(count=2), *texts), "doc-0")[1] == GARDEN
    found = rows(RetrieveTexts(count=3, duplicates=True), *texts)
    assert sorted(texts_of(found, "doc-0")) == sorted([SEA, SEA.upper(), SEA])


def test_a_copy_of_an_own_sentence_in_another_document_is_found():
    texts = f"{SEA}. [{SEA}]", *[f"{SEA}. {GARDEN} {n}." for n in range(3)]
    found = rows(RetrieveTexts(count=1), *texts)
    assert texts_of(found, "doc-0") == [SEA]
    assert found[0]["source"] != "doc-0"


def test_sentences_find_pictures_and_documents_find_documents():
    texts = f"{SEA}.", f"[{SEA}] [{GARDEN}]", f"{GARDEN}.", f"the {GARDEN}."
    found = rows(RetrieveTexts(of="sentence", among="image", count=1), *texts)
    places = [(row["id"], row["source"], row["source_position"], row["text"]) for row in found]
    assert places == [("doc-0", "doc-1", 1, ""), ("doc-2", "doc-1", 2, ""), ("doc-3", "doc-1", 2, "")]
    near = rows(RetrieveTexts(of="document", among="document", count=1), *texts)
    assert [(row["id"], row["source"]) for row in near if row["id"] > "doc-1"] == [("doc-2", "doc-3"), ("doc-3", "doc-2")]
    assert {(row["position"], row["source_position"]) for row in near} == {(-1, -1)}


def many(count: int = 60) -> list[str]:
    chance = np.random.default_rng(3)
    words = [f"word{n}" for n in range(12)]
    return [f"{' '.join(chance.choice(words, 4))}. {' '.join(chance.choice(words, 5))}. [{words[n % 12]}]" for n in range(count)]


@pytest.mark.parametrize("probes", [3, ALL_LISTS])
def test_parts_ranges_and_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch, probes: int):
    stage = RetrieveTexts(lists=8, probes=probes, per_cluster=4, iterations=3)
    usual = rows(stage, *many())
    assert rows(stage, *many(), parts=60, partitions=64) == usual
    monkeypatch.setattr(lists, "_HELD_ITEMS", 5)
    assert rows(stage, *many(), parts=7, partitions=7) == usual
    monkeypatch.setattr(lists, "_PIECE_ITEMS", 3)
    assert rows(stage, *many(), parts=7, partitions=7) == usual


def test_all_lists_give_the_exact_nearest():
    stage = RetrieveTexts(lists=8, probes=ALL_LISTS, count=5, duplicates=True, own=True)
    docs, sides = corpus(*many())
    sketch = sketch_of(stage, docs, sides)
    vectors = np.array(sketch["vector"].to_pylist(), np.float64)
    is_query, is_base = (np.array(sketch[name].to_pylist()) for name in ("is_query", "is_base"))
    exact = -np.sort(-(vectors[is_query] @ vectors[is_base].T), axis=1)[:, :5]
    scores = np.array([row["score"] for row in rows(stage, *many())]).reshape(-1, 5)
    order = np.argsort([row["id"] for row in sketch.filter(pa.array(is_query)).to_pylist()], kind="stable")
    assert scores == pytest.approx(exact[order], abs=5.1e-5)


def retrieved(finished: FinishedPhases) -> list[dict[str, Any]]:
    files = finished.files(["retrieve_texts"], "side:retrieved")
    return [row for ref in TableRef.of(files) for row in read_stored(finished.run, ref).to_pylist()]


def test_a_run_adds_texts_behind_their_picture_and_stores_rows(run: Callable[..., FinishedPhases], crawl: Callable[..., str]):
    source = ("stages.read_documents", {"paths": crawl([f"Hello. [{SEA}] [{WINTER}]", f"{SEA}. {WINTER}.", f"{GARDEN}."])})
    step = ("stages.retrieve_texts", {"count": 2, "at_least": 0.5})
    finished = run(source, "draws_vectors", step, "stages.write_parquet")
    [part] = TableRef.of(finished.files(["retrieve_texts"], "documents"))
    doc, *_ = read_documents(finished.run, part)
    got = [(e.position, getattr(e, "text", ""), e.origin, getattr(e, "of", None)) for e in doc.elements]
    assert got == [
        *[(0, "Hello.", "body", None), (1, "", "body", None), (1 << 20, SEA, "retrieved", 1)],
        *[(2, "", "body", None), ((1 << 20) + 1, WINTER, "retrieved", 2)],
    ]
    assert doc.elements[2].scores["retrieved"] == pytest.approx(1, abs=1e-3)
    assert [(row["id"], row["position"], row["rank"], row["text"]) for row in retrieved(finished)] == [
        (doc.id, 1, 1, SEA),
        (doc.id, 2, 1, WINTER),
    ]


def test_another_number_of_results_trains_no_lists_again(run: Callable[..., FinishedPhases], crawl: Callable[..., str]):
    source = ("stages.read_documents", {"paths": crawl([f"[{SEA}] {GARDEN}.", f"{SEA}. {WINTER}."])})
    for count in (1, 2):
        finished = run(source, "draws_vectors", ("stages.retrieve_texts", {"count": count}), "stages.write_parquet")
    names = [folder.name.rpartition("-")[0] for folder in Path(finished.run, "work").glob("retrieve_texts.*")]
    phases = ("sketch", "draws", "centres", "lists", "best")
    assert [names.count(f"retrieve_texts.{name}") for name in phases] == [1, 1, 1, 2, 2]


def test_without_queries_or_texts_nothing_is_found(run: Callable[..., FinishedPhases], crawl: Callable[..., str]):
    for texts in (["no picture."], [f"[{SEA}]"], [""]):
        source = ("stages.read_documents", {"paths": crawl(texts)})
        finished = run(source, "draws_vectors", "stages.retrieve_texts", "stages.write_parquet")
        assert retrieved(finished) == []


def test_lists_grow_with_the_square_root_of_the_items():
    assert [lists_for(total, None) for total in (0, 1, 10, 1_000_000, 10**12)] == [1, 1, 3, 1000, 1 << 14]
    assert lists_for(1_000_000, 7) == 7


def test_plan_tells_what_a_retrieval_takes():
    first, _ = RetrieveTexts().notes()
    assert first == (
        "for 1,000,000 queries among 1,000,000 items of width 512: 1,000 lists of about 1,000 items, 1.8e+13 flops, "
        "20 GB through the exchange, 0.2 GB held while k-means trains"
    )


class OneUnit(LocalRunner):
    """Ends like a killed driver when it has run one unit of a retrieval or clustering."""

    def __init__(self) -> None:
        super().__init__()
        self.ran = 0

    def run_unit(self, run: str, phase: Any, unit: Any) -> Any:
        if phase.kind in ("sketch", "exchange", "verdicts"):
            if self.ran:
                raise KeyboardInterrupt
            self.ran += 1
        return super().run_unit(run, phase, unit)


def test_a_run_that_is_killed_after_each_unit_ends_with_the_same_shards(
    planned: Callable[..., Plan], crawl: Callable[..., str], tmp_path: Path
):
    source = ("stages.read_documents", {"paths": crawl(many(30))})
    cluster = ("stages.cluster_embeddings", {"of": "sentence", "clusters": 5})
    retrieve = ("stages.retrieve_texts", {"lists": 4, "probes": 2})

    def plan(name: str) -> Plan:
        return planned(source, "draws_vectors", cluster, retrieve, "stages.write_parquet", run=str(tmp_path / name))

    execute(plan("whole"), LocalRunner())
    kills, is_done = 0, False
    while not is_done:
        try:
            execute(plan("killed"), OneUnit())
            is_done = True
        except KeyboardInterrupt:
            kills += 1
    assert kills > 12
    whole, killed = (sorted((tmp_path / name).glob("**/shard-*.parquet")) for name in ("whole", "killed"))
    assert [file.read_bytes() for file in killed] == [file.read_bytes() for file in whole]
    reports = [(tmp_path / name / "reports" / "cluster_embeddings.sizes.parquet").read_bytes() for name in ("whole", "killed")]
    assert reports[0] == reports[1]


def test_a_retrieved_text_never_has_the_position_of_an_element_that_was_dropped():
    docs, sides = corpus(f"[{SEA}] [{WINTER}]", f"{SEA}. {WINTER}.")
    last = max(element.position for element in docs[0].elements)
    left = [docs[0].without([last]), docs[1]]
    found = outcomes(RetrieveTexts(count=1), left, sides=sides)
    doc = next(one for one in found if isinstance(one, Document) and one.id == "doc-0")
    [text] = [text for text in doc.texts if text.origin == "retrieved"]
    assert text.position > last
