"""Compares page extractors in one run: ours, trafilatura and resiliparse; quality, and pages per second on one core.

usage: python -m benchmarks extract_html [--shared ../shared]

`eval/score_extraction.py` scores each extractor on the pages with gold main content under `data/1_html`. Two thirds of these
pages are training data of ours (`benchmarks/grow_page_model.py`); for unseen pages see `benchmarks/unseen_pages.py`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

Blocks = Iterator[dict[str, str]]
_EXTRACTORS = {
    "ours": "stages.extract_html:blocks",
    "trafilatura, images on": "benchmarks.extract_html:by_trafilatura",
    "trafilatura, text only": "benchmarks.extract_html:by_trafilatura_text",
    "resiliparse main content": "benchmarks.extract_html:by_resiliparse",
}


def by_trafilatura(html: bytes, url: str) -> Blocks:
    """trafilatura's Markdown, split at its images."""
    import re

    import trafilatura

    text = trafilatura.extract(html, url=url or None, include_images=True, include_comments=False, output_format="markdown") or ""
    for part in re.split(r"(!\[[^\]]*\]\([^)]*\))", text):
        image = re.fullmatch(r"!\[[^\]]*\]\(\s*(\S*?)(?:\s[^)]*)?\)", part)
        yield {"type": "image", "src": image[1]} if image else {"type": "text", "text": part}


def by_trafilatura_text(html: bytes, url: str) -> Blocks:
    import trafilatura

    yield {"type": "text", "text": trafilatura.extract(html, url=url or None, include_comments=False) or ""}


def by_resiliparse(html: bytes, url: str) -> Blocks:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    text = extract_plain_text(bytes_to_str(html, detect_encoding(html) or "utf-8"), main_content=True, alt_texts=False)
    yield {"type": "text", "text": text}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path(__file__).parents[2] / "shared")
    shared = parser.parse_args().shared
    if not (shared / "data" / "1_html").exists():
        sys.exit(f"{shared}: no pages with gold main content in data/1_html")
    print(f"{'':26}   AEB  trafilatura_eval  readability  image precision  recall  in place  pages/s")
    for name, extractor in _EXTRACTORS.items():
        command = [
            sys.executable,
            str(shared / "eval" / "score_extraction.py"),
            extractor,
            str(shared / "data" / "1_html"),
            "--json",
        ]
        done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
        print(_line(name, json.loads(done.stdout)), flush=True)


def _line(name: str, report: dict[str, dict[str, float]]) -> str:
    """A row of the table: F1 of text on three sets, images of Readability's pages, pages per second."""
    moz = report["mozilla_readability"]
    scores = [report[part]["f1"] for part in ("article_extraction_benchmark", "trafilatura_eval")] + [moz["text_f1"]]
    text = f"{scores[0]:.3f}  {scores[1]:16.3f}  {scores[2]:11.3f}"
    images = f"{moz['image_precision']:15.3f}  {moz['image_recall']:6.3f}  {moz['images_in_place']:8.3f}"
    return f"{name:26} {text}  {images}  {report['pages_per_s']:7.1f}"


if __name__ == "__main__":
    main()
