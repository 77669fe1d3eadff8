"""Shards of MosaicML Streaming."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from interloom.schemas.document import Document, Image, Text
from interloom.stages.read_documents import ReadDocuments

PNG = b"\x89PNG\r\n\x1a\nink"


def shard(columns: dict[str, tuple[str, int | None]], *samples: list[bytes]) -> bytes:
    """A shard with these columns (encoding, size) and the encoded values of each sample, as the format is documented."""
    names, encodings, sizes = list(columns), [c[0] for c in columns.values()], [c[1] for c in columns.values()]
    config = json.dumps({"column_names": names, "column_encodings": encodings, "column_sizes": sizes}).encode()
    bodies = []
    for sample in samples:
        varying = [len(value) for value, size in zip(sample, sizes, strict=True) if size is None]
        bodies.append(struct.pack(f"<{len(varying)}I", *varying) + b"".join(sample))
    offsets = [4 * (len(bodies) + 2) + len(config)]
    for body in bodies:
        offsets.append(offsets[-1] + len(body))
    return struct.pack(f"<I{len(offsets)}I", len(bodies), *offsets) + config + b"".join(bodies)


COLUMNS: dict[str, tuple[str, int | None]] = {
    **{"caption": ("str", None), "image": ("png", None), "label": ("int", 8), "meta": ("json", None), "q": ("float32", 4)},
    **{"secret": ("pkl", None), "year": ("str_int", None)},
}
SAMPLE = [b"A boat.", PNG, struct.pack("<q", 7), b'{"a": 1}', struct.pack("<f", 0.5), b"cos\nsystem\n(S'touch x'\ntR.", b"2024"]


def outcomes(path: Path, content: bytes, **parameters: Any) -> list[Any]:
    path.write_bytes(content)
    source = ReadDocuments(paths=str(path), **parameters)
    return [outcome for split in source.splits() for outcome in source.read(split)]


@pytest.mark.parametrize("ending", [".mds", ".mds.zstd"])
def test_samples_are_rows_by_the_names_of_their_columns(tmp_path: Path, ending: str) -> None:
    content = shard(COLUMNS, SAMPLE, SAMPLE)
    packed = pa.compress(content, codec="zstd", asbytes=True) if "zstd" in ending else content
    first, second = outcomes(tmp_path / f"shard.00000{ending}", packed)
    image = Image(position=0, data=PNG, format="png")
    assert first.elements == second.elements == (image, Text(position=1, text="A boat.", role="caption", of=0))
    assert (first.labels, first.scores) == ({}, {"label": 7.0, "q": 0.5, "year": 2024.0})
    assert first.id != second.id


def test_samples_of_our_own_are_documents_as_they_were(tmp_path: Path) -> None:
    element = {"kind": "image", "position": 4, "format": "png", "member": "4.png", "scores": {"clip": 0.5}}
    record = {"schema_version": 1, "id": "a", "labels": {"topic": "sea"}, "scores": {}, "source": {"url": "u"}}
    record |= {"elements": [{"kind": "text", "position": 0}, element], "texts": ["Words.", None], "members": {"4.png": [2, 11]}}
    columns: dict[str, tuple[str, int | None]] = {"id": ("str", None), "media": ("bytes", None), "record": ("json", None)}
    [doc] = outcomes(tmp_path / "shard.mds", shard(columns, [b"a", b"--" + PNG, json.dumps(record).encode()]))
    assert doc.elements == (Text(position=0, text="Words."), Image(position=4, format="png", data=PNG[:11], scores={"clip": 0.5}))
    assert (doc.source.url, doc.labels) == ("u", {"topic": "sea", "source_id": "a"})


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "cut off: wanted 4 bytes, got 0"),
        (b"\xff" * 40, "cut off: wanted 262144 bytes, got 36"),
        (struct.pack("<III", 1, 4, 5), "columns are described in -8 bytes"),
        (shard(COLUMNS, SAMPLE)[:-3], "cut off: wanted"),
        (shard({"text": ("str", None)}, [b"Words."]).replace(b"\x06\0\0\0", b"\xff\0\0\0"), "column 'text' is cut off"),
    ],
)
def test_a_broken_shard_is_quarantined(tmp_path: Path, content: bytes, error: str) -> None:
    [wrong] = outcomes(tmp_path / "shard.mds", content)
    assert wrong.error.startswith(f"broken MDS: {error}")


def test_a_sample_that_is_too_large_ends_the_shard(tmp_path: Path) -> None:
    [wrong] = outcomes(tmp_path / "shard.mds", shard({"text": ("str", None)}, [b"x" * 5000]), max_line_bytes=1000)
    assert wrong.error == "broken MDS: a sample of 5004 bytes (row 0, shard.mds)"


def test_a_document_of_others_needs_names_of_fields(tmp_path: Path) -> None:
    columns: dict[str, tuple[str, int | None]] = {"body": ("str", None), "title": ("str", None)}
    [doc] = outcomes(tmp_path / "shard.mds", shard(columns, [b"Words.", b"T"]), fields={"text": "body"})
    assert isinstance(doc, Document) and (doc.text, doc.labels) == ("Words.", {"title": "T"})
