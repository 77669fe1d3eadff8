"""Laws of dedup_exact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from pipeline.stage import GlobalStage
from schemas.document import Document, Element, Image, Source, Text
from schemas.outcome import Dropped, Outcome
from stages.dedup_exact import DedupExact


class Stored:
    """Side tables in memory, one part per table."""

    def __init__(self, *tables: pa.Table) -> None:
        self.tables = tables

    def read(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        for number, table in enumerate(self.tables):
            asked = table if columns is None else table.select(list(columns))
            yield asked.append_column("part", pa.array([number] * len(table), pa.int32()))

    @property
    def count(self) -> int:
        return sum(map(len, self.tables))


def outcomes(stage: GlobalStage, *parts: list[Document], scans: int | None = None) -> list[Outcome]:
    """What the stage says of all documents, each part being sketched and applied on its own."""
    sketches = Stored(*map(stage.sketch, parts))
    of = scans or stage.scans(sketches.count)
    verdicts = stage.decide(Stored(*(stage.scan(number, of, sketches, {}) for number in range(of)))).to_pylist()
    said: list[Outcome] = []
    for number, docs in enumerate(parts):
        rows: dict[str, list[dict[str, Any]]] = {}
        for row in verdicts:
            if row["part"] == number:
                rows.setdefault(row["id"], []).append(row)
        said += stage.apply(docs, rows)
    return said


def gone(said: list[Outcome]) -> dict[str, str]:
    return {outcome.id: outcome.kept for outcome in said if isinstance(outcome, Dropped)}


def article(id_: str, text: str = "", *hashes: str, date: str = "") -> Document:
    blocks: list[Element] = [Text(position=0, text=text)] if text else []
    images = [Image(position=1 + place, sha256=sha256) for place, sha256 in enumerate(hashes)]
    return Document(id=id_, source=Source(date=date), elements=(*blocks, *images))


def test_case_and_white_space_make_no_difference_unless_asked() -> None:
    docs = [article("a", "One  two\n"), article("b", "one TWO"), article("c", "one two three")]
    assert gone(outcomes(DedupExact(), docs)) == {"b": "a"}
    assert gone(outcomes(DedupExact(normalise=False), docs)) == {}


def test_the_newest_stays() -> None:
    docs = [article("old", "same", date="2001-01-01"), article("new", "same", date="2002-01-01")]
    assert gone(outcomes(DedupExact(), docs[:1], docs[1:])) == {"old": "new"}


def test_documents_without_text_are_compared_by_their_pictures_in_order() -> None:
    docs = [article("a", "", "1f", "2f"), article("b", "", "2f", "1f"), article("c", "", "1f", "2f")]
    said = outcomes(DedupExact(), docs)
    assert gone(said) == {"c": "a"}
    assert [o.drop.reason for o in said if isinstance(o, Dropped)] == ["duplicate_images"]


def test_documents_with_neither_text_nor_hashes_are_no_duplicates() -> None:
    docs = [article("a"), article("b"), article("c", " \n"), article("d", "", ""), article("e", "", "")]
    assert outcomes(DedupExact(), docs) == docs


def test_a_text_never_equals_a_picture() -> None:
    assert gone(outcomes(DedupExact(), [article("a", "1f"), article("b", "", "1f")])) == {}


def test_the_same_text_is_a_duplicate_whatever_its_pictures() -> None:
    said = outcomes(DedupExact(), [article("a", "same", "1f"), article("b", "same", "2f")])
    assert gone(said) == {"b": "a"}
    assert [o.drop.reason for o in said if isinstance(o, Dropped)] == ["duplicate_text"]


def test_lone_surrogates_are_only_characters() -> None:
    assert gone(outcomes(DedupExact(), [article("a", "\ud800"), article("b", "\udfff"), article("c", "\ud800")])) == {"c": "a"}


def test_batches_and_scans_change_nothing() -> None:
    docs = [article(f"{n:03}", f"text {n % 30}") for n in range(90)]
    found = gone(outcomes(DedupExact(), docs))
    assert found == {f"{n:03}": f"{n % 30:03}" for n in range(30, 90)}
    assert gone(outcomes(DedupExact(), docs[:1], docs[1:50], docs[50:], scans=5)) == found
