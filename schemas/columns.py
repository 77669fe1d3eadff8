"""The Arrow schemas of stored data: documents, side tables, decisions. All have the same version number."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

SCHEMA_VERSION = 3
"""1: scores and labels were Arrow maps, media had no checksum. 2: lists of (name, value), a checksum per stored media. 3: Parquet
shards have `texts`, `images` and `clips` in parallel instead of `media`."""
VERSION_KEY = b"interloom.schema_version"

SCORES = pa.list_(pa.struct([("name", pa.string()), ("value", pa.float64())]))
LABELS = pa.list_(pa.struct([("name", pa.string()), ("value", pa.string())]))
"""Lists of (name, value) rather than maps, which Hugging Face `datasets` and polars do not read as such."""
SOURCE = pa.struct(
    [
        ("url", pa.string()),
        ("path", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("date", pa.string()),
        ("content_type", pa.string()),
        ("licence", pa.string()),
        ("opt_out", pa.string()),
    ]
)
ELEMENT = pa.struct(
    [
        ("kind", pa.string()),
        ("position", pa.int32()),
        ("origin", pa.string()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("page", pa.int32()),
        ("bbox", pa.list_(pa.float64())),
        ("path", pa.large_string()),
        ("offset", pa.int64()),
        ("scores", SCORES),
        ("text", pa.large_string()),
        ("role", pa.string()),
        ("of", pa.int32()),
        ("url", pa.large_string()),
        ("alt", pa.large_string()),
        ("format", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("sha256", pa.string()),
        ("phash", pa.string()),
        ("opt_out", pa.string()),
        ("blob_path", pa.string()),
        ("blob_offset", pa.int64()),
        ("blob_size", pa.int64()),
        ("blob_crc32", pa.uint32()),
    ]
)
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("source", SOURCE),
        ("labels", LABELS),
        ("scores", SCORES),
        ("body", pa.large_binary()),
        ("elements", pa.large_list(ELEMENT)),
    ],
    metadata={VERSION_KEY: str(SCHEMA_VERSION).encode()},
)
"""The table of stored documents. Image bytes are never in it; `blob_path`, `blob_offset` and `blob_size` refer to them, and
`blob_crc32` is their checksum."""

SIDE_TABLES: Mapping[str, pa.Schema] = {
    "captures": pa.schema(
        [
            ("url", pa.string()),
            ("path", pa.string()),
            ("offset", pa.int64()),
            ("length", pa.int64()),
            ("content_type", pa.string()),
            ("date", pa.string()),
        ]
    ),
    "failed_fetches": pa.schema(
        [
            ("id", pa.string()),
            ("position", pa.int32()),
            ("url", pa.string()),
            ("reason", pa.string()),
            ("passing", pa.bool_()),
        ]
    ),
    "embeddings": pa.schema(
        [
            ("id", pa.string()),
            ("position", pa.int32()),
            ("window", pa.int32()),
            ("kind", pa.string()),
            ("model", pa.string()),
            ("revision", pa.string()),
            ("start", pa.int32()),
            ("end", pa.int32()),
            ("digest", pa.uint64()),
            ("vector", pa.list_(pa.float16())),
        ]
    ),
    "clusters": pa.schema(
        [
            ("id", pa.string()),
            ("position", pa.int32()),
            ("window", pa.int32()),
            ("name", pa.string()),
            ("cluster", pa.int64()),
            ("similarity", pa.float64()),
        ]
    ),
    "retrieved": pa.schema(
        [
            ("id", pa.string()),
            ("position", pa.int32()),
            ("window", pa.int32()),
            ("rank", pa.int32()),
            ("score", pa.float64()),
            ("source", pa.string()),
            ("source_position", pa.int32()),
            ("source_window", pa.int32()),
            ("start", pa.int32()),
            ("end", pa.int32()),
            ("text", pa.large_string()),
        ]
    ),
    "words": pa.schema(
        [
            ("id", pa.string()),
            ("position", pa.int32()),
            ("number", pa.int32()),
            ("word", pa.string()),
            ("start_s", pa.float64()),
            ("end_s", pa.float64()),
            ("probability", pa.float64()),
        ]
    ),
    "screen_lines": pa.schema(
        [
            ("id", pa.string()),
            ("position", pa.int32()),
            ("number", pa.int32()),
            ("text", pa.string()),
            ("confidence", pa.float64()),
            *((side, pa.float64()) for side in ("x0", "y0", "x1", "y1")),
        ]
    ),
}
"""The side tables, whose rows steps store for later steps: `captures` (images in a crawl's WARC files),
`failed_fetches` (images that no source has, and whether a later attempt may succeed), `embeddings`
(L2-normalised float16, of an element or, at position -1, of a document; `start` and `end` are characters of its text, null if it
is all of it; `digest` is 64 bits of a hash of what was encoded; stored with a fixed width, a file for each width), `clusters`
(where `cluster_embeddings` puts these vectors in the clustering `name`, with the cosine similarity to the centre), `retrieved`
(what `retrieve_texts` finds for an element or document: the document `source`, the place in it, and the text), `words` (spoken
words, times in seconds) and `screen_lines` (lines of text on screens, boxes in pixels). Rows with an `id` are about that
document."""

DECISIONS = pa.schema(
    [
        ("id", pa.string()),
        ("position", pa.int32()),
        ("url", pa.large_string()),
        ("step", pa.string()),
        ("use", pa.string()),
        ("reason", pa.string()),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("kept", pa.string()),
        ("error", pa.string()),
        ("source_id", pa.string()),
    ]
)
"""One row per document, image or text that a step dropped (`reason`) or quarantined (`error`). `source_id` is the id that the
document has in its file; runs of earlier versions have no such column."""

SCORE_ROWS = pa.schema(
    [
        ("id", pa.string()),
        ("position", pa.int32()),
        ("step", pa.string()),
        ("name", pa.string()),
        ("value", pa.float64()),
    ]
)
"""One row per score that a step gave: to a document (`position` is null) or to its element at `position`. It tells the
distribution of a score without reading any text."""
