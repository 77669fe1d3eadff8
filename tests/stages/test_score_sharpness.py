from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFilter

from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Quarantined
from interloom.stages.score_sharpness import ScoreSharpness, laplacian_variance


def slide(size=(640, 480)):
    picture = PillowImage.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    for n in range(12):
        draw.text((20, 20 + 36 * n), f"Line {n} of a slide with words on it", fill="black")
    return picture


def jpeg(image):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def scored(*images, **parameters):
    elements = tuple(Image(position=n, data=image if isinstance(image, bytes) else jpeg(image)) for n, image in enumerate(images))
    return list(ScoreSharpness(**parameters).process([Document(id="d", elements=elements)]))


def test_black_on_transparent_is_as_sharp_as_black_on_white():
    file, black = io.BytesIO(), PillowImage.new("L", slide().size, 0)
    lines = slide().convert("L").point(lambda grey: 255 - grey)
    PillowImage.merge("RGBA", [black, black, black, lines]).save(file, "PNG")
    white = io.BytesIO()
    slide().save(white, "PNG")
    (doc,) = scored(file.getvalue(), white.getvalue())
    transparent, opaque = (image.scores["sharpness"] for image in doc.images)
    assert transparent == pytest.approx(opaque, rel=0.02)


def test_an_image_scores_lower_the_more_it_is_blurred():
    (doc,) = scored(*(slide().filter(ImageFilter.GaussianBlur(radius)) for radius in (0, 1, 2, 4, 8)))
    values = [image.scores["sharpness"] for image in doc.images]
    assert values == sorted(values, reverse=True)
    assert values[0] > 500 > 100 > values[3]


def test_an_image_of_one_colour_scores_0():
    (doc,) = scored(PillowImage.new("RGB", (64, 64), "teal"))
    assert doc.images[0].scores["sharpness"] == 0


def test_the_variance_is_that_of_the_definition():
    grey = np.zeros((5, 5), np.float32)
    grey[2, 2] = 1
    assert laplacian_variance(grey) == pytest.approx(np.var([0, 1, 0, 1, -4, 1, 0, 1, 0]))


def test_the_same_image_larger_scores_about_the_same():
    (doc,) = scored(slide((512, 384)), slide((512, 384)).resize((2048, 1536), PillowImage.Resampling.BOX))
    small, large = (image.scores["sharpness"] for image in doc.images)
    assert large == pytest.approx(small, rel=0.2)


def test_a_document_gets_the_mean():
    (doc,) = scored(slide(), PillowImage.new("RGB", (64, 64)))
    assert doc.scores["sharpness"] == pytest.approx(doc.images[0].scores["sharpness"] / 2, abs=1e-3)


def test_an_image_two_pixels_high_scores_0():
    (doc,) = scored(PillowImage.new("RGB", (40, 2)))
    assert doc.images[0].scores["sharpness"] == 0


@pytest.mark.parametrize("data", [b"", b"<html>", jpeg(slide())[:400]])
def test_an_image_that_cannot_be_decoded_is_quarantined_with_its_text(data):
    doc = Document(id="d", elements=(Image(position=0, data=data), Text(position=1, text="x", of=0), Text(position=2, text="y")))
    quarantined, out = ScoreSharpness().process([doc])
    assert isinstance(quarantined, Quarantined) and quarantined.position == 0
    assert [element.position for element in out.elements] == [2]
    assert out.scores == {}


def test_a_document_without_images_passes_unscored():
    doc = Document(id="d", elements=(Text(position=0, text="x"),))
    assert list(ScoreSharpness().process([doc])) == [doc]


def test_a_side_of_a_few_pixels_is_a_problem():
    assert list(ScoreSharpness(side=3).check()) == ["side: must be at least 16 pixels, not 3"]
