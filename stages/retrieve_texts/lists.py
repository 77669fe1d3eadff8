"""Items meet queries in the lists around the centres of k-means."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from interloom.pipeline.exchange_rows import Ints, Keys, keys_of_parts, pieces_of_keys
from interloom.pipeline.stage import RangeRows
from interloom.pipeline.store.merging import column
from interloom.stages._embed.kmeans import CENTRES, the_model
from interloom.stages._embed.nearest import NONE, Base, Search
from interloom.stages._embed.stored import vectors_in

LISTS = "lists"
_PIECE_ITEMS = 64 << 10
"""A list that, by the sample, has more items is divided into pieces, to which all its queries go. Our choice."""
_HELD_ITEMS = 128 << 10
"""So many items of a list are held at a time; its rows are read again for the others. Our choice."""
_LOWEST = np.int64(-(1 << 63))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSearch:
    """Sends items to their list and queries to the nearest lists, and finds the nearest items in each list."""

    count: int
    probes: int
    own: bool
    duplicates: bool

    def send(self, which: str, sketch: pa.Table, shared: Mapping[str, pa.Table]) -> pa.Table:
        """Items have negative orders, by their tie; queries come after them."""
        centres = shared[CENTRES]
        if not sketch.num_rows or not centres.num_rows:
            return sketch.slice(0, 0)
        the_model(sketch, centres)
        base = Base.of(vectors_in(centres["vector"]))
        pieces = _Pieces.of(centres)
        items, queries = (sketch.filter(sketch[name]) for name in ("is_base", "is_query"))
        nearest, _ = Search.of(base, 1).nearest(vectors_in(items["vector"]))
        ties = column(items, "tie")
        sent = [self._sent(items, pieces.of_items(nearest[:, 0], ties), (ties >> np.uint64(1)).view(np.int64) + _LOWEST)]
        probed, _ = Search.of(base, min(self.probes, centres.num_rows)).nearest(vectors_in(queries["vector"]))
        rows, places = pieces.of_queries(probed)
        taken = queries.take(pa.array(rows))
        return pa.concat_tables([*sent, self._sent(taken, places, np.arange(len(rows)))])

    def _sent(self, rows: pa.Table, keys: Keys, order: Ints) -> pa.Table:
        """The rows on their way to these keys. Items of a query's owner are not found: those of its document, or it itself. Of
        items with the same content one is found."""
        owner = rows["tie"] if self.own else rows["owner"]
        content = rows["tie"] if self.duplicates else rows["content"]
        columns = [pa.array(keys), pa.array(order), rows["node"], owner, content, rows["vector"]]
        return pa.table(columns, names=["key", "order", "node", "owner", "content", "vector"])

    def meet(self, rows: RangeRows, shared: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
        """The results: query (a node), item (a node), content, tie and score. The rows are read again as long as a list has more
        items than are held."""
        first, goes_on = 0, True
        while goes_on:
            goes_on = False
            for _, tables in pieces_of_keys(rows.read()):
                has_more = yield from self._search(tables, first)
                goes_on = goes_on or has_more
            first += _HELD_ITEMS

    def _search(self, tables: Iterator[pa.Table], first: int) -> Generator[pa.Table, None, bool]:
        """The results of a list's queries among its items from `first` on; whether there are more items than are held."""
        held: list[pa.Table] = []
        items: _Items | None = None
        seen = 0
        for table in tables:
            count = int(np.searchsorted(column(table, "order"), 0))
            start, stop = max(first - seen, 0), min(first + _HELD_ITEMS - seen, count)
            if start < stop:
                held.append(table.slice(start, stop - start))
            seen += count
            if count < table.num_rows and held:
                items = items or _Items.of(pa.concat_tables(held), self.count, self.duplicates)
                yield items.nearest(table.slice(count))
        return seen > first + _HELD_ITEMS


@dataclass(frozen=True, slots=True)
class _Items:
    """The items of a list, ready to be searched."""

    search: Search
    nodes: Ints
    ties: Ints

    @classmethod
    def of(cls, rows: pa.Table, count: int, duplicates: bool) -> _Items:
        kept = rows if duplicates else rows.filter(pa.array(are_different(rows)))
        base = Base(vectors=vectors_in(kept["vector"]), owners=column(kept, "owner"), keys=column(kept, "content"))
        return cls(Search.of(base, count), column(kept, "node"), column(kept, "order"))

    def nearest(self, queries: pa.Table) -> pa.Table:
        """The results of these queries."""
        numbers, scores = self.search.nearest(vectors_in(queries["vector"]), column(queries, "owner"))
        is_found = numbers != NONE
        taken = numbers[is_found]
        return pa.table(
            {
                "query": np.repeat(column(queries, "node"), is_found.sum(axis=1)),
                "item": self.nodes[taken],
                "content": self.search.base.keys[taken],
                "tie": self.ties[taken],
                "score": scores[is_found],
            }
        )


def are_different(items: pa.Table) -> npt.NDArray[np.bool_]:
    """Which items are left when of copies, which share vector and content, two stay: the first one, and the first one with
    another owner. A query has one owner, so one of the two can be found."""
    vectors, contents, owners = vectors_in(items["vector"]), column(items, "content"), column(items, "owner")
    rows = np.hstack([np.ascontiguousarray(vectors).view(np.uint8), contents[:, None].view(np.uint8)])
    _, firsts, groups = np.unique(rows.view(f"V{rows.shape[1]}")[:, 0], return_index=True, return_inverse=True)
    is_kept = np.zeros(len(rows), np.bool_)
    is_kept[firsts] = True
    others = np.flatnonzero(owners != owners[firsts[groups]])
    _, first_others = np.unique(groups[others], return_index=True)
    is_kept[others[first_others]] = True
    return is_kept


@dataclass(frozen=True, slots=True)
class _Pieces:
    """The pieces into which lists are divided: how many there are of each list, and the number of its first one."""

    counts: Ints
    firsts: Ints

    @classmethod
    def of(cls, centres: pa.Table) -> _Pieces:
        expected = column(centres, "items") * column(centres, "total") // np.maximum(column(centres, "sample"), 1)
        counts = expected // _PIECE_ITEMS + 1
        return cls(counts, np.cumsum(counts) - counts)

    def _keys(self, pieces: Ints) -> Keys:
        return keys_of_parts(pieces, int(self.counts.sum()))

    def of_items(self, lists: Ints, ties: Keys) -> Keys:
        """The keys of items in these lists: an item lies in one piece."""
        return self._keys(self.firsts[lists] + (ties % self.counts[lists].astype(np.uint64)).astype(np.int64))

    def of_queries(self, lists: Ints) -> tuple[Ints, Keys]:
        """The rows of queries and the keys to which each goes: all pieces of its lists, a row of `lists`."""
        counts = self.counts[lists].reshape(-1)
        rows = np.repeat(np.repeat(np.arange(len(lists)), lists.shape[1]), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        return rows, self._keys(np.repeat(self.firsts[lists].reshape(-1), counts) + within)
