"""Removes repeated captures of the same page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.contents import Content
from interloom.pipeline.stage import Exchange, GlobalStage, Rows
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Outcome
from interloom.stages._dedup import duplicates
from interloom.stages._dedup.duplicates import Keep
from interloom.stages._web.urls import normalise_page_url


@dataclass(frozen=True, kw_only=True)
class DedupUrl(GlobalStage):
    """Keeps one document of each group with the same normalised URL.

    The others are dropped as `duplicate_url`. `stages/_web/urls.py` says how URLs are normalised. A document without a URL is
    never a duplicate, and the parts `<id>#<part>` of one capture are not duplicates of each other.

    Parameters:
        strip_query: Whether URLs that differ only in their query are the same. Default false, our choice.
        merge_schemes: Whether http and https are the same. Default true, our choice.
        keep: Which document of a group stays: "newest", "first" (in input order) or "longest"; of equal ones the first.
            Default "newest", our choice.
    """

    commutes_with_filters: ClassVar[bool] = True
    sketch_params: ClassVar[tuple[str, ...]] = ("strip_query", "merge_schemes")

    strip_query: bool = False
    merge_schemes: bool = True
    keep: Keep = "newest"

    def provides(self) -> Iterable[Content]:
        return ()

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        """Returns the columns id, key, date and length; a document without a URL has no row."""
        return duplicates.key_sketch(docs, [self._content(doc) for doc in docs])

    def _content(self, doc: Document) -> str:
        if not doc.source.url.strip():
            return ""
        return normalise_page_url(doc.source.url, strip_query=self.strip_query, merge_schemes=self.merge_schemes)

    def exchanges(self) -> tuple[Exchange, ...]:
        """Equal keys meet; verdicts have the columns part, id and kept, with a row for each document to drop."""
        return (Exchange(name="keys", reads=("sketch",), send=self._send, meet=_meet),)

    def _send(self, source: str, sketch: pa.Table) -> pa.Table:
        return duplicates.send_keys(sketch, self.keep)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        return duplicates.drop_duplicates(docs, verdicts, lambda doc, verdict: Drop("duplicate_url"))


def _meet(rows: Rows) -> Iterator[pa.Table]:
    for table in duplicates.meet_equal_keys(rows):
        capture, kept = (pc.replace_substring_regex(table[name], "#.*", "") for name in ("id", "kept"))
        yield table.filter(pc.not_equal(capture, kept))
