from __future__ import annotations

import re
from functools import lru_cache

from interloom.pipeline.filter import document_filter
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter
def opt_out(doc: Document, *, words: tuple[str, ...] = ()) -> Drop | None:
    """Drops documents that have evidence of an opt-out from training in `source.opt_out`.

    The reason is `opted_out`. `docs/opt_out.md` lists what is evidence; a header `noimageindex` of a page is about its pictures
    alone and drops no document. Images are dropped by `stages.fetch_images`.

    Parameters:
        words: Words of which the evidence must have one, such as `noai` or `tdm-reservation`, compared without regard to case.
            Default: none, so that any evidence counts.
    """
    evidence = doc.source.opt_out
    if not words:
        evidence = "; ".join(piece for piece in evidence.split("; ") if not piece.endswith(": noimageindex"))
    if not evidence or (words and not _any_of(tuple(words)).search(evidence)):
        return None
    return Drop("opted_out")


@lru_cache(maxsize=64)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """Returns a pattern that matches any of the words as a whole."""
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, words))})(?![\w-])", re.IGNORECASE)
