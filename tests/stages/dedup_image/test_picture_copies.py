"""Copies of pictures in other formats and sizes are found by their perceptual hashes; other pictures stay."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from global_steps import outcomes
from PIL import Image as Pillow
from PIL import ImageOps

from interloom.jobs.demo.shapes import draw
from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Dropped
from interloom.stages.decode_images import DecodeImages
from interloom.stages.dedup_image import DedupImage


def encoded(picture: Pillow.Image, kind: str, quality: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, quality=quality)
    return file.getvalue()


def with_copies(picture: Pillow.Image) -> Iterator[bytes]:
    yield encoded(picture, "PNG", 0)
    yield encoded(picture, "JPEG", 50)
    yield encoded(picture, "WEBP", 50)
    yield encoded(picture.convert("L"), "JPEG", 85)
    yield encoded(picture.resize((picture.width // 2, picture.height // 2)), "JPEG", 85)


def pages(groups: Iterable[Iterable[bytes]]) -> list[Document]:
    """A page for each picture; the id of the page begins with the number of its group."""
    pictures = [(f"{number:03}-{n}", data) for number, group in enumerate(groups) for n, data in enumerate(group)]
    docs = [Document(id=id_, elements=(Image(position=0, data=data),)) for id_, data in pictures]
    return [doc for doc in DecodeImages().process(docs) if isinstance(doc, Document)]


def f1(docs: list[Document], distance: int) -> float:
    """F1 of the dropped pictures: all but the first of each group are to be dropped."""
    copies = {doc.id for doc in docs if not doc.id.endswith("-0")}
    said = outcomes(DedupImage(key="phash", distance=distance, at_most=1, keep="first"), docs)
    dropped = {outcome.id for outcome in said if isinstance(outcome, Dropped)}
    return 2 * len(copies & dropped) / (len(copies) + len(dropped))


def test_copies_of_drawn_pictures_are_found() -> None:
    docs = pages(with_copies(draw(random.Random(seed), (320, 240))[0]) for seed in range(20))
    assert len(docs) == 100
    assert f1(docs, 4) == 1.0
    assert f1(docs, 0) < 0.95


@pytest.mark.shared_data("3_images/clip_retrieval", twin="test_copies_of_drawn_pictures_are_found")
def test_copies_of_photographs_are_found(shared_data: Path) -> None:
    files = sorted((shared_data / "3_images").glob("[ci]*/[bi]*/*.jpg"))
    docs = pages(with_copies(ImageOps.exif_transpose(Pillow.open(file)).convert("RGB")) for file in files)
    assert len(docs) == 5 * 16
    assert f1(docs, 4) >= 0.95
    assert f1(docs, 10) >= 0.95


@pytest.mark.shared_data("3_images/imagededup_ukbench", twin="test_copies_of_drawn_pictures_are_found")
def test_near_duplicate_groups_are_found(shared_data: Path) -> None:
    """Without the members that are flipped or turned: no perceptual hash finds these."""
    folder = shared_data / "3_images/imagededup_ukbench"
    groups = json.loads((folder / "gold_groups.json").read_text())["groups"]
    known = {name for group in groups for name in group}
    groups += [[f"base/{file.name}"] for file in sorted((folder / "base").iterdir()) if f"base/{file.name}" not in known]
    upright = [[name for name in group if "flip" not in name and "rotation" not in name] for group in groups]
    docs = pages(((folder / name).read_bytes() for name in group) for group in upright)
    assert len(docs) == 13
    assert f1(docs, 4) == 1.0
