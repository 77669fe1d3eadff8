"""Real open_clip code on the tiny CLIP of shapes that ships with the demo."""

import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image as Picture

from interloom.schemas.document import Document, Image, Text
from interloom.schemas.media_table import to_media_table
from interloom.schemas.outcome import Quarantined, Side
from interloom.schemas.rows import side_tables
from interloom.stages.embed_images import EmbedImages
from interloom.stages.score_clip import ScoreClip

SHAPES = str(Path(__file__).parents[2] / "jobs" / "demo" / "assets" / "shapes_clip")


@pytest.fixture(scope="module")
def stage():
    return EmbedImages(model=SHAPES, device="cpu")


def png(shade):
    file = io.BytesIO()
    Picture.new("RGB", (80, 60), (shade, 30, 30)).save(file, "PNG")
    return file.getvalue()


def document(*images, id_="d"):
    pictures = [Image(position=n, data=data, url=f"https://x/{n}") for n, data in enumerate(images)]
    return Document(id=id_, elements=(*pictures, Text(position=9, text="a red square")))


def rows(stage, *docs, above=()):
    outcomes = stage.process_with(docs, {"embeddings": list(side_tables("embeddings", above))})
    return [out.row for out in outcomes if isinstance(out, Side)]


def test_each_image_has_a_row_with_the_vector_that_score_clip_has(stage):
    doc = document(png(200), png(90))
    by_clip = [row for row in rows(ScoreClip(model=SHAPES, device="cpu"), doc) if row["kind"] == "image"]
    assert rows(stage, doc) == by_clip
    assert [(row["id"], row["position"], row["kind"], len(row["vector"])) for row in by_clip] == [
        ("d", 0, "image", 128),
        ("d", 1, "image", 128),
    ]


def test_documents_pass_unchanged(stage):
    doc = document(png(200))
    assert [out for out in stage.process([doc]) if not isinstance(out, Side)] == [doc]


def test_a_broken_image_is_quarantined(stage):
    decision, row, doc = stage.process([document(b"<html>", png(90))])
    assert decision == Quarantined("d", "the bytes are not an image of a known format", 0, "https://x/0")
    assert (row.row["position"], [element.position for element in doc.elements]) == (1, [1, 9])


def test_an_image_whose_vector_is_stored_above_is_not_encoded_or_stored_again(stage):
    doc, new = document(png(200)), document(png(200), png(90), id_="e")
    marked = [{**row, "vector": np.eye(64, dtype="<f2")[0].tobytes()} for row in rows(stage, doc)]
    of_new = rows(stage, doc, new, above=marked)
    assert [(row["id"], row["position"]) for row in of_new] == [("e", 0), ("e", 1)]
    assert of_new[0]["vector"] == marked[0]["vector"] != of_new[1]["vector"]


def test_a_problem_is_one_line():
    assert list(EmbedImages(model=SHAPES, batch_size=0).check()) == ["batch_size: must be at least 1, not 0"]
    assert next(iter(EmbedImages(model="/nowhere/clip").check())).startswith("no model at /nowhere/clip")


def test_a_picture_goes_through_a_model_once_in_a_run(run, tmp_path):
    """The steps below store no image again, and their scores are those that they give by themselves."""
    score = [("stages.score_clip", {"model": SHAPES}), ("stages.score_aesthetic", {"model": SHAPES, "head": _head(tmp_path)})]
    read = ("stages.read_documents", {"paths": _media_table(tmp_path)})
    apart = run(read, *score, "stages.write_parquet", run=str(tmp_path / "apart"))
    together = run(read, ("stages.embed_images", {"model": SHAPES}), *score, "stages.write_parquet")
    stored = _stored(together.run)
    assert sorted((row["kind"], row["position"]) for row in stored) == [("image", 0), ("image", 1), ("text", 9)]
    assert sorted(map(str, stored)) == sorted(map(str, _stored(apart.run)))
    assert [shard.read_bytes() for shard in _shards(together.run)] == [shard.read_bytes() for shard in _shards(apart.run)]


def _head(folder):
    import torch

    torch.save({"weight": torch.linspace(-1, 1, 64)[None], "bias": torch.zeros(1)}, folder / "head.pth")
    return str(folder / "head.pth")


def _media_table(folder):
    pq.write_table(to_media_table([document(png(200), png(90))]), folder / "in.parquet")
    return str(folder / "in.parquet")


def _stored(run_folder):
    files = Path(run_folder).glob("work/*/*/side-embeddings-*.parquet")
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def _shards(run_folder):
    return sorted(Path(run_folder, "write_parquet", "data").glob("*.parquet"))
