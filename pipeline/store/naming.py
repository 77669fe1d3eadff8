"""Finds what a user's name for a document or image stands for: an id, the id in its file, a URL, a file, one of its
images or clips, the beginning of an id.

What has the name exactly goes before what only begins with it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.store import run_reader
from interloom.pipeline.store.commits import files_of
from interloom.pipeline.store.tables import read_stored
from interloom.schemas.document import SOURCE_ID, Document
from interloom.schemas.table import from_table, labelled
from interloom.schemas.text_forms import storable

SHORTEST_BEGINNING = 6
"""Characters of an id that stand for it, if no other id begins with them. Our choice."""
_MOST_STORED = 1000
"""Documents of one name that are looked at; a file may hold millions. Our choice."""


@dataclass(slots=True)
class Matches:
    """What has a name: rows of decisions, and documents with the phase that stored them, latest phase first."""

    decisions: list[dict[str, Any]] = field(default_factory=list)
    documents: list[tuple[str, Document]] = field(default_factory=list)
    are_beginnings: bool = False
    """Whether only the beginning of their ids is the name."""

    @property
    def roots(self) -> dict[str, str]:
        """The URL or file (or "") of each different document, by id; parts that were cut from a document count as this one."""
        urls = {row["id"]: row["url"] if row["position"] is None else "" for row in self.decisions}
        urls |= {doc.id: doc.source.url or doc.source.path for _, doc in self.documents}
        return {id_.partition("#")[0]: url or "" for id_, url in sorted(urls.items(), reverse=True)}

    def __bool__(self) -> bool:
        return bool(self.decisions or self.documents)


def find(run: str, name: str) -> Matches:
    """What has this name exactly; if nothing has, what begins with it."""
    name = storable(name)
    exact, begun = Matches(), Matches(are_beginnings=True)
    for phase, done in reversed(list(run_reader.progress(run))):
        for file in files_of(done, "documents"):
            keys = read_stored(run, file, ["id", "source", "labels"])
            for matches, mask in ((exact, _is_named(keys, name)), (begun, _begins(keys["id"], name))):
                if pc.any(mask).as_py() and len(matches.documents) < _MOST_STORED:
                    matches.documents += [(phase.name, doc) for doc in from_table(read_stored(run, file).filter(mask))]
    if not exact and any(mark in name for mark in "/."):  # no beginning of an id
        exact.documents += _holding(run, name)
    ids = pa.array({doc.id for _, doc in exact.documents}, pa.string())
    for table in run_reader.decision_tables(run):
        others = [table[column] for column in ("url", SOURCE_ID) if column in table.column_names]
        equal = [pc.is_in(column, value_set=_names(name)) for column in others]
        mask = _any([*equal, _is_id(table["id"], name), pc.is_in(table["id"], value_set=ids)])
        exact.decisions += table.filter(mask).to_pylist()
        begun.decisions += table.filter(_any([_begins(table["id"], name)])).to_pylist()
    return exact or begun


def _holding(run: str, name: str) -> list[tuple[str, Document]]:
    """The documents with an image or clip of this URL or file, with the phase that stored them, latest phase first."""
    holding: list[tuple[str, Document]] = []
    for phase, done in reversed(list(run_reader.progress(run))):
        for file in files_of(done, "documents"):
            mask = _has_element(read_stored(run, file, ["elements"])["elements"].combine_chunks(), name)
            if pc.any(mask).as_py() and len(holding) < _MOST_STORED:
                holding += [(phase.name, doc) for doc in from_table(read_stored(run, file).filter(mask))]
    return holding


def _has_element(elements: Any, name: str) -> pa.Array:
    """Which rows have an element whose URL or file is of this name."""
    structs = elements.flatten()
    columns = [structs.field(column) for column in ("url", "blob_path") if structs.type.get_field_index(column) >= 0]
    if not columns:  # schema 1
        return pa.array([False] * len(elements))
    equal = _any([pc.is_in(column, value_set=_names(name).cast(column.type)) for column in columns])
    rows = pc.list_parent_indices(elements).filter(equal).cast(pa.int64())
    return pc.is_in(pa.array(range(len(elements)), pa.int64()), rows)


def _is_named(keys: pa.Table, name: str) -> Any:
    """Which documents have the name: as their id or that of what they were cut from, the id in the file, the URL, the file."""
    parts = [pc.is_in(pc.struct_field(keys["source"], part), value_set=_names(name)) for part in ("url", "path")]
    return _any([_is_id(keys["id"], name), labelled(keys["labels"], SOURCE_ID, name), *parts])


def _is_id(ids: Any, name: str) -> Any:
    return pc.or_(pc.equal(ids, name), pc.starts_with(ids, f"{name}#"))


def _begins(ids: Any, name: str) -> Any:
    return _any([pc.starts_with(ids, name)]) if len(name) >= SHORTEST_BEGINNING else _any([pc.equal(ids, None)])


def _names(name: str) -> pa.Array:
    """The name, and, as a file may be named from elsewhere, its absolute and its relative path."""
    paths = [] if not name or "://" in name else [os.path.abspath(name), os.path.relpath(name)]
    return pa.array(dict.fromkeys([name, *paths]), pa.string())


def _any(matches: Sequence[Any]) -> Any:
    """Where one of the columns of booleans is true."""
    return reduce(pc.or_, (pc.fill_null(match, False) for match in matches))
