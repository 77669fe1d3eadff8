"""Pages with gold main content as rows to learn from: features of each block, whether it is main content, and its weight."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trafilatura
from numpy.typing import NDArray
from selectolax.lexbor import LexborHTMLParser

from interloom.stages._web.charset import decoded
from interloom.stages.extract_html.arrays import arrays_of
from interloom.stages.extract_html.features import features
from interloom.stages.extract_html.metadata import page_facts
from interloom.stages.extract_html.page import Block
from interloom.stages.extract_html.parse import page_of
from interloom.stages.extract_html.readability.article import region_of

_SHINGLE, _MOSTLY, _TELLING_CHARS, _SHORT_GOLD = 4, 0.6, 20, 100
_PROBE_WEIGHT, _UNSURE, _FIXTURE_WEIGHT = 0.3, 0.25, 0.1
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Rows:
    """One page; `features` has a row, `truth` and `weight` a value per block."""

    name: str
    features: NDArray[Any]
    truth: NDArray[Any]
    weight: NDArray[Any]


def fold_of(name: str) -> int:
    """Which of five parts a page falls in, by the hash of its name."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % FOLDS


def gold_rows(data: Path) -> Iterator[Rows]:
    """The pages of the sets under `data` whose main content is known, by the names of their files."""
    for rows_of in (_articles, _evaluated, _sequences, _news, _fixtures):
        yield from rows_of(data)


def _articles(data: Path) -> Iterator[Rows]:
    base = data / "article_extraction_benchmark"
    for key, gold in json.loads((base / "ground-truth.json").read_text()).items():
        yield from _whole(key, _read(base / "html" / f"{key}.html.gz"), gold["articleBody"])


def _evaluated(data: Path) -> Iterator[Rows]:
    base = data / "trafilatura_eval"
    for line in (base / "ground-truth.jsonl").read_text().splitlines():
        row = json.loads(line)
        files = [file for file in (base / "html" / row["file"], base / "html" / f"{row['file']}.gz") if file.exists()]
        if files:
            yield from _probed(row["file"], _read(files[0]), row.get("with") or [], row.get("without") or [])


def _sequences(data: Path) -> Iterator[Rows]:
    for page in sorted((data / "mozilla_readability").iterdir()):
        if (page / "gold_sequence.json").exists() and page.name != "keep-tabular-data":
            parts = json.loads((page / "gold_sequence.json").read_text())
            gold = "\n".join(part["text"] for part in parts if part["type"] == "text")
            yield from _whole(page.name, _read(page / "source.html.gz"), gold)


def _news(data: Path) -> Iterator[Rows]:
    for file in sorted((data / "newspaper4k").glob("*.html.gz")):
        text = file.with_name(file.name.replace(".html.gz", ".txt"))
        if text.exists():
            yield from _whole(file.name, _read(file), text.read_text())


def _fixtures(data: Path) -> Iterator[Rows]:
    for file in sorted((data / "defuddle").glob("*.html")):
        yield from _whole(file.name, _read(file), _plain(file.with_suffix(".expected.md").read_text()), _FIXTURE_WEIGHT)


def _plain(markdown: str) -> str:
    """The words of a Markdown text."""
    for pattern, words in (
        (r"(?s)\A```json.*?```", ""),
        (r"!\[[^\]]*\]\([^)]*\)", ""),
        (r"\[([^\]]*)\]\([^)]*\)", r"\1"),
        (r"[*_#>`|]", " "),
    ):
        markdown = re.sub(pattern, words, markdown)
    return markdown


def _read(file: Path) -> bytes:
    return gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()


def _blocks(html: bytes) -> tuple[list[Block], NDArray[Any]]:
    text = decoded(html)
    parser = LexborHTMLParser(text)
    page = page_of(parser, len(text))
    if not page.blocks:
        return [], np.zeros((0, 0))
    arrays = arrays_of(page)
    return page.blocks, features(page, arrays, page_facts(parser, page, "").title, region_of(page, arrays))


def _whole(name: str, html: bytes, gold: str, weight: float = 1.0) -> Iterator[Rows]:
    """A page whose whole main text is known: a block weighs as much as its share of it."""
    blocks, rows = _blocks(html)
    if blocks:
        truth, sizes = _in_gold(blocks, gold)
        yield Rows(name, rows, truth, weight * (sizes / max(len(_words(gold)), 50) + 0.002))


def _probed(name: str, html: bytes, wanted: Sequence[str], unwanted: Sequence[str]) -> Iterator[Rows]:
    """A page of which some phrases are known to be main content or not; for the rest trafilatura is believed, a little."""
    blocks, rows = _blocks(html)
    if not blocks:
        return
    gold = trafilatura.extract(html, include_comments=False, include_tables=True) or ""
    truth, sizes = _in_gold(blocks, gold)
    weight = _UNSURE * sizes / max(len(_words(gold)), 50) + 0.001
    for phrase, value in [(phrase, 1.0) for phrase in wanted] + [(phrase, 0.0) for phrase in unwanted]:
        line = " ".join(phrase.split())
        found = [n for n, block in enumerate(blocks) if len(line) > 3 and line in block.text.replace("\n", " ")]
        sure = [n for n in found if truth[n] >= 0.5] if value and len(found) > 1 else []
        for n in sure or found:
            truth[n], weight[n] = value, _PROBE_WEIGHT if value else _PROBE_WEIGHT / len(found)
    yield Rows(name, rows, truth, weight)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _in_gold(blocks: Sequence[Block], gold: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """How much of each block is in the gold text, each piece of which counts once; and the words of each block."""
    words = _words(gold)
    left, line = _shingles(words), f" {' '.join(words)} "
    sizes, found = [], list[float | None]()
    for block in blocks:
        said = _words(block.text)
        sizes.append(len(said))
        if len(said) >= _SHINGLE:
            mine = _shingles(said)
            share = (mine & left).total() / mine.total()
            left -= mine if share > 0.5 else Counter()
            found.append(share)
        elif not said or f" {' '.join(said)} " not in line:
            found.append(0.0)
        else:
            found.append(1.0 if len(block.text) >= _TELLING_CHARS or len(words) < _SHORT_GOLD else None)
    return np.array([_settled(n, found, sizes) for n in range(len(found))]), np.array(sizes)


def _shingles(words: Sequence[str]) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[n : n + _SHINGLE]) for n in range(len(words) - _SHINGLE + 1))


def _settled(at: int, found: Sequence[float | None], sizes: Sequence[int]) -> float:
    """Words too few to tell are main content when a longer block beside them is."""
    value = found[at]
    if value is not None:
        return value
    near = [n for n in (at - 2, at - 1, at + 1, at + 2) if 0 <= n < len(found) and sizes[n] >= _SHINGLE]
    return float(any((found[n] or 0) > _MOSTLY for n in near))
