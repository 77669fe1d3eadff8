"""Whatever a recipe consists of, its books add up for documents, images and texts, from step to step and in the card."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.execution.units import FinishedPhases

STEPS = (
    ("filters.word_count", {"at_least": 9}),
    ("filters.text_word_count", {"at_least": 4}),
    ("filters.text_symbols", {}),
    ("filters.image_name", {}),
    ("filters.image_count", {"at_most": 3}),
    ("stages.split_sentences", {}),
    ("stages.split_pairs", {"text": ["caption", "alt", "text"]}),
    ("stages.dedup_exact", {}),
    ("draws_pictures", {}),
)
SINKS = (
    *(("stages.write_parquet", {"layout": layout}) for layout in ("interleaved", "pairs", "text")),
    *(("stages.write_webdataset", {"layout": layout}) for layout in ("flat", "pairs", "text")),
    *(("stages.write_documents", {"format": name}) for name in ("mmc4", "realsyn", "datacomp", "nemo_curator")),
)
WORDS = ("The", "boats", "come", "in", "again.", "See", "www.example.org", "now!", "Nobody", "sleeps", "here.")


def pages(draw: random.Random, file: Path) -> str:
    """Forty rows of texts and images, as OBELICS has them; some are empty, some occur twice."""
    rows = []
    for _ in range(40):
        parts = [draw.random() < 0.4 for _ in range(draw.randrange(7))]
        texts = [None if is_image else " ".join(draw.choices(WORDS, k=draw.randrange(1, 20))) for is_image in parts]
        names = (draw.choice(["logo", "boat", "gull"]) for _ in parts)
        images = [f"https://x/{name}.png" if is_image else None for is_image, name in zip(parts, names, strict=True)]
        details = json.dumps([{"alt_text": draw.choice(["", "a boat"])} if is_image else None for is_image in parts])
        rows.append({"images": images, "texts": texts, "metadata": details, "general_metadata": "{}"})
    file.write_text("".join(json.dumps(draw.choice(rows)) + "\n" for _ in rows))
    return str(file)


def table(card: str, title: str) -> dict[str, list[int]]:
    """The numbers of a table of the funnel by step; the table is the first after these words."""
    rows = card[card.index(title) :].split("\n\n")[1].splitlines()[2:]
    cells = [re.split(r" ?\| ?", row)[1:-2] for row in rows]
    return {key: [int(number.replace(",", "")) for number in numbers] for key, *numbers in cells}


@pytest.mark.parametrize("seed", range(12))
def test_the_books_of_a_recipe_add_up(run: Callable[..., FinishedPhases], tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    source: Any = ("stages.read_documents", {"paths": pages(draw, tmp_path / "pages.jsonl"), "format": "obelics"})
    sink = draw.choice(SINKS)
    done = run(source, *draw.sample(STEPS, draw.randrange(1, 6)), sink)
    card = (Path(done.run) / sink[0].removeprefix("stages.") / "README.md").read_text()
    for title in ("Documents; in + new", "Images; in + new", "Texts; in + new"):
        rows = list(table(card, title).values())
        assert [into + new for into, new, *_ in rows] == [sum(gone) for _, _, *gone in rows]
        assert [row[2] for row in rows[:-1]] == [row[0] for row in rows[1:]]
        assert rows[0][0] > 0
