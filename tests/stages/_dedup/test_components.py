"""Laws of connected components: every node of a component gets the same root, in few rounds, however the edges are divided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from global_steps import Stored, verdicts
from hypothesis import given
from hypothesis import strategies as st

from interloom.pipeline.stage import Exchange, GlobalStage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome
from interloom.stages._dedup.components import components

Edges = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class OnlyComponents(GlobalStage):
    """A step that does nothing else; its sketches are the edges."""

    most_rounds: int = 40

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        raise NotImplementedError

    def exchanges(self) -> tuple[Exchange, ...]:
        return (replace(components("components", ("sketch",)), most_rounds=self.most_rounds),)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        raise NotImplementedError


def edges(*pairs: tuple[int, int]) -> Edges:
    return np.array(pairs, np.int64).reshape(-1, 2)


def groups_of(pairs: Edges, tables: int = 1, partitions: int = 1, most_rounds: int = 40) -> dict[int, int]:
    """The smallest node of the component of each node. The edges lie in so many tables."""
    shares = [pairs[number::tables] for number in range(tables)]
    stored = [pa.table({"a": pa.array(share[:, 0]), "b": pa.array(share[:, 1])}) for share in shares]
    found = verdicts(OnlyComponents(most_rounds=most_rounds), stored, partitions=partitions)
    if not len(found):
        return {}
    nodes, roots = (found[name].combine_chunks().to_numpy() for name in ("node", "root"))
    assert len(np.unique(nodes)) == len(nodes)
    order = np.lexsort((nodes, roots))
    heads = np.flatnonzero(np.diff(roots[order], prepend=~roots[order][:1]))
    least = np.repeat(nodes[order][heads], np.diff(heads, append=len(order)))
    return dict(zip(nodes[order].tolist(), least.tolist(), strict=True))


def by_union_find(pairs: Edges) -> dict[int, int]:
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for a, b in pairs.tolist():
        left, right = root(a), root(b)
        parent[max(left, right)] = min(left, right)
    return {node: root(node) for node in parent}


def chain(length: int) -> Edges:
    return np.stack([np.arange(length - 1), np.arange(1, length)], axis=1)


node = st.integers(0, 40)
graphs = st.lists(st.tuples(node, node).filter(lambda pair: pair[0] != pair[1]), max_size=60).map(lambda pairs: edges(*pairs))


@given(graphs, st.integers(1, 8), st.sampled_from([1, 7, 64]))
def test_the_groups_of_any_graph_are_those_of_a_union_find(pairs: Edges, tables: int, partitions: int) -> None:
    assert groups_of(pairs, tables, partitions) == by_union_find(pairs)


@given(graphs)
def test_a_graph_in_one_table_takes_one_round(pairs: Edges) -> None:
    assert groups_of(pairs, most_rounds=1) == by_union_find(pairs)


def test_any_64_bit_numbers_are_nodes() -> None:
    ends = (1 << 63) - 1
    assert groups_of(edges((ends, -ends), (0, -ends - 1), (3 << 40, 0)), 3) == {
        ends: -ends,
        -ends: -ends,
        0: -ends - 1,
        -ends - 1: -ends - 1,
        3 << 40: -ends - 1,
    }


@pytest.mark.parametrize("tables", [1, 50])
def test_a_star_is_one_group(tables: int) -> None:
    rays = np.stack([np.full(20_000, 7_000), np.arange(20_000)], axis=1)
    assert set(groups_of(rays[rays[:, 1] != 7_000], tables, 7).items()) == {(n, 0) for n in range(20_000)}


@pytest.mark.parametrize("tables", [1, 50])
def test_a_clique_is_one_group(tables: int) -> None:
    pairs = np.argwhere(np.triu(np.ones((200, 200), bool), 1))
    assert groups_of(pairs, tables, 7) == dict.fromkeys(range(200), 0)


def test_rows_that_come_one_by_one_give_the_same_stars() -> None:
    pairs = np.random.default_rng(4).integers(0, 60, (200, 2))
    exchange = components("components", ("edges",))
    sent = [exchange.send("edges", pa.table({"a": pairs[n : n + 5, 0], "b": pairs[n : n + 5, 1]})) for n in range(0, 200, 5)]
    rows = pa.concat_tables(sent).sort_by([("key", "ascending"), ("order", "ascending")]).combine_chunks()
    order = [("node", "ascending"), ("root", "ascending")]
    whole = pa.concat_tables(exchange.meet(Stored(rows))).sort_by(order)
    single = pa.concat_tables(exchange.meet(Stored(*(rows.slice(n, 1) for n in range(len(rows)))))).sort_by(order)
    assert single.equals(whole)


@pytest.mark.parametrize("is_shuffled", [False, True])
def test_a_chain_in_small_tables_takes_few_rounds(is_shuffled: bool) -> None:
    pairs = chain(20_000)
    if is_shuffled:
        pairs = np.random.default_rng(1).permutation(20_000)[pairs]
    assert set(groups_of(pairs, 2_000, 7, most_rounds=22).values()) == {0}


def test_a_chain_of_a_million_nodes_in_a_few_tables_takes_few_rounds() -> None:
    pairs = chain(1_000_000)
    stored = [pa.table({"a": share[:, 0], "b": share[:, 1]}) for share in np.array_split(pairs, 20)]
    found = verdicts(OnlyComponents(most_rounds=10), stored, partitions=7)
    assert (len(found), len(found["root"].unique())) == (1_000_000, 1)


@pytest.mark.slow
def test_a_chain_of_a_million_nodes_in_any_order_takes_at_most_40_rounds() -> None:
    pairs = np.random.default_rng(2).permutation(chain(1_000_000))
    stored = [pa.table({"a": share[:, 0], "b": share[:, 1]}) for share in np.array_split(pairs, 200)]
    found = verdicts(OnlyComponents(most_rounds=40), stored, partitions=64)
    assert (len(found), len(found["root"].unique())) == (1_000_000, 1)
