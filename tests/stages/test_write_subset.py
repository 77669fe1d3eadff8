"""write_subset writes what DataComp's code writes for the same ids."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from interloom.schemas.document import Document, Text
from interloom.stages.write_subset import WriteSubset

UIDS = ["ff00000000000000000000000000000a", "0000000000000001ffffffffffffffff", "00000000000000010000000000000002"]


def as_datacomp(uids: list[str]) -> np.ndarray:
    """Its code: `np.array([(int(uid[:16], 16), int(uid[16:32], 16)) for uid in uids], np.dtype("u8,u8"))`, sorted."""
    pairs = np.array([(int(uid[:16], 16), int(uid[16:32], 16)) for uid in uids], np.dtype("u8,u8"))
    pairs.sort()
    return pairs


def documents(uids: list[str]) -> list[Document]:
    return [
        Document(id=f"d-{n}", labels={"source_id": uid}, elements=(Text(position=0, text="pair"),)) for n, uid in enumerate(uids)
    ]


def test_a_shard_has_the_ids_of_the_input_sorted_as_pairs_of_64_bits(tmp_path: Path) -> None:
    info = WriteSubset().write(3, documents(UIDS), tmp_path)
    stored = np.load(tmp_path / "subset-000003.npy")
    assert (info.files, info.documents) == (("subset-000003.npy",), 3)
    assert stored.dtype == np.dtype("u8,u8")
    assert stored.tolist() == as_datacomp(UIDS).tolist() == [(1, 2), (1, 2**64 - 1), (0xFF << 56, 10)]


def test_the_whole_subset_is_sorted_over_all_shards(tmp_path: Path) -> None:
    sink, docs = WriteSubset(), documents(UIDS)
    shards = [sink.write(n, docs[n:][:1], tmp_path) for n in range(3)]
    assert sink.finish(shards, tmp_path) == ("subset.npy",)
    assert np.load(tmp_path / "subset.npy").tolist() == as_datacomp(UIDS).tolist()


def test_a_document_without_such_an_id_has_the_hash_of_its_own(tmp_path: Path) -> None:
    WriteSubset().write(0, [Document(id="crawl/page-7", labels={"source_id": "seven"})], tmp_path)
    expected = hashlib.sha256(b"crawl/page-7").hexdigest()[:32]
    assert np.load(tmp_path / "subset-000000.npy").tolist() == as_datacomp([expected]).tolist()


def test_a_run_writes_one_file_of_all_its_documents(run: Any, crawl: Any, tmp_path: Path) -> None:
    target = {"to": str(tmp_path / "subset"), "shard_size_bytes": 20}
    run(("stages.read_documents", {"paths": crawl(["one", "two", "three"])}), ("stages.write_subset", target))
    whole = np.load(tmp_path / "subset" / "subset.npy")
    parts = [np.load(file) for file in sorted((tmp_path / "subset").glob("subset-*.npy"))]
    assert len(whole) == 3 and len(parts) > 1
    assert whole.tolist() == sorted(pair for part in parts for pair in part.tolist())
