"""Decides by the probabilities of the entries that a text matches whether it is kept, as MetaCLIP does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.exchange_rows import Ints
from interloom.pipeline.store.merging import column
from interloom.stages._select.draws import drawn_for, uniform
from interloom.stages._select.lookups import values_at
from interloom.stages._select.orders import Floats, drawn

Mode = Literal["any", "union"]
NO_ENTRY = -1


@dataclass(frozen=True, slots=True)
class Decided:
    """By row: whether it is kept, what was drawn, below which number it is kept, and the rarest entry (-1: none)."""

    is_kept: npt.NDArray[np.bool_]
    draws: Floats
    limits: Floats
    entries: Ints


def tail_threshold(counts: Ints, share: float) -> int:
    """Returns the count of an entry such that entries up to it have about this share of all matches. 1 1 2 4, .5 -> 2."""
    ordered = np.sort(counts)
    running = np.cumsum(ordered) / ordered.sum()
    return int(ordered[np.argmin(np.abs(running - share))])


def tail_share(counts: Ints, t: int) -> float:
    """Returns the share of matches that entries with fewer than t matches have. 1 1 2 4, 2 -> .25."""
    return float(counts[counts < t].sum() / counts.sum())


def decide(sketch: pa.Table, probabilities: pa.Table, *, mode: Mode, seed: int) -> Decided:
    """Decides on each row of a sketch with the columns draw (uint64) and entries (lists of numbers).

    Parameters:
        sketch: The rows.
        probabilities: The probability of each entry, in any order; all that the rows match are in it.
        mode: "any": each entry draws for itself, and one success is enough. "union": one draw, with the probability that at
            least one of such draws succeeds.
        seed: Seed of the draws.
    """
    rows, entries = flat_entries(sketch)
    probability = values_at(probabilities, "entry", "probability", entries)
    draws = drawn(column(sketch, "draw"), seed, "entries")
    rarest = _rarest(rows, entries, probability, len(draws))
    names = np.where(rarest >= 0, entries[rarest] if len(entries) else NO_ENTRY, NO_ENTRY)
    own = uniform(draws)
    if mode == "union":
        limits = 1 - _products(rows, 1 - probability, len(draws))
        return Decided(own < limits, own, limits, names)
    each = uniform(drawn_for(draws[rows], entries))
    is_kept = np.zeros(len(draws), np.bool_)
    is_kept[rows[each < probability]] = True
    own, limits = (np.where(rarest >= 0, numbers[rarest] if len(numbers) else 0.0, 0.0) for numbers in (each, probability))
    return Decided(is_kept, own, limits, names)


def flat_entries(sketch: pa.Table) -> tuple[Ints, Ints]:
    """Returns the row and the number of each entry that a row matches. [[3, 5], [], [3]] -> 0 0 2, 3 5 3."""
    lists = sketch["entries"].combine_chunks()
    rows, entries = pc.list_parent_indices(lists), pc.list_flatten(lists)
    return rows.to_numpy().astype(np.int64), entries.to_numpy().astype(np.int64)


def _rarest(rows: Ints, entries: Ints, probability: Floats, count: int) -> Ints:
    """Returns of each row the index of its entry with the highest probability, of several the first; -1 without entries."""
    order = np.lexsort((entries, -probability, rows))
    firsts = np.flatnonzero(np.diff(rows[order], prepend=-1))
    rarest = np.full(count, -1, np.int64)
    rarest[rows[order][firsts]] = order[firsts]
    return rarest


def _products(rows: Ints, factors: Floats, count: int) -> Floats:
    """Returns the product of the factors of each row, multiplied in their order; 1 without factors."""
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    places = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
    products = np.ones(count)
    by_place = np.argsort(places, kind="stable")
    for same in np.split(by_place, np.flatnonzero(np.diff(places[by_place])) + 1):
        products[rows[same]] *= factors[same]
    return products


def with_probabilities(counts: pa.Table, thresholds: Mapping[int, int], language: Ints) -> pa.Table:
    """Returns the entries with their counts, the threshold t of their language, and t / max(count, t).

    Parameters:
        counts: The entries and their counts.
        thresholds: t by the number of the language.
        language: The number of each entry's language.
    """
    numbers = column(counts, "count")
    t = np.array([thresholds[int(number)] for number in language], np.int64)
    more = {"t": pa.array(t), "probability": pa.array(t / np.maximum(numbers, t))}
    return pa.table({"entry": counts["entry"], "count": counts["count"], **more})
