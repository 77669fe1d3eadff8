"""Duplicates by meaning: which member of a cluster goes, for what, at which eps."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import global_steps
import numpy as np
import pyarrow as pa
import pytest

from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Dropped
from interloom.stages._embed.stored import column_of
from interloom.stages.dedup_semantic import DedupSemantic, members

CENTRE = np.array([1.0, 0.0, 0.0])


def at(degrees: float, out: float = 0.0) -> list[float]:
    """A unit vector at this angle from the centre, and `out` degrees out of its plane."""
    a, b = np.radians(degrees), np.radians(out)
    return [float(np.cos(a) * np.cos(b)), float(np.sin(a) * np.cos(b)), float(np.sin(b))]


def corpus(vectors: dict[str, Any], cluster: dict[str, int] | None = None, position: int = 0) -> tuple[list[Document], Any]:
    """A document with a picture for each vector, and the side tables about the pictures."""
    parts = (
        Image(position=0, url="https://x/a.png"),
        Text(position=1, text="A boat.", of=0),
        Text(position=2, text="The harbour."),
    )
    docs = [Document(id=name, elements=parts) for name in vectors]
    matrix = np.array(list(vectors.values()), np.float64).astype(np.float16)
    kind = "image" if position == 0 else "document"
    same = {"id": list(vectors), "position": pa.array([position] * len(docs), pa.int32())}
    same |= {"window": pa.array([0] * len(docs), pa.int32())}
    embeddings = {**same, "kind": [kind] * len(docs), "model": ["m"] * len(docs), "revision": [""] * len(docs)}
    offsets = dict.fromkeys(("start", "end"), pa.nulls(len(docs), pa.int32()))
    clusters = {**same, "name": [kind] * len(docs), "cluster": [(cluster or {}).get(name, 7) for name in vectors]}
    clusters |= {"similarity": np.round(matrix.astype(np.float64) @ CENTRE, 4)}
    return docs, {
        "embeddings": [pa.table({**embeddings, **offsets, "vector": column_of(matrix)})],
        "clusters": [pa.table(clusters)],
    }


def dropped(step: DedupSemantic, docs: list[Document], sides: Any, partitions: int = 1) -> dict[str, str]:
    halves = docs[: len(docs) // 2], docs[len(docs) // 2 :]
    return global_steps.gone(global_steps.outcomes(step, *halves, partitions=partitions, sides=sides))


FOUR = {"a": at(10), "b": at(12), "c": at(14), "far": at(80)}
"""a and c are 4 degrees apart: their similarity is .9976; that of neighbours is .9994."""


def test_the_member_nearest_to_the_centre_goes_and_names_what_it_is_a_duplicate_of() -> None:
    assert dropped(DedupSemantic(eps=0.001), *corpus(FOUR)) == {"b": "c:0", "a": "b:0"}


def test_the_easiest_is_kept_where_the_recipe_wants_it() -> None:
    assert dropped(DedupSemantic(eps=0.001, keep="easiest"), *corpus(FOUR)) == {"b": "a:0", "c": "b:0"}


def test_the_first_in_the_input_is_kept_where_the_recipe_wants_it() -> None:
    vectors = {name: FOUR[name] for name in ("b", "far", "a", "c")}
    assert dropped(DedupSemantic(eps=0.001, keep="first"), *corpus(vectors)) == {"a": "b:0", "c": "b:0"}


def test_connected_members_leave_the_first_of_their_component() -> None:
    step = DedupSemantic(eps=0.001, method="connected")
    assert dropped(step, *corpus(FOUR)) == {"a": "c:0", "b": "c:0"}


def test_members_of_different_clusters_are_not_compared() -> None:
    assert dropped(DedupSemantic(eps=0.001), *corpus(FOUR, {"c": 8})) == {"a": "b:0"}


def test_a_document_goes_as_a_whole_if_documents_are_compared() -> None:
    docs, sides = corpus(FOUR, position=-1)
    said = global_steps.outcomes(DedupSemantic(of="document", eps=0.001), docs, sides=sides)
    assert [(out.id, out.position, out.kept) for out in said if isinstance(out, Dropped)] == [("a", None, "b"), ("b", None, "c")]
    assert sorted(out.id for out in said if isinstance(out, Document)) == ["c", "far"]


def test_an_image_goes_with_its_caption_and_its_document_stays() -> None:
    docs, sides = corpus(FOUR)
    said = global_steps.outcomes(DedupSemantic(eps=0.001), docs, sides=sides)
    [a] = [out for out in said if isinstance(out, Document) and out.id == "a"]
    assert [element.position for element in a.elements] == [2]
    [drop] = [out for out in said if isinstance(out, Dropped) and out.id == "a"]
    assert (drop.position, drop.drop.reason, drop.drop.value, drop.drop.threshold) == (0, "semantic_duplicate", 0.999392, 0.999)


def test_what_has_no_cluster_stays() -> None:
    docs, sides = corpus(FOUR)
    sides["clusters"] = [sides["clusters"][0].slice(0, 0)]
    assert dropped(DedupSemantic(), docs, sides) == {}


def many(count: int = 60) -> tuple[list[Document], Any]:
    angles = np.random.default_rng(1).uniform(0, 40, (count, 2))
    vectors = {f"{n:02d}": at(*pair) for n, pair in enumerate(angles)}
    return corpus(vectors, {name: int(name) % 3 for name in vectors})


def test_what_goes_at_one_eps_goes_at_each_larger_one() -> None:
    docs, sides = many()
    gone = [set(dropped(DedupSemantic(eps=eps), docs, sides)) for eps in (0.0005, 0.001, 0.002, 0.01)]
    assert all(less < more for less, more in pairwise(gone)), list(map(len, gone))


@pytest.mark.parametrize("method", ["earlier", "connected"])
def test_parts_and_ranges_change_nothing(method: Any) -> None:
    docs, sides = many()
    step = DedupSemantic(eps=0.002, method=method)
    gone = dropped(step, docs, sides)
    assert 0 < len(gone) < 50
    assert [dropped(step, docs, sides, partitions) for partitions in (2, 7)] == [gone, gone]


@pytest.mark.parametrize("linked_above", [None, 0.998])
def test_a_cluster_larger_than_what_is_held_is_the_same(linked_above: float | None) -> None:
    docs, sides = many()
    step = DedupSemantic()
    sent = step._send("sketch", global_steps.with_nodes(global_steps.sketch_of(step, docs, sides), 0))
    rows = global_steps.sorted_rows(sent).combine_chunks()
    pieces = global_steps.Stored(*(rows.slice(first, 9) for first in range(0, 60, 9)))
    whole, small = ([*members.meet(pieces, 0.9, linked_above, held)] for held in (1000, 4))
    assert pa.concat_tables(small).equals(pa.concat_tables(whole))


def test_eps_has_a_range() -> None:
    assert [*DedupSemantic(eps=0.3).check()] == ["eps: must be above 0 and at most 0.2, not 0.3"]
