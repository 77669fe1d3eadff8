"""The part of a corpus to which a document belongs: its dump or its domain."""

from __future__ import annotations

import re
from typing import Literal

from interloom.schemas.document import Document
from interloom.schemas.origin import domain_of

Scope = Literal["corpus", "dump", "domain"]
_DUMP = re.compile(r"(?:^|/)(CC-MAIN-\d{4}(?:-\d{2,4})?|CC-NEWS/\d{4}/\d{2})(?=/)")
"""The folder of a crawl of Common Crawl in the path of one of its files; of its news crawl, the folder of a month."""


def scope_name(doc: Document, scope: Scope) -> str:
    """Returns the name of the document's scope; "" if it names none, and for the scope "corpus"."""
    if scope == "dump":
        return dump_of(doc.source.path)
    return domain_of(doc.source.url) if scope == "domain" else ""


def dump_of(path: str) -> str:
    """Returns the crawl to which a file belongs, "" if its path names none.

    Example: "s3://commoncrawl/crawl-data/CC-MAIN-2024-10/segments/1.0/warc/a.warc.gz" -> "CC-MAIN-2024-10".
    """
    match = _DUMP.search(path)
    return match[1] if match else ""
