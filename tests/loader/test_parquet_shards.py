"""Parquet shards: the samples of tar shards, read by row groups, in an order that is resumed alike."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interloom.loader import Access, Cache, Source, Split, StreamingDocuments
from interloom.loader import row_groups as reading
from interloom.loader.packing import Packing
from interloom.loader.views import Interleaved, Pairs, Texts
from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store import storage
from interloom.schemas.document import Clip, Document, Image
from interloom.stages._export import row_groups
from interloom.stages.write_parquet import WriteParquet
from interloom.stages.write_webdataset import WriteWebdataset

Folders = tuple[str, str]
LAYOUTS = ["interleaved", "pairs", "text"]


@pytest.fixture(autouse=True)
def small_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups of two or three documents."""
    monkeypatch.setattr(row_groups, "ROW_GROUP_BYTES", 6000)


@pytest.fixture
def both(tmp_path: Path, folder_of: Callable[..., str], page_of: Callable[..., Document]) -> Callable[..., Folders]:
    """Writes the same documents as tar shards and as Parquet shards; the folders."""

    def make(count: int = 40, name: str = "d", per_shard: int = 11, layout: Any = "interleaved") -> Folders:
        docs = [various(page_of(f"{name}{n}", 1 + n * 7 % 11, n), n) for n in range(count)]
        tar, parquet = WriteWebdataset(sample_index=False, layout=layout), WriteParquet(layout=layout)
        return folder_of(tmp_path / f"{name}-tar", docs, per_shard, tar), folder_of(tmp_path / name, docs, per_shard, parquet)

    return make


def various(doc: Document, number: int) -> Document:
    """A document with scores and labels; some have a raw page, a clip, or a picture without bytes."""
    doc = replace(doc, scores={"quality": number / 7}, labels={"language": "de"}, body=b"<html>" if number % 3 == 0 else None)
    clip = Clip(position=7, format="mp4", start_s=1.5, end_s=3.0, data=b"moving" * number)
    lost = Image(position=9, url="https://a.example/lost.gif", phash="0f" * 8)
    return doc.with_elements([*doc.elements, *([clip, lost] if number % 2 else [])])


def by_place(folder: str, **settings: Any) -> dict[tuple[int, int], Any]:
    samples = StreamingDocuments(folder, **settings)
    return {(sample.shard, sample.row): (list(sample.members.items()), sample.record) for sample in samples}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_samples_are_those_of_tar_shards(layout: str, both: Callable[..., Folders]) -> None:
    tar, parquet = both(layout=layout)
    assert by_place(parquet) == by_place(tar)


@pytest.mark.parametrize("view", [Interleaved(), Pairs(), Texts()])
def test_views_are_those_of_tar_shards(view: Any, both: Callable[..., Folders]) -> None:
    tar, parquet = ([repr(seen) for seen in StreamingDocuments(f, view=view, shuffle=False)] for f in both())
    assert [without_places(seen) for seen in parquet] == [without_places(seen) for seen in tar]


def without_places(shown: str) -> str:
    """What is shown, without the addresses of pictures."""
    return " ".join(word for word in shown.split() if not word.startswith("0x"))


def test_samples_without_shuffling_come_as_they_lie(both: Callable[..., Folders]) -> None:
    _, parquet = both(30)
    assert [sample.id for sample in StreamingDocuments(parquet, shuffle=False)] == [f"d{n}" for n in range(30)]


def test_an_epoch_has_every_sample_once_and_the_next_one_another_order(both: Callable[..., Folders]) -> None:
    dataset = StreamingDocuments(both()[1], shuffle=2)
    first, second = ([sample.id for sample in dataset] for _ in range(2))
    assert sorted(first) == sorted(second) == sorted(f"d{n}" for n in range(40))
    assert first != second


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, bool]]:
    """The row groups that have been decoded, with whether their media were."""
    read, groups = reading.read_group, list[tuple[str, int, bool]]()

    def noted(file: reading.ParquetFile, metadata: pq.FileMetaData, group: int, media: bool) -> pa.Table:
        groups.append((file.path, group, media))
        return read(file, metadata, group, media)

    monkeypatch.setattr(reading, "read_group", noted)
    return groups


@pytest.mark.parametrize("shuffle", [False, 1, 3])
def test_each_row_group_is_decoded_once(shuffle: int, both: Callable[..., Folders], decoded: list[Any]) -> None:
    assert len(list(StreamingDocuments(both()[1], shuffle=shuffle))) == 40
    assert len(decoded) == len(set(decoded)) > 12


@pytest.mark.parametrize(("ranks", "warnings"), [(1, 0), (20, 1)])
def test_row_groups_that_are_read_for_few_samples_are_a_warning(
    ranks: int, warnings: int, both: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_groups, "ROW_GROUP_BYTES", 60_000)
    list(StreamingDocuments(both(80)[1], batch=ranks, shuffle=1, ranks=ranks, rank=0, epochs=8))
    told = [record.message for record in caplog.records if "a row group is read for every" in record.message]
    assert len(told) == warnings


def test_text_is_read_without_media(both: Callable[..., Folders], decoded: list[Any]) -> None:
    list(StreamingDocuments(both()[1], view=Texts()))
    assert {media for _, _, media in decoded} == {False}


def settings(kind: str, both: Callable[..., Folders]) -> dict[str, Any]:
    """One source of Parquet, a mixture of tar and Parquet, or packed samples."""
    first, second = both(80, "a")[1], both(60, "b", 13)[0]
    if kind == "one source":
        return {"url": first, "epochs": 3}
    if kind == "a mixture":
        return {"mixture": (Source(url=first, weight=2), Source(url=second, weight=1, cap=50)), "epochs": 3}
    return {"url": first, "shuffle": 40, "packing": Packing(tokenizer=str.split, length=40, image_tokens=8, strands=1)}


@pytest.mark.parametrize("kind", ["one source", "a mixture", "packed"])
def test_any_ranks_and_workers_go_on_where_any_others_stopped(kind: str, both: Callable[..., Folders], training: Any) -> None:
    given = settings(kind, both)
    whole, _ = training(1, 0, given).run(6)
    worlds = [(1, 0), (2, 2), (3, 1)]
    for step, (before, after) in enumerate(zip(worlds, worlds[1:] + worlds[:1], strict=True), start=2):
        first, state = training(*before, given).run(step)
        second, _ = training(*after, given).run(6 - step, state)
        assert first + second == whole


@pytest.mark.parametrize("by", ["domain", "document"])
def test_a_split_is_that_of_tar_shards(by: str, both: Callable[..., Folders]) -> None:
    tar, parquet = both(60)
    parts = [by_place(parquet, split=Split(part=part, validation=0.25, by=by)) for part in ("train", "validation")]
    names = [{content[1]["id"] for content in part.values()} for part in parts]
    split = Split(part="validation", validation=0.25, by=by)
    assert names[1] == {content[1]["id"] for content in by_place(tar, split=split).values()}
    assert (names[0] | names[1], names[0] & names[1]) == ({f"d{n}" for n in range(60)}, set())


def test_a_store_gives_what_the_disk_gives(both: Callable[..., Folders], s3: str, upload: Any, tmp_path: Path) -> None:
    _, parquet = both()
    place = upload(parquet, f"{s3}/parquet")
    cached = Access(cache=Cache(folder=str(tmp_path / "cache")), threads=2)
    here = list(by_place(parquet))
    assert (
        list(by_place(place)) == list(by_place(place, access=cached)) == list(by_place(place, access=Access(threads=0))) == here
    )


def test_a_lost_index_of_samples_is_made_up_for(both: Callable[..., Folders], caplog: pytest.LogCaptureFixture) -> None:
    _, parquet = both(20)
    expected = list(by_place(parquet))
    [rows, *_] = sorted((Path(parquet) / ".index" / "data").glob("*.rows"))
    rows.unlink()
    assert list(by_place(parquet)) == expected
    assert {record.message.partition(" (")[0] for record in caplog.records} == {f"{rows}: cannot be read"}


def test_of_a_split_a_lost_index_of_samples_costs_its_samples(both: Callable[..., Folders]) -> None:
    lost = []
    for folder in both(60):
        next((Path(folder) / ".index").rglob("shard-000001*.rows")).unlink()
        samples = StreamingDocuments(folder, split=Split(part="train", validation=0.25))
        ids = {sample.id for sample in samples}
        lost.append((ids, len(samples.errors), {error.message.endswith("(it is missing)") for error in samples.errors}))
    assert lost[0] == lost[1]
    assert lost[0][1] > 0 and lost[0][2] == {True}


def shard_of(folder: str) -> Path:
    return Path(folder) / "data" / "shard-000001.parquet"


def cut(shard: Path) -> None:
    os.truncate(shard, 3000)


def without_footer(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-4] + b"    ")


def flipped(shard: Path) -> None:
    content = bytearray(shard.read_bytes())
    content[4:2000] = bytes(1996)
    shard.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (cut, "got 3000; it is cut or was replaced"),
        (without_footer, "it does not end as a Parquet file"),
        (Path.unlink, "No such file"),
    ],
)
def test_a_damaged_shard_costs_its_samples(damage: Callable[[Path], None], problem: str, both: Callable[..., Folders]) -> None:
    _, parquet = both(30)
    damage(shard_of(parquet))
    dataset = StreamingDocuments(parquet)
    assert [len({sample.id for sample in dataset}), len(dataset.errors)] == [19, 11]
    assert problem in dataset.errors[0].message and "\n" not in dataset.errors[0].message


def test_a_footer_that_is_not_that_of_the_index_is_damage(both: Callable[..., Folders]) -> None:
    _, parquet = both(30)
    shard = shard_of(parquet)
    content = bytearray(shard.read_bytes())
    content[-20] ^= 1  # in the name of what wrote it
    shard.write_bytes(content)
    dataset = StreamingDocuments(parquet)
    assert [len({sample.id for sample in dataset}), len(dataset.errors)] == [19, 11]
    assert dataset.errors[0].message == f"{shard} is damaged (its footer is not that which its index knows)"


def test_a_damaged_row_group_costs_its_samples_alone(both: Callable[..., Folders]) -> None:
    _, parquet = both(30)
    flipped(shard_of(parquet))
    dataset = StreamingDocuments(parquet)
    ids = {sample.id for sample in dataset}
    assert (len(ids), {error.row for error in dataset.errors}) == (30 - len(dataset.errors), set(range(len(dataset.errors))))
    assert dataset.errors[0].message.startswith(f"{shard_of(parquet)} is damaged (row group 0: ")


@pytest.mark.filterwarnings("ignore:.*an earlier version wrote these shards:UserWarning")
def test_a_file_of_another_schema_is_told_in_a_line(tmp_path: Path) -> None:
    pq.write_table(pa.table({"url": ["a"], "width": [1]}), tmp_path / "x.parquet")
    file = {"name": "x.parquet", "size_bytes": (tmp_path / "x.parquet").stat().st_size, "sha256": "ab" * 32}
    (tmp_path / "manifest.json").write_text(json.dumps({"shards": [{"files": [file], "documents": 1}]}))
    with pytest.raises(ConfigError, match=r"its columns are url, width, not those that stages\.write_parquet writes"):
        list(StreamingDocuments(tmp_path))


@pytest.mark.filterwarnings("ignore:.*an earlier version wrote these shards:UserWarning")
def test_parquet_shards_of_an_earlier_version_are_read(both: Callable[..., Folders]) -> None:
    folder = Path(both(30)[1])
    expected = list(by_place(str(folder)))
    shards = sorted((folder / "data").iterdir())
    files = [{"name": f"data/{s.name}", "size_bytes": s.stat().st_size, "sha256": storage.sha256(str(s))} for s in shards]
    (folder / "manifest.json").write_text(json.dumps({"shards": [{"files": [file], "documents": 0} for file in files]}))
    shutil.rmtree(folder / ".index")
    assert list(by_place(str(folder))) == expected


def test_tar_shards_are_read_without_pyarrow(both: Callable[..., Folders]) -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'ray', 'pyarrow'): sys.modules[name] = None\n"
        "from interloom.loader import StreamingDocuments\n"
        "from interloom.loader.views import Interleaved\n"
        "print(len(list(StreamingDocuments(sys.argv[1], view=Interleaved()))))\n"
    )
    answer = subprocess.run([sys.executable, "-c", code, both(5)[0]], capture_output=True, text=True, check=False)
    assert (answer.stdout, answer.stderr) == ("5\n", "")
