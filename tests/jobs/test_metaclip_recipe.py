"""The recipe of MetaCLIP runs on made pages with a list of 200 entries."""

from __future__ import annotations

import io
import random
import re
from collections import Counter
from html import unescape
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import textbook
from PIL import Image as Picture

from interloom.jobs import _plan
from interloom.jobs.demo.warc_writer import Capture, write_warc
from interloom.pipeline.execution.driver import execute, summary
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.planning.plan import Plan, make_plan
from interloom.pipeline.planning.recipe import read_recipe
from interloom.pipeline.store import run_reader

RECIPE = Path(_plan.__file__).parent / "metaclip.yaml"
DATE = "2024-01-01T00:00:00Z"
COLOURS = ["red", "green", "blue", "white", "black", "brown", "grey", "pink", "golden", "silver"]
THINGS = ["harbour", "bridge", "tower", "garden", "market", "museum", "station", "church", "castle", "island"]
THINGS += ["mountain", "river", "forest", "village", "street", "house", "lighthouse", "windmill", "library"]
ENTRIES = [f"{colour} {thing}" for colour in COLOURS for thing in THINGS] + COLOURS
PROSE = "The photographs of this page show places that our readers have seen on their travels, with the light of the day. " * 4
SEEN, NOTHING = ", seen from the north side of the town", "the people that we met"
PAGES, IMAGES, T = 20, 8, 12


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    names = {"CRAWL": "crawl.warc.gz", "ENTRIES": "entries.txt", "RUN": "run"}
    for name, file in names.items():
        monkeypatch.setenv(name, str(tmp_path / file))
    (tmp_path / "entries.txt").write_text("\n".join(ENTRIES))
    return tmp_path


def planned(**values: Any) -> Plan:
    steps = read_recipe(str(RECIPE))[1].steps
    [number] = [n for n, step in enumerate(steps) if step.use == "stages.balance_entries"]
    return make_plan(*read_recipe(str(RECIPE), [f"steps.{number}.with.{name}={value}" for name, value in values.items()]))


def made_pages() -> tuple[list[Capture], list[str]]:
    """Pages with images, and their alt texts: half of them show a red harbour, a tenth nothing that is an entry."""
    chance, captures, alts = random.Random(5), list[Capture](), list[str]()
    for page in range(PAGES):
        body = ""
        for n in range(IMAGES):
            url, number = f"https://travel.example/{page}-{n}.png", page * IMAGES + n
            place = "red harbour" if number % 2 else f"{chance.choice(COLOURS)} {chance.choice(THINGS)}"
            alts.append(f"a photo of the {place}{SEEN}" if number % 10 else NOTHING)
            captures.append(Capture(url, DATE, "image/png", picture(number)))
            body += f'<p>{PROSE}</p><p><img src="{url}" alt="{alts[-1]}" width="300" height="300"></p>'
        html = f"<html><title>Travel</title><body><article><h1>Page {page}</h1>{body}</article></body></html>"
        captures.append(Capture(f"https://travel.example/{page}", DATE, "text/html", html.encode()))
    return captures, alts


def picture(number: int) -> bytes:
    file = io.BytesIO()
    Picture.new("RGB", (300, 300), (number, 255 - number, 90)).save(file, "PNG")
    return file.getvalue()


def test_the_recipe_can_be_planned(folder: Path) -> None:
    (folder / "crawl.warc.gz").write_bytes(write_warc([]))
    plan = planned()
    assert [step.use for step in plan.steps if step.shape == "sink"] == ["stages.write_webdataset", "stages.write_parquet"]


def test_each_line_with_values_says_whether_they_are_published() -> None:
    lines = RECIPE.read_text().splitlines()
    with_values = [line for line in lines if "with:" in line and not any(word in line for word in ("paths:", "to:"))]
    assert with_values
    assert [line for line in with_values if "published" not in line and "# drops pairs" not in line] == []


@pytest.mark.slow
def test_what_is_frequent_is_kept_about_t_times_and_what_is_rare_always(folder: Path) -> None:
    captures, alts = made_pages()
    (folder / "crawl.warc.gz").write_bytes(write_warc(captures))
    books = summary(execute(planned(t=T), LocalRunner()))
    assert len(ENTRIES) == 200
    assert books["balance_entries"].documents.into == PAGES * IMAGES
    tables = [pq.read_table(shard) for shard in (folder / "run" / "records" / "data").glob("*.parquet")]
    found = Counter(row["caption"] for table in tables for row in table.to_pylist())
    before, frequent = Counter(alts), f"a photo of the red harbour{SEEN}"
    assert before[frequent] == PAGES * IMAGES // 2
    assert 2 <= found[frequent] <= 3 * T  # red harbour and red have t each, together at most twice t in expectation
    assert found[NOTHING] == 0
    rare = {alt for alt, count in before.items() if count <= T and alt != NOTHING}
    assert {alt: found[alt] for alt in rare} == {alt: before[alt] for alt in rare}
    reasons = Counter(row["reason"] for row in run_reader.decisions(str(folder / "run")))
    assert reasons["no_entry"] == before[NOTHING]
    assert (folder / "run" / "reports" / "balance_entries.entries.parquet").is_file()


@pytest.mark.slow
@pytest.mark.shared_data("8_interleaved", twin="test_what_is_frequent_is_kept_about_t_times_and_what_is_rare_always")
def test_of_pairs_of_real_pages_those_with_rare_entries_are_kept(folder: Path, shared_data: Path) -> None:
    captures = textbook.captures(shared_data, ["m00002", "m00003"])
    pages = " ".join(capture.body.decode() for capture in captures if capture.content_type == "text/html")
    words = Counter(re.findall(r"[a-z]{4,}", pages.lower())).most_common(200)
    (folder / "entries.txt").write_text("\n".join(word for word, _ in words))
    (folder / "crawl.warc.gz").write_bytes(write_warc(captures))
    execute(planned(t=1), LocalRunner())
    assert len(words) == 200
    tables = [pq.read_table(shard) for shard in (folder / "run" / "records" / "data").glob("*.parquet")]
    kept = {row["url"]: row["caption"] for table in tables for row in table.to_pylist()}
    described = re.findall(r'src="../([^"]+)" alt="([^"]*)"', pages)
    alts = {f"https://book.example/{source}": " ".join(unescape(alt).split()) for source, alt in described}
    counts = Counter(word for alt in alts.values() for word, _ in words if word in alt.lower())
    rare = {url for url, alt in alts.items() if any(counts[word] == 1 for word, _ in words if word in alt.lower())}
    assert kept.items() <= alts.items()
    assert rare and rare <= kept.keys()
    reasons = {row["reason"] for row in run_reader.decisions(str(folder / "run")) if row["step"] == "balance_entries"}
    assert reasons <= {"no_entry", "not_drawn"}
