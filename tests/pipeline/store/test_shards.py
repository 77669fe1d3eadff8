"""A global order by hash, cut by bytes, the same for any order of work."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from interloom.pipeline.execution import shuffle
from interloom.pipeline.execution.balance import Account
from interloom.pipeline.execution.shuffle import raw_shards
from interloom.pipeline.store import run_reader
from interloom.schemas.document import Blob, Document, Image, Text
from interloom.schemas.media_table import from_media_table
from interloom.schemas.table import to_table

Article = Callable[..., Document]
SINK = "stages.write_parquet"


def test_the_place_of_a_document_depends_on_seed_and_id_alone(article: Article) -> None:
    short, long = article("a", "x"), article("a", "other text", "https://x/1.png")
    keys = [shuffle.with_order(to_table([doc]), seed, 0)["key"][0].as_py() for doc, seed in ((short, 1), (long, 1), (short, 2))]
    assert keys[0] == keys[1] != keys[2]


def test_a_document_weighs_its_texts_and_its_stored_media() -> None:
    image = Image(position=1, blob=Blob("b", 0, 5000))
    doc = Document(id="a", elements=(Text(position=0, text="ä" * 10), image, Image(position=2)))
    rows = shuffle.with_order(to_table([Document(id="empty"), doc, Document(id="b")])[1:], 0, part=3, first_row=1)
    assert rows["size_bytes"].to_pylist() == [20 + 5000 + 4 * 200, 200]
    assert rows["images"].to_pylist() == [2, 0]
    assert rows["order"].to_pylist() == [(3 << 40) + 1, (3 << 40) + 2]


@pytest.mark.parametrize(
    ("sizes", "before", "shard"),
    [
        ([40, 40, 40, 40], 0, [0, 0, 0, 1]),
        ([40, 40, 40, 40], 90, [0, 1, 1, 2]),
        ([500, 1, 1], 0, [0, 5, 5]),
        ([100, 100, 100], 0, [0, 1, 2]),
        ([], 0, []),
    ],
)
def test_shards_are_cut_by_bytes(sizes: list[int], before: int, shard: list[int]) -> None:
    assert raw_shards(np.array(sizes, np.int64), before, 100).tolist() == shard


@pytest.fixture
def ids(run: Callable[..., Any], tmp_path: Path) -> Callable[..., list[list[str]]]:
    """The ids in each shard of a run of these steps."""

    def made(*steps: Any, **head: Any) -> list[list[str]]:
        run(*steps, (SINK, {"shard_size_bytes": 5000}), run=str(tmp_path / "out"), **head)
        files = sorted((tmp_path / "out" / "write_parquet" / "data").glob("*.parquet"))
        return [pq.read_table(file, columns=["id"])["id"].to_pylist() for file in files]

    return made


def test_documents_are_shuffled_across_shards_and_each_is_there_once(ids: Any, crawl: Any, tmp_path: Path) -> None:
    made = ids(("stages.read_documents", {"paths": crawl([f"text {n}" for n in range(60)])}))
    files = sorted((tmp_path / "out" / "write_parquet" / "data").glob("*.parquet"))
    texts = [doc.text for file in files for doc in from_media_table(pq.read_table(file))]
    assert sorted(texts) == sorted(f"text {n}" for n in range(60))
    assert len(made) > 3
    assert texts != [f"text {n}" for n in range(60)]


def test_another_seed_is_another_order(ids: Any, crawl: Any, tmp_path: Path) -> None:
    source = ("stages.read_documents", {"paths": crawl([f"text {n}" for n in range(60)])})
    assert ids(source, seed=1) != ids(source, seed=2)


def test_the_order_does_not_follow_the_order_of_the_files(run: Any, crawl: Any, tmp_path: Path) -> None:
    files = [crawl([f"{name} {n}" for n in range(20)], name) for name in ("a", "b")]
    made = []
    for name, paths in (("first", files), ("second", files[::-1])):
        run(("stages.read_documents", {"paths": paths}), (SINK, {"layout": "text"}), run=str(tmp_path / name))
        made.append(pq.read_table(tmp_path / name / "write_parquet" / "data" / "shard-000000.parquet")["text"].to_pylist())
    assert made[0] == made[1]


def test_images_are_written_with_their_bytes(run: Any, crawl: Any, tmp_path: Path) -> None:
    done = run(("stages.read_documents", {"paths": crawl(["one"])}), "draws_pictures", "stages.write_webdataset")
    with tarfile.open(Path(done.run) / "write_webdataset" / "shard-000000.tar") as tar:
        contents = [tar.extractfile(member).read() for member in tar if member.name.endswith(".png")]  # type: ignore[union-attr]
    assert contents == [b"ink"]


@pytest.mark.parametrize("sink", [("stages.write_webdataset", {"layout": "text"}), (SINK, {"layout": "text"})])
def test_images_that_a_layout_leaves_out_are_counted_as_not_written(run: Any, crawl: Any, sink: Any) -> None:
    done = run(("stages.read_documents", {"paths": crawl(["one", "two"])}), "draws_pictures", sink)
    [book] = done.phases[f"{sink[0].rpartition('.')[2]}.write"].books.values()
    assert (book.images.into, book.images.out, book.images.dropped) == (2, 0, {"not_written": 2})
    assert [row["reason"] for row in run_reader.decisions(done.run)] == ["not_written", "not_written"]


@pytest.mark.parametrize(
    "sink",
    [
        (SINK, {"layout": "pairs"}),
        ("stages.write_webdataset", {"layout": "pairs"}),
        ("stages.write_documents", {"format": "img2dataset"}),
        ("stages.write_documents", {"format": "datacomp"}),
        ("stages.write_documents", {"format": "realsyn"}),
    ],
)
def test_a_document_without_a_pair_is_dropped_for_that_reason(run: Any, crawl: Any, sink: Any) -> None:
    source = ("stages.read_documents", {"paths": crawl(["a boat", "no picture"])})
    done = run(source, ("draws_pictures", {"ending": "-0"}), sink)
    [book] = done.phases[f"{sink[0].rpartition('.')[2]}.write"].books.values()
    assert (book.documents, book.images.out) == (Account(into=2, out=1, dropped={"no_pairs": 1}), 1)
    [row] = [row for row in run_reader.decisions(done.run) if row["reason"] == "no_pairs"]
    assert row["source_id"] == "crawl-1"


def test_texts_that_go_with_no_picture_are_left_by_a_layout_of_pairs(run: Any, crawl: Any) -> None:
    done = run(("stages.read_documents", {"paths": crawl(["one"])}), "draws_pictures", (SINK, {"layout": "pairs"}))
    [book] = done.phases["write_parquet.write"].books.values()
    assert book.texts == Account(into=1, out=1)


def test_no_documents_make_no_shards_and_a_whole_manifest(run: Any, crawl: Any) -> None:
    done = run(("stages.read_documents", {"paths": crawl(["one"])}), "filters.word_count", SINK, "stages.write_webdataset")
    for sink in ("write_parquet", "write_webdataset"):
        assert not list((Path(done.run) / sink).glob("shard*"))
        assert '"documents": 0' in (Path(done.run) / sink / "manifest.json").read_text()
