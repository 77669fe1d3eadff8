"""One poison page, one poison image and one image that crashes its decoder among 1,000 good ones: exactly those go."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from interloom.jobs.demo.warc_writer import Capture, write_warc
from interloom.pipeline.execution.driver import summary
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.store import run_reader

pytestmark = pytest.mark.slow
GOOD = 1000
WORDS = ("river", "stone", "garden", "winter", "letter", "market", "window", "silver", "morning", "paper", "engine", "forest")


def page(rng: random.Random, number: int, special: str = "") -> bytes:
    paragraphs = ["The " + " ".join(rng.choices(WORDS, k=40)) + f", which is number {number}." for _ in range(3)]
    picture = f"<figure><img src='/{number}.jpg' alt='a picture'></figure>"
    body = f"<p>{paragraphs[0]} {special}</p>{picture}<p>{paragraphs[1]}</p><p>{paragraphs[2]}</p>"
    head = f"<html><head><title>Page {number}</title></head>"
    return f"{head}<body><article><h1>Page {number}</h1>{body}</article></body></html>".encode()


def picture(number: int, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    colour = (number % 256, number // 256 * 40, 90)
    Image.new("RGB", (160, 160), colour).save(out, "JPEG", quality=60, comment=comment)
    return out.getvalue()


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    rng = random.Random(7)
    captures = []
    for number in range(GOOD + 3):
        special = {GOOD: "poison"}.get(number, "")
        data = picture(number, b"segfault" if number == GOOD + 1 else b"")
        data = data[: len(data) // 2] if number == GOOD + 2 else data
        url = f"https://pages.example/{number}"
        captures.append(Capture(f"{url}.html", "2024-01-01T00:00:00Z", "text/html; charset=utf-8", page(rng, number, special)))
        captures.append(Capture(f"{url}.jpg", "2024-01-01T00:00:00Z", "image/jpeg", data))
    file = tmp_path / "crawl.warc.gz"
    file.write_bytes(write_warc(captures))
    return file


@pytest.mark.timeout(280)
def test_exactly_the_culprits_are_quarantined(
    crawl: Path, tmp_path: Path, run: Callable[..., FinishedPhases], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLOOM_TEST_FAULTS", "1")
    done = run(
        ("stages.read_warc", {"paths": str(crawl)}),
        "stages.extract_html",
        ("breaks_on", {"word": "poison"}),
        "stages.fetch_images",
        ("stages.decode_images", {"max_pixels": 99_999_999}),  # parameters of its own, so a child of its own: one with the fault
        "stages.write_parquet",
    )
    errors = {(row["url"], row["position"] is None): row["error"] for row in run_reader.decisions(done.run) if row["error"]}
    assert {where for where in errors} == {
        (f"https://pages.example/{GOOD}.html", True),
        (f"https://pages.example/{GOOD + 1}.jpg", False),
        (f"https://pages.example/{GOOD + 2}.jpg", False),
    }
    assert "SIGSEGV" in errors[f"https://pages.example/{GOOD + 1}.jpg", False]
    books = summary(done)["write_parquet"]
    assert books.documents.out == GOOD + 2  # all but the poison page; two of them without their picture
    assert books.images.out == GOOD
