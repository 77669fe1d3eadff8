"""The way in for notebooks: documents, decisions and scores of a run or of shards as tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import interloom
from interloom.loader import StreamingDocuments
from interloom.pipeline.errors import ConfigError, DamageError, FatalError
from interloom.pipeline.stage import Sink
from interloom.pipeline.store.shards import described
from interloom.schemas.document import Document, Image, Source, Text
from interloom.schemas.shard_index import ShardEntry, pack_shards
from interloom.stages.write_documents import WriteDocuments
from interloom.stages.write_parquet import WriteParquet
from interloom.stages.write_webdataset import WriteWebdataset

TEXTS = ["a page of words", "short", "another page of words"]
STEPS = (("filters.word_count", {"at_least": 3}), "scores_length")


@pytest.fixture
def finished(crawl: Callable[..., str], recipe: Callable[..., str], tmp_path: Path) -> Callable[..., Any]:
    def run(sink: Any) -> Any:
        source = ("stages.read_documents", {"paths": crawl(TEXTS)})
        return interloom.run(recipe(source, *STEPS, sink), runner="local")

    return run


@pytest.mark.parametrize("sink", ["stages.write_parquet", "stages.write_webdataset"])
def test_a_run_gives_documents_decisions_and_scores(sink: str, finished: Callable[..., Any], tmp_path: Path) -> None:
    run = finished(sink)
    assert sorted(map(" ".join, run.documents()["texts"].to_pylist())) == sorted([TEXTS[0], TEXTS[2]])
    assert [(row["reason"], row["value"]) for row in run.decisions().to_pylist()] == [("too_few_words", 1.0)]
    assert sorted(run.scores()["value"].to_pylist()) == [15.0, 21.0]
    assert run.sql("select count(*) from documents").fetchall() == [(2,)]
    [folder] = run.sinks.values()
    assert interloom.open(folder).documents().equals(run.documents())


def test_a_run_streams_as_its_manifest_says(finished: Callable[..., Any]) -> None:
    [folder] = finished("stages.write_webdataset").sinks.values()
    assert len({sample.id for sample in StreamingDocuments(folder)}) == 2


def test_the_layout_of_texts_is_a_table_too(finished: Callable[..., Any]) -> None:
    run = finished(("stages.write_webdataset", {"layout": "text"}))
    assert sorted(run.documents()["text"].to_pylist()) == sorted([TEXTS[0], TEXTS[2]])


def shards(folder: Path, layout: str, docs: Sequence[Document]) -> str:
    """A folder of one tar with its manifest, as an earlier version wrote it."""
    return one_shard(folder, WriteWebdataset(layout=layout, sample_index=False), docs)  # type: ignore[arg-type]


def parquet_shards(folder: Path, layout: str, docs: Sequence[Document]) -> str:
    """A folder of one Parquet file with its manifest, as an earlier version wrote it."""
    return one_shard(folder, WriteParquet(layout=layout), docs)  # type: ignore[arg-type]


def one_shard(folder: Path, sink: Sink, docs: Sequence[Document]) -> str:
    written = sink.write(0, docs, folder)
    file = described(folder / written.files[0], written.files[0])
    values = {"name": file.name, "size_bytes": file.size_bytes, "sha256": file.sha256}
    (folder / "manifest.json").write_text(json.dumps({"shards": [{"files": [values], "documents": written.documents}]}))
    return str(folder)


PAGE = Document(
    id="d",
    source=Source(url="https://a.example/x"),
    labels={"language": "de"},
    scores={"odd": float("inf"), "quality": 0.5},
    elements=(Text(position=0, text="words"), Image(position=1, data=b"A", alt="alt", format="png", scores={"clip": 0.3})),
)
EARLIER = pytest.mark.filterwarnings("ignore:.*an earlier version wrote these shards:UserWarning")


@EARLIER
@pytest.mark.parametrize("layout", ["interleaved", "pairs", "text"])
def test_tars_and_parquet_files_are_one_table(layout: str, tmp_path: Path) -> None:
    tars = interloom.open(shards(tmp_path / "tars", layout, [PAGE, replace(PAGE, id="e")]))
    parquet = interloom.open(parquet_shards(tmp_path / "parquet", layout, [PAGE, replace(PAGE, id="e")]))
    assert tars.documents().num_rows == 2
    for media in (False, True):
        assert tars.documents(media=media).to_pylist() == parquet.documents(media=media).to_pylist()
        assert tars.documents(media=media).schema.names == parquet.documents(media=media).schema.names


@EARLIER
@pytest.mark.parametrize("media", [False, True])
def test_the_layout_flat_is_the_table_of_its_documents(media: bool, tmp_path: Path) -> None:
    [row] = interloom.open(shards(tmp_path, "flat", [PAGE])).documents(media=media).to_pylist()
    assert (row["id"], row["texts"]) == ("d", ["words", None])
    assert not media or row["images"][1]["bytes"] == b"A"


@EARLIER
def test_a_damaged_sample_is_told_and_ranks_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shards(tmp_path, "text", [PAGE, replace(PAGE, id="e")])
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert interloom.open(Path(folder)).documents()["id"].to_pylist() == ["d", "e"]
    shard = tmp_path / "shard-000000.tar"
    shard.write_bytes(shard.read_bytes().replace(b'{"id":"e"', b'["id":"e"'))
    with pytest.raises(FatalError, match=r"shard-000000.tar, sample 1: it cannot be read: "):
        interloom.open(folder).documents()


@EARLIER
def test_a_query_reads_the_tables_that_it_names(tmp_path: Path) -> None:
    opened = interloom.open(shards(tmp_path, "text", [PAGE]))
    assert opened.sql("select len(scores) from documents").fetchall() == [(2,)]
    with pytest.raises(ConfigError, match="decisions and scores are in the run's folder"):
        opened.sql("select * from scores")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"runner": "locl"}, "runner: 'ray' or 'local', not 'locl'; did you mean 'local'?"),
        ({"worker": 2}, "run: no option 'worker'; did you mean 'workers'?"),
    ],
)
def test_options_that_a_run_does_not_have_are_refused(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        interloom.run("recipe.yaml", **values)
    assert str(error.value).startswith(problem)


def test_a_run_takes_a_path_and_one_setting(crawl: Callable[..., str], recipe: Callable[..., str], tmp_path: Path) -> None:
    path = recipe(("stages.read_documents", {"paths": crawl(TEXTS)}), "stages.write_parquet")
    run = interloom.run(Path(path), f"run={tmp_path / 'elsewhere'}", runner="local")
    assert run.location == str(tmp_path / "elsewhere")


def test_of_several_sinks_one_is_named(crawl: Callable[..., str], recipe: Callable[..., str]) -> None:
    source = ("stages.read_documents", {"paths": crawl(TEXTS)})
    run = interloom.run(recipe(source, "stages.write_parquet", "stages.write_webdataset"), runner="local")
    with pytest.raises(ConfigError, match="it has several sinks; name one of write_parquet, write_webdataset"):
        run.documents()
    assert run.documents("write_webdataset").num_rows == 3


def test_a_folder_may_begin_at_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=f"^{tmp_path}/nothing: neither"):
        interloom.open("~/nothing")


def test_what_is_neither_a_run_nor_shards_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"neither a run \(no plan.json\) nor finished shards"):
        interloom.open(str(tmp_path))


def test_shards_have_no_decisions(finished: Callable[..., Any]) -> None:
    [folder] = finished("stages.write_parquet").sinks.values()
    with pytest.raises(ConfigError, match="decisions and scores are in the run's folder"):
        interloom.open(folder).decisions()


def test_the_package_has_no_other_names() -> None:
    assert [hasattr(interloom, name) for name in ("open", "run", "ran")] == [True, True, False]


def cut_in_half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip_a_bit(file: Path) -> None:
    """In the last byte of the texts."""
    group, content = pq.read_metadata(file).row_group(0), bytearray(file.read_bytes())
    texts = next(c for c in map(group.column, range(group.num_columns)) if c.path_in_schema.startswith("texts"))
    content[begin_of(texts) + texts.total_compressed_size - 1] ^= 1
    file.write_bytes(content)


def begin_of(column: pq.ColumnChunkMetaData) -> int:
    return int(column.data_page_offset if column.dictionary_page_offset is None else column.dictionary_page_offset)


@EARLIER
@pytest.mark.parametrize("damage", [cut_in_half, flip_a_bit, Path.unlink])
def test_a_damaged_parquet_file_is_named_in_a_line(damage: Callable[[Path], None], tmp_path: Path) -> None:
    opened = interloom.open(parquet_shards(tmp_path, "interleaved", [PAGE]))
    damage(tmp_path / "data" / "shard-000000.parquet")
    with pytest.raises((DamageError, ConfigError), match=r"shard-000000\.parquet") as error:
        opened.documents()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("others", "problem"), [(1, "bytes, its manifest says"), (3, "it has 3 rows, its index says 2")])
def test_a_parquet_file_in_place_of_another_is_named(others: int, problem: str, tmp_path: Path) -> None:
    folder, file = tmp_path, tmp_path / "data" / "shard-000000.parquet"
    parquet_shards(folder, "text", [PAGE, replace(PAGE, id="e")])
    (folder / ".index").mkdir(exist_ok=True)
    (folder / ".index" / "shards.bin").write_bytes(
        pack_shards([ShardEntry("data/shard-000000.parquet", 1, "ab" * 32, samples=2)])
    )
    if others == 3:
        parquet_shards(folder, "text", [replace(PAGE, id=name) for name in "abc"])
    else:
        file.write_bytes(file.read_bytes() + b"more")
    with pytest.raises(DamageError, match=problem):
        interloom.open(folder).documents()


@EARLIER
@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("obelics", "its columns are .*, not those that stages.write_parquet writes"),
        ("mmc4", "the loader reads tar and Parquet shards"),
        ("img2dataset", "00000.tar, sample 0: it cannot be read: these tars are not those of stages.write_webdataset"),
    ],
)
def test_shards_of_other_formats_are_refused(target: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises((ConfigError, FatalError), match=problem):
        interloom.open(one_shard(tmp_path, WriteDocuments(format=target), [PAGE])).documents()  # type: ignore[arg-type]


@pytest.mark.parametrize("content", ["{}", '{"shards": [', "[]", '{"shards": [{}]}'])
def test_a_damaged_manifest_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(ConfigError, match=r"manifest\.json: it is no manifest of finished shards"):
        interloom.open(tmp_path)
