import hashlib
import io
import shutil

import pytest
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Quarantined, Side
from interloom.stages.extract_screen_text import ExtractScreenText, similar

pytestmark = pytest.mark.slow  # recognition takes about a second an image
SLIDE = ["Photosynthesis in green plants", "Light reactions need water", "The Calvin cycle makes sugar"]


def slide(*placed, size=(960, 540), turns=0):
    """Dark text on white: (x, y, words) or (x, y, words, height), turned by quarter turns."""
    pixels = Pillow.new("RGB", size, "white")
    pen = ImageDraw.Draw(pixels)
    for x, y, words, *height in placed:
        pen.text((x, y), words, fill=(20, 20, 40), font=ImageFont.load_default(height[0] if height else 32))
    return pixels.rotate(90 * turns, expand=True)


def list_slide(lines):
    return slide(*((60, 60 + 90 * n, line) for n, line in enumerate(lines)))


def image(position, pixels, start_s=0.0):
    file = io.BytesIO()
    pixels.save(file, "PNG")
    data = file.getvalue()
    return Image(position=position, data=data, sha256=hashlib.sha256(data).hexdigest(), start_s=start_s, end_s=start_s + 5)


def document(*slides, name="d"):
    return Document(id=name, elements=tuple(image(n, pixels, 10.0 * n) for n, pixels in enumerate(slides)))


def read(stage, *slides):
    (doc,) = stage.process([document(*slides)])
    return doc


@pytest.fixture(scope="module")
def stage():
    return ExtractScreenText()


def test_a_slide_is_read_line_by_line_with_its_box_and_time(stage):
    doc = read(stage, list_slide(SLIDE))
    scored, text = doc.elements
    assert text.text.split("\n") == SLIDE
    assert (text.position, text.origin, text.role, text.of, text.start_s, text.end_s) == (1, "ocr", "screen_text", 0, 0.0, 5.0)
    assert text.scores["ocr"] > 0.9
    x0, y0, x1, y1 = text.bbox
    assert 40 <= x0 <= 65 and 45 <= y0 <= 75 and 460 <= x1 <= 620 and 260 <= y1 <= 310
    assert 0.02 < scored.scores["text_area"] < 0.2


def test_columns_are_read_one_after_the_other(stage):
    left = ["Herbivores eat plants", "Rabbits and deer", "Cows and horses"]
    right = ["Carnivores eat meat", "Foxes and wolves", "Cats and weasels"]
    placed = [(60, 150 + 80 * n, line) for n, line in enumerate(left)] + [
        (520, 150 + 80 * n, line) for n, line in enumerate(right)
    ]
    doc = read(stage, slide((60, 40, "What animals of the forest eat every day", 40), *placed))
    assert doc.texts[0].text.split("\n") == ["What animals of the forest eat every day", *left, *right]


def test_short_cells_are_read_along_their_row(stage):
    cells = [("Apples", "3.20"), ("Oranges", "4.75"), ("Bananas", "1.99")]
    placed = [(x, 80 + 90 * n, word) for n, row in enumerate(cells) for x, word in zip((60, 700), row, strict=True)]
    assert read(stage, slide(*placed)).texts[0].text.split("\n") == ["Apples 3.20", "Oranges 4.75", "Bananas 1.99"]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_page_is_read_upright_and_its_box_is_where_the_text_is(stage, turns):
    lines = [
        (60, 40 + 55 * n, line) for n, line in enumerate([*SLIDE, "Oxygen leaves through the leaf", "Roots take water from soil"])
    ]
    upright, turned = (read(stage, slide(*lines, turns=n)).texts[0] for n in (0, turns))
    assert similar(turned.text, upright.text) > 0.9
    x0, y0, x1, y1 = upright.bbox
    wanted = {1: (y0, 960 - x1, y1, 960 - x0), 2: (960 - x1, 540 - y1, 960 - x0, 540 - y0), 3: (540 - y1, x0, 540 - y0, x1)}[
        turns
    ]
    assert turned.bbox == pytest.approx(wanted, abs=15)


def test_a_repeated_screen_gets_no_text_of_its_own(stage):
    doc = read(
        stage,
        list_slide(SLIDE),
        list_slide([*SLIDE[:2], SLIDE[2] + "."]),
        list_slide(["Quite another page", "of the lecture"]),
        list_slide(SLIDE),
    )
    assert [text.of for text in doc.texts] == [0, 2, 3]
    assert doc.images[1].scores["ocr_repeats"] >= 0.9
    assert doc.images[2].scores["ocr_repeats"] < 0.3


def test_a_screen_without_text_between_two_equal_ones_changes_nothing(stage):
    doc = read(stage, list_slide(SLIDE), slide(), list_slide(SLIDE))
    assert [text.of for text in doc.texts] == [0]


def test_without_a_threshold_repeated_screens_keep_their_text():
    doc = read(ExtractScreenText(similarity=None), list_slide(SLIDE), list_slide(SLIDE))
    assert [text.of for text in doc.texts] == [0, 1]
    assert doc.images[1].scores["ocr_repeats"] == 1.0


def test_a_screen_without_text_gets_no_text_element(stage):
    doc = read(stage, slide())
    assert (doc.texts, dict(doc.images[0].scores)) == ((), {"text_area": 0.0, "ocr_repeats": 0.0})


def test_lines_of_low_confidence_are_left_out():
    assert read(ExtractScreenText(at_least=1.01), list_slide(SLIDE)).texts == ()


def test_images_without_a_time_are_read_only_if_asked():
    still = Document(id="d", elements=(Image(position=0, data=image(0, list_slide(SLIDE)).data),))
    assert list(ExtractScreenText().process([still])) == [still]
    (doc,) = ExtractScreenText(of="images").process([still])
    assert doc.texts[0].start_s is None and doc.texts[0].text.startswith("Photosynthesis")


def test_an_image_without_bytes_passes(stage):
    doc = Document(id="d", elements=(Text(position=0, text="a"), Image(position=1, start_s=2.0)))
    assert list(stage.process([doc])) == [doc]


def test_a_broken_image_is_quarantined_alone(stage):
    doc = document(list_slide(SLIDE))
    broken = Image(position=5, data=b"\xff\xd8\xff\xe0 not a JPEG", start_s=1.0, url="u")
    out = list(stage.process([doc.with_elements([broken, *doc.elements])]))
    assert isinstance(out[0], Quarantined) and (out[0].position, out[0].url) == (5, "u")
    assert [element.position for element in out[1].elements] == [0, 6]


def test_tiny_and_huge_images_have_no_text(stage):
    doc = read(stage, Pillow.new("RGB", (1, 1)), Pillow.new("L", (3, 900), 255), Pillow.new("RGB", (4000, 20), "white"))
    assert doc.texts == ()


def test_a_document_alone_or_in_a_batch_is_the_same(stage):
    docs = [document(list_slide(SLIDE), name="a"), document(list_slide(["Something else"]), name="b")]
    assert list(stage.process(docs)) == [out for doc in docs[::-1] for out in ExtractScreenText().process([doc])][::-1]


def test_lines_go_to_the_side_table_if_asked():
    out = list(ExtractScreenText(keep_lines=True).process([document(list_slide(SLIDE))]))
    rows = [side.row for side in out if isinstance(side, Side)]
    assert [(row["id"], row["position"], row["number"], row["text"]) for row in rows] == [
        ("d", 1, n, line) for n, line in enumerate(SLIDE)
    ]
    assert all(row["x0"] < row["x1"] and row["y0"] < row["y1"] for row in rows)


@pytest.mark.skipif(not shutil.which("tesseract"), reason="tesseract is not installed")
def test_tesseract_reads_the_same_slide():
    text = read(ExtractScreenText(engine="tesseract"), list_slide(SLIDE)).texts[0]
    assert text.text.split("\n") == SLIDE
    assert text.scores["ocr"] > 0.8
    assert 40 <= text.bbox[0] <= 65


@pytest.mark.skipif(not shutil.which("tesseract"), reason="tesseract is not installed")
def test_a_language_without_a_model_is_a_problem():
    assert list(ExtractScreenText(engine="tesseract", languages=("xxx",)).check()) == [
        "languages: tesseract has no model for xxx"
    ]
    assert list(ExtractScreenText(engine="tesseract").check()) == []


def test_tesseract_that_is_not_installed_is_a_problem(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert list(ExtractScreenText(engine="tesseract").check()) == ["engine: tesseract is not on the PATH"]


@pytest.mark.parametrize(
    ("text", "other", "value"),
    [("Same text", "same  TEXT", 1.0), ("abc", "xyz", 0.0), ("", "", 1.0), ("", "words", 0.0), ("a", "a", 1.0)],
)
def test_similarity_ignores_case_and_spaces(text, other, value):
    assert similar(text, other) == value


@pytest.mark.slow
@pytest.mark.shared_data("5_ocr/tesseract_test", twin="test_a_turned_page_is_read_upright_and_its_box_is_where_the_text_is")
def test_a_scanned_page_is_read_in_all_rotations(stage, shared_data):
    folder = shared_data / "5_ocr" / "tesseract_test"
    gold = (folder / "phototest.gold.txt").read_text()
    for name in ("phototest.tif", "phototest-rotated-L.png", "phototest-rotated-R.png", "phototest-rotated-180.png"):
        doc = read(stage, Pillow.open(folder / name).convert("RGB"))
        assert similar(doc.texts[0].text, gold) > 0.98, name
