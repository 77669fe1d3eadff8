"""A run that starts from the shards of a finished one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interloom.pipeline.store import storage
from interloom.schemas.columns import SCHEMA
from interloom.schemas.document import Document, Image, Source, Text
from interloom.stages.read_documents import ReadDocuments
from interloom.stages.write_parquet import WriteParquet

PARTS = (
    Text(position=0, text="A harbour.").with_score("quality", 0.5),
    Image(position=4, data=b"\x89PNG ink", format="png", url="u", alt="boats", sha256="1" * 64).with_score("clip", 0.25),
    Text(position=7, text="Boats.", role="caption", origin="caption", of=4),
)
SOURCE = Source(url="https://x/1", path="a.warc", offset=7, length=9, licence="CC0")
DOCS = [Document(id=f"doc-{n}", source=SOURCE, elements=PARTS, labels={"topic": "sea"}, scores={"length": 2.0}) for n in range(3)]


def target(folder: Path, layout: Any = "interleaved") -> Path:
    """A target as a finished run leaves it, whose second shard comes first, beside a file that the manifest does not name."""
    sink = WriteParquet(layout=layout)
    shards = [sink.write(number, docs, folder) for number, docs in ((1, DOCS[:2]), (0, DOCS[2:]))]
    files = [[{"name": name, "size_bytes": (folder / name).stat().st_size} for name in shard.files] for shard in shards]
    (folder / "manifest.json").write_text(json.dumps({"fingerprint": "f", "shards": [{"files": names} for names in files]}))
    (folder / "data" / "shard-000009.parquet").write_bytes(b"left over")
    return folder


def outcomes(path: Path, **parameters: Any) -> list[Any]:
    source = ReadDocuments(paths=str(path), **parameters)
    return [outcome for split in source.splits() for outcome in source.read(split)]


@pytest.mark.parametrize("format_", ["auto", "interloom"])
def test_documents_come_back_as_they_were_in_the_order_of_the_manifest(tmp_path: Path, format_: str) -> None:
    assert outcomes(target(tmp_path), format=format_) == DOCS


def test_pairs_come_back_as_split_pairs_makes_them(tmp_path: Path) -> None:
    caption = Text(position=1 << 20, text="Boats.", role="caption", of=4)
    labels = {"topic": "sea", "text_from": "caption"}
    expected = [replace(doc, id=f"{doc.id}#4", elements=(PARTS[1], caption), labels=labels) for doc in DOCS]
    assert outcomes(target(tmp_path, "pairs")) == expected


def test_texts_come_back_with_what_is_known_of_them(tmp_path: Path) -> None:
    assert outcomes(target(tmp_path, "text")) == [replace(doc, elements=(Text(position=0, text="A harbour."),)) for doc in DOCS]


@pytest.mark.parametrize("named", ["data/shard-000001.parquet", "data/*1.parquet", "dat*/*1.parquet"])
def test_ids_stay_however_the_recipe_names_a_shard_of_the_manifest(tmp_path: Path, named: str) -> None:
    assert outcomes(target(tmp_path) / named) == DOCS[:2]


def test_a_file_beside_shards_that_the_manifest_does_not_name_gets_ids_of_its_own(tmp_path: Path) -> None:
    (target(tmp_path) / "data" / "shard-000001.parquet").rename(tmp_path / "data" / "shard-000009.parquet")
    assert {doc.id for doc in outcomes(tmp_path / "data" / "shard-000009.parquet")}.isdisjoint({"doc-0", "doc-1"})


def test_without_the_manifest_ids_may_meet_and_become_labels(tmp_path: Path) -> None:
    shard = target(tmp_path) / "data" / "shard-000001.parquet"
    docs = outcomes(shard.rename(tmp_path / "moved.parquet"))
    assert [doc.labels["source_id"] for doc in docs] == ["doc-0", "doc-1"]
    assert {doc.id for doc in docs}.isdisjoint({"doc-0", "doc-1"})


def test_pairs_of_an_older_schema_are_read(tmp_path: Path) -> None:
    [row] = pq.read_table(target(tmp_path, "pairs") / "data" / "shard-000000.parquet").to_pylist()
    del row["source"], row["opt_out"]
    row |= {"image": row["image"]["bytes"], "scores": {"clip": 0.25}, "labels": {"topic": "sea"}, "document_scores": {}}
    maps = {"scores": pa.map_(pa.string(), pa.float64()), "labels": pa.map_(pa.string(), pa.string())}
    columns = {name: pa.array([value], maps.get(name.removeprefix("document_"))) for name, value in row.items()}
    pq.write_table(pa.table(columns).replace_schema_metadata(SCHEMA.metadata), tmp_path / "old.parquet")
    [doc] = outcomes(tmp_path / "old.parquet")
    assert (doc.images[0].data, doc.images[0].scores, doc.texts[0].text) == (PARTS[1].data, {"clip": 0.25}, "Boats.")  # type: ignore[attr-defined]
    assert doc.source == Source(url="https://x/1", licence="CC0")


@pytest.mark.parametrize(
    "manifest",
    ["", "[]", "{", '{"shards": []}', '{"fingerprint": "f", "shards": [{"files": [{"name": "../x", "size_bytes": 1}]}]}'],
)
def test_a_file_of_that_name_that_is_no_manifest_is_ignored(tmp_path: Path, manifest: str) -> None:
    WriteParquet().write(0, DOCS, tmp_path)
    (tmp_path / "manifest.json").write_text(manifest)
    assert [outcome.labels["source_id"] for outcome in outcomes(tmp_path) if isinstance(outcome, Document)] == [
        doc.id for doc in DOCS
    ]


def problems(path: Path) -> list[str]:
    return [problem.replace(str(path), "TO") for problem in ReadDocuments(paths=str(path)).check()]


def test_a_shard_that_is_not_as_the_manifest_says_is_told_before_the_run(tmp_path: Path) -> None:
    shard = target(tmp_path) / "data" / "shard-000001.parquet"
    size = shard.stat().st_size
    shard.write_bytes(b"cut")
    (tmp_path / "data" / "shard-000000.parquet").unlink()
    mend = "`interloom verify` and `interloom run` of the run that wrote it mend it"
    assert problems(tmp_path) == [
        f"TO/data/shard-000001.parquet has 3 bytes instead of {size}; {mend}",
        f"TO/data/shard-000000.parquet is missing; {mend}",
    ]


def test_the_folder_of_a_run_is_not_its_target(tmp_path: Path) -> None:
    (tmp_path / "work" / "step").mkdir(parents=True)
    (tmp_path / "plan.json").write_text("{}")
    assert "TO: the folder of a run; name the folder to which it wrote its shards" in problems(tmp_path)


def test_a_target_that_is_being_written_is_not_read(tmp_path: Path) -> None:
    WriteParquet().write(0, DOCS, tmp_path)
    (tmp_path / "writing.json").write_text("{}")
    assert problems(tmp_path) == ["TO: its run has not finished writing; run it again, then read it"]


def test_tars_are_left_to_their_own_source(tmp_path: Path) -> None:
    files = [{"name": "shard-000000.tar", "size_bytes": 3}]
    (tmp_path / "manifest.json").write_text(json.dumps({"fingerprint": "f", "shards": [{"files": files}]}))
    assert problems(tmp_path) == ["TO: no shards that this source reads; stages.read_webdataset may"]


def test_a_run_goes_on_from_the_shards_of_another_with_all_that_is_known(tmp_path: Path, run: Any) -> None:
    target(tmp_path / "first")
    source = ("stages.read_documents", {"paths": str(tmp_path / "first")})
    second = run(source, "stages.write_webdataset", run=str(tmp_path / "second"))
    tars = ("stages.read_webdataset", {"paths": str(Path(second.run, "write_webdataset"))})
    third = run(tars, "stages.write_parquet", run=str(tmp_path / "third"))
    docs = outcomes(Path(third.run, "write_parquet"))
    assert sorted(docs, key=lambda doc: doc.id) == DOCS


def test_a_target_in_object_storage_is_read_in_the_order_of_its_manifest(tmp_path: Path, s3: str) -> None:
    for file in target(tmp_path).rglob("*"):
        if file.is_file():
            storage.write(f"{s3}/target/{file.relative_to(tmp_path)}", file.read_bytes())
    source = ReadDocuments(paths=f"{s3}/target")
    assert [outcome for split in source.splits() for outcome in source.read(split)] == DOCS
