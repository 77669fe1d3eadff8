"""A real textbook with its pictures, as captures of a crawl and as documents of OBELICS."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from interloom.jobs.demo.warc_writer import Capture

DATE = "2024-01-01T00:00:00Z"
BOOK = "8_interleaved/openstax_philosophy"


def captures(data: Path, names: Sequence[str]) -> list[Capture]:
    """Pages of the book with their pictures."""
    found = []
    for name in names:
        html = (data / BOOK / "pages" / f"{name}.html").read_bytes()
        found.append(Capture(f"https://book.example/pages/{name}.html", DATE, "text/html", html))
        for source in re.findall(rb'src="../(media/[^"]+)"', html):
            kind = "image/png" if source.endswith(b".png") else "image/jpeg"
            picture = (data / BOOK / source.decode()).read_bytes()
            found.append(Capture(f"https://book.example/{source.decode()}", DATE, kind, picture))
    return found


def obelics_rows(data: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """Modules of the book as rows of OBELICS, with the pictures in `data:` URLs."""
    rows = []
    for name in names:
        texts: list[str | None] = []
        images: list[str | None] = []
        for element in json.loads((data / BOOK / "gold" / f"{name}.json").read_text()):
            is_image = element["type"] == "image"
            texts.append(None if is_image else element["text"])
            images.append(_data_url(data / BOOK / "media" / element["file"]) if is_image else None)
        about = json.dumps({"url": f"https://book.example/{name}"})
        rows.append({"texts": texts, "images": images, "metadata": json.dumps([None] * len(texts)), "general_metadata": about})
    return rows


def _data_url(picture: Path) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(picture.read_bytes()).decode()}"
