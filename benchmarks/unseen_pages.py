"""What to expect of `extract_html` on pages it has not learned from: cross-validation over the pages with gold main content.

usage: python -m benchmarks unseen_pages [--shared ../shared]

The pages fall into five parts; the pages of each are extracted with trees grown on the other four, and scored with the functions
of `eval/score_extraction.py`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks._gold_pages import FOLDS, fold_of, gold_rows
from benchmarks.grow_page_trees import grown
from interloom.stages.extract_html import blocks, classifier

Blocks = list[dict[str, Any]]


def scorer(shared: Path) -> Any:
    spec = importlib.util.spec_from_file_location("score_extraction", shared / "eval" / "score_extraction.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Unseen:
    """Extracts a page with the trees that were grown without its part."""

    def __init__(self, data: Path) -> None:
        pages = list(gold_rows(data))
        self.trees = [classifier.trees_of(grown([page for page in pages if fold_of(page.name) != fold])) for fold in range(FOLDS)]

    def blocks(self, name: str, html: bytes, url: str) -> Blocks:
        with patch.object(classifier, "trees", lambda: self.trees[fold_of(name)]):
            return blocks(html, url)


def texts(found: Blocks) -> str:
    return "\n".join(block["text"] for block in found if block["type"] == "text")


def whole_texts(unseen: Unseen, score: Any, base: Path) -> float:
    """F1 of 4-gram shingles over the pages of the article extraction benchmark, as that defines it."""
    right = wrong = missed = 0.0
    for key, gold in json.loads((base / "ground-truth.json").read_text()).items():
        found = unseen.blocks(key, score.read(base / "html" / f"{key}.html.gz"), gold.get("url", ""))
        a, b = score.shingles(texts(found)), score.shingles(gold["articleBody"])
        both = (a & b).total()
        total = max((a | b).total(), 1)
        right, wrong, missed = right + both / total, wrong + (a.total() - both) / total, missed + (b.total() - both) / total
    return 2 * right / (2 * right + wrong + missed)


def snippets(unseen: Unseen, score: Any, base: Path) -> float:
    """F1 of wanted and unwanted snippets over the pages of trafilatura's evaluation."""
    found = wanted = kept_out = unwanted = 0
    for line in (base / "ground-truth.jsonl").read_text().splitlines():
        row = json.loads(line)
        files = [file for file in (base / "html" / row["file"], base / "html" / f"{row['file']}.gz") if file.exists()]
        text = texts(unseen.blocks(row["file"], score.read(files[0]), row.get("url", ""))) if files else ""
        for snippet in (row.get("with") or []) if files else ():
            wanted, found = wanted + 1, found + (snippet in text)
        for snippet in (row.get("without") or []) if files else ():
            unwanted, kept_out = unwanted + 1, kept_out + (snippet not in text)
    precision, recall = found / (found + unwanted - kept_out), found / wanted
    return 2 * precision * recall / (precision + recall)


def sequences(unseen: Unseen, score: Any, base: Path) -> Iterator[tuple[float, int, int, int, int, int]]:
    """For each of Readability's pages: F1 of its words; pictures right, found, wanted; in place, of how many."""
    for page in sorted(page for page in base.iterdir() if (page / "gold_sequence.json").exists()):
        if page.name == "keep-tabular-data":
            continue
        parts = json.loads((page / "gold_sequence.json").read_text())
        gold = [part for part in parts if part["type"] == "text" or part.get("in_source", True)]
        for part in gold:
            part["src"] = part.get("url") or part.get("src")
        gold = [part for part in gold if part["type"] == "text" or not (part["src"] or "data:").startswith("data:")]
        found = unseen.blocks(page.name, score.read(page / "source.html.gz"), "http://fakehost/test/page.html")
        f1 = score.bag_f1(texts(found), texts(gold))
        a, b = (
            Counter(score.image_name(p["src"]) for p in some if p["type"] == "image" and not p["src"].startswith("data:"))
            for some in (found, gold)
        )
        placed, placeable = score.lcs_share(score.sequence(found), score.sequence(gold))
        yield f1, (a & b).total(), a.total(), b.total(), placed, placeable


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path(__file__).parents[2] / "shared")
    shared = parser.parse_args().shared
    data = shared / "data" / "1_html"
    if not data.exists():
        sys.exit(f"{shared}: no pages with gold main content there")
    unseen, score = Unseen(data), scorer(shared)
    print(f"article extraction benchmark: F1 {whole_texts(unseen, score, data / 'article_extraction_benchmark'):.3f}")
    print(f"trafilatura's evaluation: F1 {snippets(unseen, score, data / 'trafilatura_eval'):.3f}")
    f1s, *counts = zip(*sequences(unseen, score, data / "mozilla_readability"), strict=True)
    right, found, wanted, placed, placeable = map(sum, counts)
    print(f"readability: text F1 {sum(f1s) / len(f1s):.3f}, of {wanted} pictures", end=" ")
    print(f"precision {right / max(found, 1):.3f}, recall {right / wanted:.3f}, in place {placed / placeable:.3f}")


if __name__ == "__main__":
    main()
