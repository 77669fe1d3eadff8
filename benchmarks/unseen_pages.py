"""The quality of `extract_html` on pages that its model has not seen: cross-validation over the pages with gold main content.

usage: python -m benchmarks unseen_pages [--shared ../shared]

The pages are in five folds. The pages of each fold are extracted with trees that were grown on the other four, and scored with
the functions of `eval/score_extraction.py`.
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

from benchmarks._gold_pages import FOLDS, fold_of, gold_rows
from benchmarks.grow_page_model import grow_model
from interloom.stages.extract_html import blocks
from interloom.stages.extract_html.page_model import model_from

Blocks = list[dict[str, Any]]


def scorer(shared: Path) -> Any:
    """The module `eval/score_extraction.py`."""
    spec = importlib.util.spec_from_file_location("score_extraction", shared / "eval" / "score_extraction.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class UnseenExtractor:
    """Extracts each page with trees that were grown without the pages of its fold."""

    def __init__(self, data: Path) -> None:
        pages = list(gold_rows(data))
        models = (grow_model([page for page in pages if fold_of(page.name) != fold]) for fold in range(FOLDS))
        self.models = [model_from(model) for model in models]

    def blocks(self, name: str, html: bytes, url: str) -> Blocks:
        return blocks(html, url, self.models[fold_of(name)])


def joined_text(parts: Blocks) -> str:
    return "\n".join(block["text"] for block in parts if block["type"] == "text")


def article_f1(extractor: UnseenExtractor, score: Any, base: Path) -> float:
    """F1 of 4-gram shingles over the pages of the article extraction benchmark, as that benchmark defines it."""
    true_positives = false_positives = false_negatives = 0.0
    for key, gold in json.loads((base / "ground-truth.json").read_text()).items():
        extracted = extractor.blocks(key, score.read(base / "html" / f"{key}.html.gz"), gold.get("url", ""))
        ours, golds = score.shingles(joined_text(extracted)), score.shingles(gold["articleBody"])
        shared = (ours & golds).total()
        total = max((ours | golds).total(), 1)
        true_positives += shared / total
        false_positives += (ours.total() - shared) / total
        false_negatives += (golds.total() - shared) / total
    return 2 * true_positives / (2 * true_positives + false_positives + false_negatives)


def snippet_f1(extractor: UnseenExtractor, score: Any, base: Path) -> float:
    """F1 of wanted and unwanted snippets over the pages of trafilatura's evaluation."""
    extracted = wanted = left_out = unwanted = 0
    for line in (base / "ground-truth.jsonl").read_text().splitlines():
        row = json.loads(line)
        files = [file for file in (base / "html" / row["file"], base / "html" / f"{row['file']}.gz") if file.exists()]
        if not files:
            continue
        text = joined_text(extractor.blocks(row["file"], score.read(files[0]), row.get("url", "")))
        for snippet in row.get("with") or []:
            wanted, extracted = wanted + 1, extracted + (snippet in text)
        for snippet in row.get("without") or []:
            unwanted, left_out = unwanted + 1, left_out + (snippet not in text)
    precision, recall = extracted / (extracted + unwanted - left_out), extracted / wanted
    return 2 * precision * recall / (precision + recall)


def readability_scores(extractor: UnseenExtractor, score: Any, base: Path) -> Iterator[tuple[float, int, int, int, int, int]]:
    """For each page of Readability's tests: F1 of words; right, extracted and wanted images; parts in order, and all."""
    for page in sorted(page for page in base.iterdir() if (page / "gold_sequence.json").exists()):
        if page.name == "keep-tabular-data":
            continue
        parts = json.loads((page / "gold_sequence.json").read_text())
        gold = [part for part in parts if part["type"] == "text" or part.get("in_source", True)]
        for part in gold:
            part["src"] = part.get("url") or part.get("src")
        gold = [part for part in gold if part["type"] == "text" or not (part["src"] or "data:").startswith("data:")]
        extracted = extractor.blocks(page.name, score.read(page / "source.html.gz"), "http://fakehost/test/page.html")
        f1 = score.bag_f1(joined_text(extracted), joined_text(gold))
        ours, golds = (
            Counter(score.image_name(b["src"]) for b in side if b["type"] == "image" and not b["src"].startswith("data:"))
            for side in (extracted, gold)
        )
        in_order, parts_in_all = score.lcs_share(score.sequence(extracted), score.sequence(gold))
        yield f1, (ours & golds).total(), ours.total(), golds.total(), in_order, parts_in_all


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path(__file__).parents[2] / "shared")
    shared = parser.parse_args().shared
    data = shared / "data" / "1_html"
    if not data.exists():
        sys.exit(f"{shared}: no pages with gold main content in data/1_html")
    extractor, score = UnseenExtractor(data), scorer(shared)
    print(f"article extraction benchmark: F1 {article_f1(extractor, score, data / 'article_extraction_benchmark'):.3f}")
    print(f"trafilatura's evaluation: F1 {snippet_f1(extractor, score, data / 'trafilatura_eval'):.3f}")
    f1s, *counts = zip(*readability_scores(extractor, score, data / "mozilla_readability"), strict=True)
    right, extracted, wanted, in_order, parts = map(sum, counts)
    print(f"readability: text F1 {sum(f1s) / len(f1s):.3f}, of {wanted} images", end=" ")
    print(f"precision {right / max(extracted, 1):.3f}, recall {right / wanted:.3f}, in order {in_order / parts:.3f}")


if __name__ == "__main__":
    main()
