"""Documents are the same after Arrow and Parquet, in tables and slices; tables of older versions can be read."""

from __future__ import annotations

import io
import math
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interloom.schemas.columns import DECISIONS, ELEMENT, SCHEMA, SCHEMA_VERSION
from interloom.schemas.document import Blob, Clip, Document, Element, Image, Source, Text
from interloom.schemas.rows import table_of
from interloom.schemas.table import from_table, to_table

words = st.text(st.characters(codec="utf-8"), max_size=20)
integers = st.integers(-(1 << 31), (1 << 31) - 1)
numbers = st.floats(allow_nan=False)
scores = st.dictionaries(words, numbers, max_size=3)
blobs = st.builds(Blob, words, st.integers(0, 1 << 60), st.integers(0, 1 << 60), st.none() | st.integers(0, (1 << 32) - 1))
shared = {
    "position": integers,
    "origin": words,
    "start_s": st.none() | numbers,
    "end_s": st.none() | numbers,
    "page": st.none() | integers,
    "bbox": st.none() | st.tuples(numbers, numbers, numbers, numbers),
    "path": words,
    "offset": st.none() | st.integers(0, 1 << 40),
    "scores": scores,
}
media = {
    **{name: words for name in ("url", "alt", "format", "sha256")},
    **{name: st.none() | integers for name in ("width", "height")},
    "blob": st.none() | blobs,
}
elements: st.SearchStrategy[Element] = st.one_of(
    st.builds(Text, **shared, text=words, role=words, of=st.none() | integers),
    st.builds(Image, **shared, **media, phash=words),
    st.builds(Clip, **shared, **media),
)
sources = st.builds(
    Source,
    **{name: words for name in ("url", "path", "date", "content_type", "licence", "opt_out")},
    offset=st.none() | st.integers(0, 1 << 62),
    length=st.none() | st.integers(0, 1 << 62),
)
documents = st.builds(
    Document,
    id=words,
    source=sources,
    elements=st.lists(elements, max_size=4).map(tuple),
    scores=scores,
    labels=st.dictionaries(words, words, max_size=3),
    body=st.none() | st.binary(max_size=20),
)
batches = st.lists(documents, max_size=5)


def through_parquet(table: pa.Table) -> pa.Table:
    file = io.BytesIO()
    pq.write_table(table, file)
    return pq.read_table(file)


@given(batches)
@settings(max_examples=60)
def test_documents_come_back_from_parquet_as_they_were(docs: list[Document]) -> None:
    assert from_table(through_parquet(to_table(docs))) == docs


@given(batches, st.integers(0, 5), st.integers(0, 5))
@settings(max_examples=60)
def test_a_slice_holds_its_own_documents(docs: list[Document], start: int, length: int) -> None:
    assert from_table(to_table(docs).slice(start, length)) == docs[start : start + length]


@given(batches, batches)
@settings(max_examples=20)
def test_tables_put_together_hold_all_documents(some: list[Document], others: list[Document]) -> None:
    assert from_table(pa.concat_tables([to_table(some), to_table(others)])) == some + others


def test_no_documents_make_an_empty_table_of_the_same_schema() -> None:
    assert to_table([]).schema.equals(SCHEMA, check_metadata=True)
    assert from_table(to_table([])) == []


def test_filtered_rows_keep_their_own_elements() -> None:
    docs = [Document(id=str(n), elements=(Text(position=n, text=str(n)),) * n) for n in range(6)]
    table = to_table(docs)
    odd = table.filter(pa.array([n % 2 == 1 for n in range(6)]))
    assert from_table(odd) == docs[1::2]


def test_nan_is_preserved() -> None:
    [doc] = from_table(to_table([Document(id="a").with_score("odd", math.nan)]))
    assert math.isnan(doc.scores["odd"])


def test_image_bytes_are_not_stored() -> None:
    image = Image(position=0, data=b"bytes", blob=Blob("work/blob", 3, 5))
    [doc] = from_table(to_table([Document(id="a", elements=(image,))]))
    assert doc.images[0].data is None
    assert doc.images[0].blob == Blob("work/blob", 3, 5)


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    broken = Document(id="a", labels={"title": "\ud800"}, elements=(Text(position=0, text="x\udfffy"),))
    [doc] = from_table(to_table([broken, Document(id="b")])[:1])
    assert (doc.text, doc.labels) == ("x?y", {"title": "?"})


def test_the_name_of_a_file_that_is_not_utf8_keeps_its_bytes() -> None:
    [doc] = from_table(to_table([Document(id="a", source=Source(path=os.fsdecode(b"caf\xe9 \xff.mp4")))]))
    assert doc.source.path == r"caf\xe9 \xff.mp4"


def older(table: pa.Table, *missing: str) -> pa.Table:
    """The table as an older version without these fields of elements would have written it."""
    lists = table["elements"].combine_chunks()
    kept = [name for name in (field.name for field in ELEMENT) if name not in missing]
    structs = pa.StructArray.from_arrays([lists.values.field(name) for name in kept], kept)
    elements = pa.LargeListArray.from_arrays(lists.offsets, structs)
    return table.set_column(table.schema.get_field_index("elements"), "elements", elements)


def test_a_table_of_an_older_version_reads_with_defaults() -> None:
    image = Image(position=0, url="u", sha256="s", phash="p", width=3, blob=Blob("b", 0, 1))
    table = older(to_table([Document(id="a", elements=(image,))]), "phash", "page", "bbox", "path", "offset")
    [doc] = from_table(table)
    assert doc.images == (Image(position=0, url="u", sha256="s", width=3, blob=Blob("b", 0, 1)),)


def test_strings_that_an_older_version_did_not_write_are_empty() -> None:
    table = older(to_table([Document(id="a", elements=(Image(position=0), Text(position=1, text="t")))]), "alt", "format", "role")
    assert from_table(table)[0].elements == (Image(position=0), Text(position=1, text="t"))


def test_columns_that_an_older_version_did_not_write_are_empty() -> None:
    table = to_table([Document(id="a", elements=(Text(position=0, text="t"),))]).drop_columns(["labels", "body", "source"])
    assert from_table(table) == [Document(id="a", elements=(Text(position=0, text="t"),))]


def test_a_newer_version_is_refused() -> None:
    table = to_table([]).replace_schema_metadata({b"interloom.schema_version": str(SCHEMA_VERSION + 1).encode()})
    with pytest.raises(ValueError, match=f"newer version .schema {SCHEMA_VERSION + 1}"):
        from_table(table)


def test_a_table_without_a_version_counts_as_the_first() -> None:
    table = to_table([Document(id="a")]).replace_schema_metadata(None)
    assert from_table(table) == [Document(id="a")]


def test_rows_become_a_table_with_nulls_for_missing_fields() -> None:
    [row] = table_of([{"id": "a", "url": "\ud800", "reason": "too_long"}], DECISIONS).to_pylist()
    assert (row["id"], row["url"], row["reason"], row["error"]) == ("a", "?", "too_long", None)
