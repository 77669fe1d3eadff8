"""Captures of the same page: one stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.stage import GlobalStage, Rows
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Outcome
from interloom.stages._dedup import duplicates
from interloom.stages._dedup.duplicates import Keep

_DEFAULT_PORT = {"http": ":80", "https": ":443"}


def normalised(url: str, *, strip_query: bool = False, merge_schemes: bool = True) -> str:
    """The URL in lower case up to the path, without fragment, default port, trailing slash and, if asked, query.

    `merge_schemes` takes https for http. What cannot be parsed stays as it is.
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return url.strip()
    user, at, host = parts.netloc.rpartition("@")
    host = host.lower().removesuffix(_DEFAULT_PORT.get(parts.scheme, ":")).removesuffix(".")
    scheme = "http" if merge_schemes and parts.scheme == "https" else parts.scheme
    query = f"?{parts.query}" if parts.query and not strip_query else ""
    return f"{scheme}://{user}{at}{host}{parts.path.rstrip('/')}{query}"


@dataclass(frozen=True, kw_only=True)
class DedupUrl(GlobalStage):
    """Keeps one of the documents with the same normalised URL; reason `duplicate_url`.

    A document without URL is never a duplicate, and the parts `<id>#<part>` of one capture are none of each other.
    """

    sketch_params: ClassVar[tuple[str, ...]] = ("strip_query", "merge_schemes")

    strip_query: bool = False
    merge_schemes: bool = True
    keep: Keep = "newest"

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        """Columns id, key, date, length; no row for a document without URL."""
        return duplicates.keyed(docs, [self._content(doc) for doc in docs])

    def _content(self, doc: Document) -> str:
        if not doc.source.url.strip():
            return ""
        return normalised(doc.source.url, strip_query=self.strip_query, merge_schemes=self.merge_schemes)

    def scans(self, rows: int) -> int:
        return duplicates.scans_for(rows)

    def scan(self, number: int, of: int, sketches: Rows, sides: Mapping[str, Rows]) -> pa.Table:
        found = duplicates.equal_keys(sketches, (number, of), self.keep)
        capture, kept = (pc.replace_substring_regex(found[name], "#.*", "") for name in ("id", "kept"))
        return found.filter(pc.not_equal(capture, kept))

    def decide(self, found: Rows) -> pa.Table:
        """Columns part, id, kept, a row for each document that goes."""
        return duplicates.verdicts(found)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        return duplicates.without_duplicates(docs, verdicts, lambda doc, verdict: Drop("duplicate_url"))
