"""The buckets that split data for validation without a pass over them.

A sample has two buckets: by a hash of its domain, and by a hash of its document. Bucket b holds the hashes in
[2**-(b+1), 2**-b), the last one all that are smaller.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from interloom.schemas.document import Document
from interloom.schemas.origin import registrable_domain

BUCKETS = 16
"""Buckets of hashes; the smallest part that can be split off is 2**-15 of the data."""
DUPLICATE_OF = "duplicate_of"
"""The label with the id of the document that a document is a near-duplicate of, where a step found that and dropped neither."""

Buckets = tuple[int, int]
"""By domain, and by document."""


def bucket_of(name: str) -> int:
    """The bucket of a hash of this name."""
    value = int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
    return min(64 - value.bit_length(), BUCKETS - 1)


def buckets_of(doc: Document, joined: Sequence[Mapping[str, str]] = ()) -> Buckets:
    """The buckets of a sample by its domain (the registrable domain of its URL, or else its document) and by its document (the
    one that it is a duplicate of, without parts).

    Of a sample that joins documents those of the document with the smallest hash: if one is split off, all are.

    Parameters:
        doc: The document.
        joined: What the label `joined` says of the documents of a packed one.
    """
    of = doc.labels.get(DUPLICATE_OF, doc.id)
    members = [(m.get(DUPLICATE_OF, m["id"]), m["url"]) for m in joined] or [(of, doc.source.url)]
    roots = [(member.partition("#")[0], registrable_domain(url)) for member, url in members]
    return max(bucket_of(domain or root) for root, domain in roots), max(bucket_of(root) for root, _ in roots)


def histogram(buckets: Sequence[Buckets]) -> list[list[int]]:
    """The numbers of samples in each bucket, by domain and by document."""
    return [np.bincount([pair[by] for pair in buckets], minlength=BUCKETS).tolist() for by in (0, 1)]
