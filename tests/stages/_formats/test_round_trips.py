"""What a format can hold comes back: rows as they are published, read and written again, are the same rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from interloom.schemas.document import Document
from interloom.stages.read_documents import ReadDocuments
from interloom.stages.write_documents import WriteDocuments

OBELICS = {
    "images": ["https://ex.com/a.jpg", None],
    "metadata": json.dumps(
        [
            {
                "document_url": "https://ex.com/p",
                "unformatted_src": "https://ex.com/a.jpg",
                "src": "https://ex.com/a.jpg",
                "alt_text": "A boat",
                "original_width": 800,
                "original_height": 600,
                "format": "jpg",
            },
            None,
        ],
        separators=(",", ":"),
    ),
    "general_metadata": json.dumps(
        {
            "url": "https://ex.com/p",
            "warc_filename": "crawl-data/a.warc.gz",
            "warc_record_offset": 123,
            "warc_record_length": 456,
        },
        separators=(",", ":"),
    ),
    "texts": [None, "paragraph"],
}
MMC4 = {
    "image_info": [
        {
            "face_detections": None,
            "image_name": "bfc12f2b6ad9.jpg",
            "matched_sim": 0.27694183588027954,
            "matched_text_index": 2,
            "raw_url": "http://www.hfitinfo.com/honda_fit_pics/3/2/index.90.jpg",
        }
    ],
    "similarity_matrix": [[0.0, 0.0, 0.27694183588027954]],
    "text_list": ["When you lock the door ...", "Press the master door lock ...", "When you lock/unlock ..."],
    "url": "http://www.hfitinfo.com/hofi-48.html",
    "could_have_url_duplicate": 0,
}


def read(path: Path, format: str) -> list[Document]:
    source = ReadDocuments(paths=str(path), format=format)  # type: ignore[arg-type]
    return [doc for split in source.splits() for doc in source.read(split) if isinstance(doc, Document)]


@pytest.mark.parametrize(("format", "row"), [("obelics", OBELICS), ("mmc4", MMC4)])
def test_a_published_row_that_is_read_is_written_as_it_was(tmp_path: Path, format: str, row: dict[str, Any]) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps(row))
    info = WriteDocuments(format=format).write(0, read(tmp_path / "in.jsonl", format), tmp_path)  # type: ignore[arg-type]
    shard = tmp_path / info.files[0]
    [written] = pq.read_table(shard).to_pylist() if shard.suffix == ".parquet" else [json.loads(shard.read_text())]
    if format == "mmc4":
        written["image_info"][0]["image_name"] = row["image_info"][0]["image_name"]  # a hash of the URL; not read
    assert written == row
