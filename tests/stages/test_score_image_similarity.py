"""InSI-SIM on pictures whose vectors and structure are known, and on pictures that cannot be read."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Picture

from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Quarantined
from interloom.schemas.rows import side_tables
from interloom.stages._images.decoding import NO_BYTES
from interloom.stages.score_image_similarity import ScoreImageSimilarity


def png(shade):
    file = io.BytesIO()
    Picture.new("RGB", (30, 20), (shade, shade, shade)).save(file, "PNG")
    return file.getvalue()


def document(*pictures):
    return Document(id="d", elements=tuple(Image(position=n, data=data) for n, data in enumerate(pictures)))


def stored(*vectors):
    place = {"id": "d", "window": 0, "kind": "image", "model": "clip", "revision": "1"}
    rows = [{**place, "position": n, "vector": np.array(vector, "<f2").tobytes()} for n, vector in enumerate(vectors)]
    return {"embeddings": list(side_tables("embeddings", rows))}


def like(first, second):
    """The SSIM of two blank images: what is left is how light they are."""
    return (2 * first * second + 6.5025) / (first**2 + second**2 + 6.5025)


def test_equal_images_score_one():
    (doc,) = ScoreImageSimilarity().process_with([document(png(90), png(90))], stored([1, 0], [1, 0]))
    assert doc.scores == {"insi_clip": 1, "insi_ssim": 1, "insi_sim": 1}


def test_the_score_is_the_mean_of_both_similarities_over_all_pairs():
    doc = document(png(50), png(200), png(100))
    (out,) = ScoreImageSimilarity().process_with([doc], stored([1, 0], [0, 1], [0.5, 0.5]))
    structure = (like(50, 200) + like(50, 100) + like(200, 100)) / 3
    expected = {"insi_clip": round(1 / 3, 4), "insi_ssim": structure, "insi_sim": (1 / 3 + structure) / 2}
    assert out.scores == pytest.approx(expected, abs=6e-5)


def test_of_more_images_than_the_limit_evenly_spaced_ones_are_compared():
    doc = document(png(50), png(60), png(200))
    (out,) = ScoreImageSimilarity(at_most=2).process_with([doc], stored([1, 0], [1, 0], [0.5, 0]))
    assert out.scores == pytest.approx(
        {"insi_clip": 0.5, "insi_ssim": like(50, 200), "insi_sim": 0.25 + like(50, 200) / 2}, abs=6e-5
    )


def test_an_image_that_cannot_be_read_is_quarantined_with_its_text_and_the_others_are_compared():
    doc = document(png(90), None, png(90))
    doc = doc.with_elements([*doc.elements, Text(position=3, text="A boat.", of=1)])
    quarantined, out = ScoreImageSimilarity().process_with([doc], stored([1, 0], [0, 1], [0.5, 0]))
    assert quarantined == Quarantined("d", NO_BYTES, 1)
    assert ([element.position for element in out.elements], out.scores["insi_clip"]) == ([0, 2], 0.5)


def test_a_document_with_one_image_passes():
    doc = document(png(90))
    assert list(ScoreImageSimilarity().process_with([doc], stored([1, 0]))) == [doc]


def test_a_document_with_an_image_without_a_vector_is_quarantined():
    error = "no vector is stored of the image at position 1; embed_images above stores it"
    doc = document(png(90), png(90))
    assert list(ScoreImageSimilarity().process_with([doc], stored([1, 0]))) == [Quarantined("d", error)]


def test_parameters_that_leave_nothing_to_compare_are_refused():
    problems = [*ScoreImageSimilarity(at_most=1, side=3).check()]
    assert problems == ["at_most: must be at least 2, not 1", "side: must be at least 7 pixels, not 3"]
