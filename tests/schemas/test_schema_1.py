"""What schema 1 wrote can be read: shards, and the run's folder. `tests/data/schema_1_run.zip` is a run of the last version that
wrote it: four pages, nine images, four sinks."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from interloom.jobs.__main__ import main
from interloom.pipeline.store import naming, run_reader
from interloom.pipeline.store.media import with_media
from interloom.schemas.document import Document
from interloom.schemas.media_table import from_media_table
from interloom.stages.read_documents import ReadDocuments

ARCHIVE = Path(__file__).parents[1] / "data" / "schema_1_run.zip"
IDS = ["9c9570dddc1f0d0eed835cde9ec5efa0", "cd1044945740b2b8202f0ceec8b45067", "14e57f5663506c0e21a6b8ba00783d85"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The run's folder, relative to the working directory, as when it was made."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    return "run"


def read(path: str) -> list[Document]:
    source = ReadDocuments(paths=path)
    return [doc for split in source.splits() for doc in source.read(split) if isinstance(doc, Document)]


def test_the_file_is_of_schema_1(run: str) -> None:
    metadata = pq.read_schema(f"{run}/docs/shard-000000.parquet").metadata
    assert metadata[b"interloom.schema_version"] == b"1"


def test_a_shard_of_schema_1_comes_back_with_scores_labels_and_media(run: str) -> None:
    docs = read(f"{run}/docs/*.parquet")
    assert [doc.id for doc in docs] == IDS
    assert [doc.labels["title"] for doc in docs] == ["Page 0 of harbours", "Page 2 of harbours", "Page 1 of harbours"]
    assert all(doc.scores["language"] > 0.9 for doc in docs)
    sizes = [[len(image.data or b"") for image in doc.images] for doc in docs]
    assert sizes == [[1984, 1994, 1994], [2014, 1994, 1994], [1993, 1994, 1994]]


def test_the_documents_of_a_run_of_schema_1_are_found_with_their_media(run: str) -> None:
    [(phase, doc), *_] = naming.find(run, IDS[0]).documents
    [loaded] = with_media(run, [doc])
    assert (phase, loaded.labels["title"]) == ("decode_images", "Page 0 of harbours")
    [same] = [doc for doc in from_media_table(pq.read_table(f"{run}/docs/shard-000000.parquet")) if doc.id == IDS[0]]
    assert [image.data for image in loaded.images] == [image.data for image in same.images]


def test_the_decisions_and_the_funnel_of_a_run_of_schema_1_are_read(run: str) -> None:
    assert [(row["step"], row["reason"], row["value"]) for row in run_reader.decisions(run) if row["position"] is None] == [
        ("word_count", "too_few_words", 8.0)
    ]
    assert [(key, book.documents.out) for key, book in run_reader.funnel(run).items()][-1] == ("tars", 3)


def test_a_run_of_schema_1_is_made_anew_in_its_own_folder(run: str) -> None:
    old = read(f"{run}/docs/*.parquet")
    with pytest.raises(SystemExit, match="0"):
        main(["run", "recipe.yaml", "--runner", "local", "--set", "steps.2.with.sources=[data]"])
    assert pq.read_schema(f"{run}/docs/data/shard-000000.parquet").metadata[b"interloom.schema_version"] == b"3"
    assert [(doc.elements, doc.scores) for doc in read(f"{run}/docs")] == [(doc.elements, doc.scores) for doc in old]
    assert not Path(f"{run}/docs/shard-000000.parquet").exists()
