"""Reading of pictures of text, ours against tesseract 5, one thread each: `python benchmarks/screen_text.py [sets ...]`.

Character error rate (Levenshtein distance over the gold text's length, after NFKC and with any space as one), the same with
the words of both texts sorted, which leaves out their order, the share of the gold words that were read, and processor
seconds a picture. `tesseract` is the bare binary (`--psm 3 -l eng`). Set `made` is drawn here: slides, columns, small print,
white on black. The others are gold sets of `../shared/data` (tesseract's, RapidOCR's, MMOCR's, and lecture slides of MaViLS
whose gold is the text layer of the PDF, in its order), left out when they are not there. The text layer does not hold what
stands in pictures, and whoever reads that is charged for it: in `layer`, pictures on the same slides are painted over.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from interloom.stages.extract_screen_text.rapidocr_engine import RapidOcr
from interloom.stages.extract_screen_text.tesseract_engine import Tesseract

SHARED = Path(__file__).parents[1].parent / "shared" / "data"
WORDS = (
    "energy of the system is conserved when no work is done on it a photon carries momentum and the field stores the rest "
    "we measure current with an ammeter across each branch then apply the law of loops to find unknown values"
)
Sample = tuple[str, Image.Image, str]


def made() -> Iterator[Sample]:
    """Twelve slides of 1280 x 720, in a font of Pillow's own."""
    chance = random.Random(3)
    for number in range(12):
        size, columns, dark = chance.choice([18, 24, 34]), chance.choice([1, 2]), number % 4 == 3
        ground, ink = ((20, 24, 40), (235, 235, 235)) if dark else ((252, 252, 250), (30, 30, 40))
        picture = Image.new("RGB", (1280, 720), ground)
        pen, font, words = ImageDraw.Draw(picture), ImageFont.load_default(size), []
        for column in range(columns):
            for row in range(7):
                line = " ".join(chance.choices(WORDS.split(), k=5)).capitalize()
                pen.text((60 + column * 640, 60 + row * size * 2), line, fill=ink, font=font)
                words.append(line)
        yield f"slide {number}", picture, "\n".join(words)


def scans() -> Iterator[Sample]:
    folder = SHARED / "5_ocr" / "tesseract_test"
    for name in ("phototest.tif", "phototest-rotated-L.png", "phototest-rotated-R.png", "phototest-rotated-180.png"):
        yield name, Image.open(folder / name).convert("RGB"), (folder / "phototest.gold.txt").read_text()
    yield "eurotext.tif", Image.open(folder / "eurotext.tif").convert("RGB"), (folder / "eurotext.txt").read_text()


def lines(latin: bool) -> Iterator[Sample]:
    folder = SHARED / "5_ocr" / "rapidocr_tests"
    for row in map(json.loads, (folder / "gold.jsonl").read_text().splitlines()):
        if row.get("text") and (row.get("lang") in ("en", "la")) == latin:
            yield row["image"], _on_white(Image.open(folder / row["image"])), row["text"]


def words() -> Iterator[Sample]:
    folder = SHARED / "5_ocr" / "mmocr_toy"
    for row in map(json.loads, (folder / "words.jsonl").read_text().splitlines()):
        yield row["image"], Image.open(folder / row["image"]).convert("RGB"), row["text"]


def slides(painted: bool = False) -> Iterator[Sample]:
    """Three pages of each deck that has a text layer, 1280 wide."""
    import pypdfium2

    for path in sorted((SHARED / "8_interleaved" / "mavils_lectures").glob("*/slides.pdf")):
        deck = pypdfium2.PdfDocument(path)
        for number in (len(deck) // 4, len(deck) // 2, 3 * len(deck) // 4):
            gold = deck[number].get_textpage().get_text_bounded()
            if len(gold.strip()) > 40:
                picture = deck[number].render(scale=1280 / deck[number].get_width()).to_pil().convert("RGB")
                yield f"{path.parent.name} {number}", _painted(picture, deck[number]) if painted else picture, gold


def _painted(picture: Image.Image, page: Any) -> Image.Image:
    """The text of the text layer stays, and so does a picture that is the ground of the whole slide."""
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    scale, seen, text = picture.width / page.get_width(), picture.copy(), page.get_textpage()

    def place(left: float, bottom: float, right: float, top: float) -> tuple[int, int, int, int]:
        sides = (left, page.get_height() - top, right, page.get_height() - bottom)
        x0, y0, x1, y1 = (round(scale * side) + more for side, more in zip(sides, (-2, -2, 2, 2), strict=True))
        return min(max(0, x0), picture.width - 1), min(max(0, y0), picture.height - 1), max(x1, 1), max(y1, 1)

    things = [] if page.get_rotation() else page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE])  # no turned deck here has pictures
    for x0, y0, x1, y1 in [place(*thing.get_bounds()) for thing in things]:
        if (x1 - x0) * (y1 - y0) < 0.9 * picture.width * picture.height:
            seen.paste(picture.getpixel((x0, y0)), (x0, y0, x1, y1))
    for box in [place(*text.get_rect(number)) for number in range(text.count_rects())]:
        if box[0] < box[2] and box[1] < box[3]:  # some text lies outside of the page
            seen.paste(picture.crop(box), box)
    return seen


SETS: dict[str, Callable[[], Iterator[Sample]]] = {
    "made": made,
    "scans": scans,
    "latin": lambda: lines(True),
    "other": lambda: lines(False),
    "words": words,
    "slides": slides,
    "layer": lambda: slides(painted=True),
}


def _on_white(picture: Image.Image) -> Image.Image:
    seen = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")


def plain_tesseract(picture: Image.Image) -> str:
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        picture.save(file.name)
        command = ["tesseract", file.name, "-", "--psm", "3", "-l", "eng"]
        return subprocess.run(command, capture_output=True, text=True, env={"OMP_THREAD_LIMIT": "1"}, check=True).stdout


def errors(found: str, gold: str) -> tuple[int, int]:
    """Levenshtein distance, row by row, and the length of the gold text."""
    one, other = (np.array([*map(ord, _plain(text))] or [0], np.int32) for text in (found, gold))
    steps = np.arange(len(other) + 1)
    row = steps.copy()
    for number, letter in enumerate(one, 1):
        best = np.minimum(row[1:] + 1, row[:-1] + (other != letter))
        full = np.concatenate([[number], best])
        row = np.minimum.accumulate(full - steps) + steps
    return int(row[-1]), len(other)


def words_found(found: str, gold: str) -> tuple[int, int]:
    """How many of the gold words are there, whatever their order, and how many there are."""
    one, other = (Counter(_plain(text).casefold().split()) for text in (found, gold))
    return (one & other).total(), other.total()


def unordered_errors(found: str, gold: str) -> tuple[int, int]:
    one, other = (" ".join(sorted(_plain(text).split())) for text in (found, gold))
    return errors(one, other)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def main(names: list[str]) -> None:
    rapid, tesseract = RapidOcr(), Tesseract(("eng",))
    ways: dict[str, Callable[[Image.Image], str]] = {
        "ours, rapidocr": lambda picture: "\n".join(line.text for line in rapid.read(picture)),
        "ours, tesseract": lambda picture: "\n".join(line.text for line in tesseract.read(picture)),
        "tesseract": plain_tesseract,
    }
    ways["ours, rapidocr"](Image.new("RGB", (64, 64)))  # loads the models
    print(f"{'set':8}{'pictures':>9}{'letters':>9}" + "".join(f"{name:>33}" for name in ways))
    print(" " * 26 + f"{'CER':>9} {'sorted':>7} {'words':>6} {'CPU':>7}" * len(ways))
    for name in names or SETS:
        if name != "made" and not SHARED.exists():
            print(f"{name:8} left out: {SHARED} is not there")
            continue
        samples = list(SETS[name]())
        cells = []
        for read in ways.values():
            begun = sum(os.times()[:4])
            texts = [(read(picture), gold) for _, picture, gold in samples]
            seconds = (sum(os.times()[:4]) - begun) / len(samples)
            wrong, astray, there = (_share(measure, texts) for measure in (errors, unordered_errors, words_found))
            cells.append(f"{wrong:>9.4f} {astray:>7.4f} {there:>6.3f} {seconds:>5.2f} s")
        letters = sum(len(_plain(gold)) for _, _, gold in samples)
        print(f"{name:8}{len(samples):>9}{letters:>9}" + "".join(f"{cell:>33}" for cell in cells))


def _share(measure: Callable[[str, str], tuple[int, int]], texts: list[tuple[str, str]]) -> float:
    """Over all texts together."""
    part, whole = (sum(counts) for counts in zip(*(measure(*pair) for pair in texts), strict=True))
    return part / whole


if __name__ == "__main__":
    main(sys.argv[1:])
