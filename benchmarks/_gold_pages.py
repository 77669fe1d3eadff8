"""Training rows from pages with gold main content: the features of each block, whether it is main content, and its weight."""

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
from interloom.stages.extract_html.arrays import page_arrays
from interloom.stages.extract_html.features import BlockFeatures, features
from interloom.stages.extract_html.metadata import page_metadata
from interloom.stages.extract_html.page import Block
from interloom.stages.extract_html.parse import read_page
from interloom.stages.extract_html.readability.article import find_article

# All of these are our choice.
_SHINGLE_WORDS = 4  # blocks are compared with the gold text by runs of four words
_MOSTLY = 0.6  # share of shingles in the gold text by which a block's neighbour is main content
_DISTINCTIVE_CHARS = 20  # a shorter block in the gold text may be there by chance ...
_SHORT_GOLD_WORDS = 100  # ... unless the gold text has fewer words
_MIN_GOLD_WORDS = 50  # shares of a shorter gold text are taken as if it had as many
_SNIPPET_WEIGHT = 0.3
_TRAFILATURA_WEIGHT = 0.25
_DEFUDDLE_WEIGHT = 0.1
_MIN_BLOCK_WEIGHT = 0.002
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Rows:
    """One page; `truth` (0 to 1) and `weight` have a value for each block."""

    name: str
    features: BlockFeatures
    truth: NDArray[Any]
    weight: NDArray[Any]


def fold_of(name: str) -> int:
    """The number of the fold that a page is in, by the hash of its name."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % FOLDS


def gold_rows(data: Path) -> Iterator[Rows]:
    """The pages of all sets under `data` that have gold main content; a name is that of the page's file or key."""
    for rows_of in (_article_extraction_benchmark, _trafilatura_eval, _mozilla_readability, _newspaper4k, _defuddle):
        yield from rows_of(data)


def _article_extraction_benchmark(data: Path) -> Iterator[Rows]:
    base = data / "article_extraction_benchmark"
    for key, gold in json.loads((base / "ground-truth.json").read_text()).items():
        yield from _rows_from_text(key, _read(base / "html" / f"{key}.html.gz"), gold["articleBody"])


def _trafilatura_eval(data: Path) -> Iterator[Rows]:
    base = data / "trafilatura_eval"
    for line in (base / "ground-truth.jsonl").read_text().splitlines():
        row = json.loads(line)
        files = [file for file in (base / "html" / row["file"], base / "html" / f"{row['file']}.gz") if file.exists()]
        if files:
            yield from _rows_from_snippets(row["file"], _read(files[0]), row.get("with") or [], row.get("without") or [])


def _mozilla_readability(data: Path) -> Iterator[Rows]:
    for page in sorted((data / "mozilla_readability").iterdir()):
        if (page / "gold_sequence.json").exists() and page.name != "keep-tabular-data":
            parts = json.loads((page / "gold_sequence.json").read_text())
            gold = "\n".join(part["text"] for part in parts if part["type"] == "text")
            yield from _rows_from_text(page.name, _read(page / "source.html.gz"), gold)


def _newspaper4k(data: Path) -> Iterator[Rows]:
    for file in sorted((data / "newspaper4k").glob("*.html.gz")):
        text = file.with_name(file.name.replace(".html.gz", ".txt"))
        if text.exists():
            yield from _rows_from_text(file.name, _read(file), text.read_text())


def _defuddle(data: Path) -> Iterator[Rows]:
    for file in sorted((data / "defuddle").glob("*.html")):
        yield from _rows_from_text(
            file.name, _read(file), _without_markup(file.with_suffix(".expected.md").read_text()), _DEFUDDLE_WEIGHT
        )


def _without_markup(markdown: str) -> str:
    """A Markdown text without its markup: `"*a* [b](c)"` -> `" a  b"`."""
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


def _blocks_with_features(html: bytes) -> tuple[list[Block], BlockFeatures] | None:
    """The blocks of a page and their features; None without any."""
    text = decoded(html)
    parser = LexborHTMLParser(text)
    page = read_page(parser, len(text))
    if not page.blocks:
        return None
    arrays = page_arrays(page)
    return page.blocks, features(page, arrays, page_metadata(parser, page, ""), find_article(page, arrays))


def _rows_from_text(name: str, html: bytes, gold: str, weight: float = 1.0) -> Iterator[Rows]:
    """The rows of a page whose main text is known: a block weighs as much as its share of that text."""
    read = _blocks_with_features(html)
    if read is not None:
        truth, words = _shares_in_gold(read[0], gold)
        yield Rows(name, read[1], truth, weight * (words / max(len(_words(gold)), _MIN_GOLD_WORDS) + _MIN_BLOCK_WEIGHT))


def _rows_from_snippets(name: str, html: bytes, wanted: Sequence[str], unwanted: Sequence[str]) -> Iterator[Rows]:
    """The rows of a page of which only some snippets are known; for other blocks trafilatura decides, with a small weight."""
    read = _blocks_with_features(html)
    if read is None:
        return
    blocks, rows = read
    gold = trafilatura.extract(html, include_comments=False, include_tables=True) or ""
    truth, words = _shares_in_gold(blocks, gold)
    weight = _TRAFILATURA_WEIGHT * words / max(len(_words(gold)), _MIN_GOLD_WORDS) + _MIN_BLOCK_WEIGHT / 2
    for snippet, value in [(snippet, 1.0) for snippet in wanted] + [(snippet, 0.0) for snippet in unwanted]:
        line = " ".join(snippet.split())
        holders = [n for n, block in enumerate(blocks) if len(line) > 3 and line in block.text.replace("\n", " ")]
        main_holders = [n for n in holders if truth[n] >= 0.5] if value and len(holders) > 1 else []
        for n in main_holders or holders:
            truth[n], weight[n] = value, _SNIPPET_WEIGHT if value else _SNIPPET_WEIGHT / len(holders)
    yield Rows(name, rows, truth, weight)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _shares_in_gold(blocks: Sequence[Block], gold: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """For each block, the share of it that is in the gold text, and its number of words.

    Blocks are compared by shingles, each of which counts once; blocks too short for a shingle as a whole.
    """
    gold_words = _words(gold)
    remaining, gold_line = _shingles(gold_words), f" {' '.join(gold_words)} "
    sizes, shares = [], list[float | None]()
    for block in blocks:
        words = _words(block.text)
        sizes.append(len(words))
        if len(words) >= _SHINGLE_WORDS:
            shingles = _shingles(words)
            share = (shingles & remaining).total() / shingles.total()
            remaining -= shingles if share > 0.5 else Counter()
            shares.append(share)
        elif not words or f" {' '.join(words)} " not in gold_line:
            shares.append(0.0)
        else:
            is_certain = len(block.text) >= _DISTINCTIVE_CHARS or len(gold_words) < _SHORT_GOLD_WORDS
            shares.append(1.0 if is_certain else None)
    return np.array([_share(n, shares, sizes) for n in range(len(shares))]), np.array(sizes)


def _shingles(words: Sequence[str]) -> Counter[tuple[str, ...]]:
    """The runs of four words, counted: a, b, c, d, e -> {(a, b, c, d): 1, (b, c, d, e): 1}."""
    return Counter(tuple(words[n : n + _SHINGLE_WORDS]) for n in range(len(words) - _SHINGLE_WORDS + 1))


def _share(number: int, shares: Sequence[float | None], sizes: Sequence[int]) -> float:
    """The share of a block; one that is uncertain (None) is 1 if a longer block at most two away is main content, else 0."""
    share = shares[number]
    if share is not None:
        return share
    neighbours = (number - 2, number - 1, number + 1, number + 2)
    longer = [n for n in neighbours if 0 <= n < len(shares) and sizes[n] >= _SHINGLE_WORDS]
    return float(any((shares[n] or 0) > _MOSTLY for n in longer))
