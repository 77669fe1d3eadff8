"""The recipes of MMC4, LAION and DataComp run on made pages of shapes, and on real ones, with the demo's tiny CLIP."""

from __future__ import annotations

import io
import json
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import textbook

from interloom.jobs import _plan
from interloom.jobs.demo import shapes
from interloom.jobs.demo.run import finished_documents
from interloom.jobs.demo.warc_writer import Capture, write_warc
from interloom.pipeline.execution.driver import execute, summary
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.planning.plan import Plan, make_plan
from interloom.pipeline.planning.recipe import read_recipe
from interloom.pipeline.store import run_reader
from interloom.schemas.document import Document, Image, Source, Text
from interloom.schemas.media_table import to_media_table

JOBS = Path(_plan.__file__).parent
RECIPES = ["mmc4.yaml", "laion_pairs.yaml", "datacomp.yaml"]
SHAPES = str(JOBS / "demo" / "assets" / "shapes_clip")
DATE = "2024-01-01T00:00:00Z"
PAGES, IMAGES = 12, 3
PROSE = [
    "The harbour wakes before the town does, and the boats come in with what the night has given them.",
    "Most visitors walk along the quay in the morning and look at the nets that dry in the sun.",
    "In the evening the children of the street play football behind the old market hall.",
    "The museum was opened in the year 1932 by a teacher who had collected maps all her life.",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRAWL", str(tmp_path / "crawl.warc.gz"))
    monkeypatch.setenv("RUN", str(tmp_path / "run"))
    monkeypatch.setenv("REFERENCES", str(tmp_path / "references-*.parquet"))
    monkeypatch.setenv("REFERENCE_PATHS", "imagenet/*")
    return tmp_path


def write_references(folder: Path, pictures: Sequence[bytes]) -> None:
    """A document for each of these pictures, which DataComp's pairs are to be like."""
    came_from = Source(path="imagenet/0.tar")
    images = [Image(position=0, data=data, format="png") for data in pictures]
    docs = [Document(id=f"reference-{n}", source=came_from, elements=(image,)) for n, image in enumerate(images)]
    pq.write_table(to_media_table(docs), folder / "references-0.parquet")


def planned(name: str, values: Mapping[str, Mapping[str, Any]] | None = None) -> Plan:
    """The recipe with the tiny model, and with these values of parameters, by step."""
    steps = read_recipe(str(JOBS / name))[1].steps
    small = {n: {"model": SHAPES, "pretrained": "null"} for n, step in enumerate(steps) if "model" in step.with_}
    for n, step in enumerate(steps):
        small[n] = {**small.get(n, {}), **(values or {}).get(step.id or step.use, {})}
    changes = [f"steps.{n}.with.{key}={value}" for n, changed in small.items() for key, value in changed.items()]
    return make_plan(*read_recipe(str(JOBS / name), changes))


def picture(chance: random.Random) -> tuple[bytes, str]:
    """A picture of shapes, and what it shows, in the words that the tiny model has learned."""
    drawn, caption = shapes.draw(chance, (260, 240))
    file = io.BytesIO()
    drawn.save(file, "PNG", compress_level=0)
    return file.getvalue(), caption


def made_pages() -> tuple[list[Capture], dict[str, str]]:
    """Pages with all images at their end, each with an alt text, and in the text a sentence about each, in another order; and
    what the image of each URL shows. The alt texts of the last page are exchanged."""
    chance, captures, shown = random.Random(5), list[Capture](), dict[str, str]()
    for page in range(PAGES):
        urls = [f"https://shapes.example/{page}-{n}.png" for n in range(IMAGES)]
        for url in urls:
            data, shown[url] = picture(chance)
            captures.append(Capture(url, DATE, "image/png", data))
        sentences = [f"{shown[url].capitalize()}." for url in urls] + [f"{text} {page}." for text in PROSE]
        chance.shuffle(sentences)
        alts = [shown[url] for url in urls]
        alts = [*alts[1:], alts[0]] if page == PAGES - 1 else alts
        body = f"<h1>Page number {page} of many.</h1><p>{' '.join(sentences[:4])}</p><p>{' '.join(sentences[4:])}</p>"
        body += "".join(f'<p><img src="{url}" alt="{alt}"></p>' for url, alt in zip(urls, alts, strict=True))
        html = f"<html><title>Shapes</title><body><article>{body}</article></body></html>"
        captures.append(Capture(f"https://shapes.example/{page}", DATE, "text/html", html.encode()))
    return captures, shown


def written(folder: Path, sink: str) -> list[Document]:
    return finished_documents(str(folder / "run" / sink))


def after_each_image(doc: Document) -> Iterator[tuple[Image, str]]:
    """Each image, and the running text that follows it."""
    for index, element in enumerate(doc.elements):
        if isinstance(element, Image):
            rest = doc.elements[index:]
            yield element, next((e.text for e in rest if isinstance(e, Text) and e.of is None), "")


@pytest.mark.parametrize("name", RECIPES)
def test_the_recipe_can_be_planned(name: str, folder: Path) -> None:
    pytest.importorskip("open_clip")
    (folder / "crawl.warc.gz").write_bytes(write_warc([]))
    write_references(folder, [b"a picture"])
    assert planned(name).steps[0].use == "stages.read_warc"


@pytest.mark.parametrize("name", RECIPES)
def test_each_line_with_values_says_whether_they_are_published(name: str) -> None:
    lines = (JOBS / name).read_text().splitlines()
    with_values = [line for line in lines if "with:" in line and not any(word in line for word in ("paths:", "to:"))]
    assert with_values
    assert [line for line in with_values if "published" not in line and "# drops pairs" not in line] == []


def run(name: str, folder: Path, captures: Sequence[Capture], values: Mapping[str, Mapping[str, Any]] | None = None) -> Any:
    """Runs the recipe on these pages and images; the books of each step."""
    (folder / "crawl.warc.gz").write_bytes(write_warc(list(captures)))
    return summary(execute(planned(name, values), LocalRunner()))


def pairs(folder: Path) -> list[dict[str, Any]]:
    return [row for shard in (folder / "run" / "records" / "data").glob("*.parquet") for row in pq.read_table(shard).to_pylist()]


@pytest.mark.slow
def test_mmc4_puts_images_before_the_sentences_that_say_what_they_show(folder: Path) -> None:
    captures, shown = made_pages()
    run("mmc4.yaml", folder, captures)
    whole, core = ({doc.id: doc for doc in written(folder, sink)} for sink in ("mmc4", "core"))
    placed = [pair for doc in whole.values() for pair in after_each_image(doc)]
    right = [text.startswith(f"{shown[image.url].capitalize()}.") for image, text in placed]
    assert len(placed) >= 0.9 * PAGES * IMAGES
    assert sum(right) / len(right) >= 0.9
    assert len(core) == PAGES
    assert {id_: doc.elements for id_, doc in core.items()}.items() <= {id_: doc.elements for id_, doc in whole.items()}.items()


@pytest.mark.slow
def test_laion_keeps_pairs_whose_alt_text_says_what_the_image_shows(folder: Path) -> None:
    captures, shown = made_pages()
    run("laion_pairs.yaml", folder, captures)
    found = [(row["url"], row["caption"]) for row in pairs(folder)]
    exchanged = {url for url in shown if url.startswith(f"https://shapes.example/{PAGES - 1}-")}
    assert {url for url, _ in found} == shown.keys() - exchanged
    assert dict(found).items() <= shown.items()


@pytest.mark.slow
def test_datacomp_keeps_those_of_the_most_similar_pairs_that_are_like_references(folder: Path) -> None:
    captures, _ = made_pages()
    pictures = {capture.url: capture.body for capture in captures if capture.content_type == "image/png"}
    shown_again = [8, 9]  # pages whose first image is a reference
    write_references(folder, [pictures[f"https://shapes.example/{page}-0.png"] for page in shown_again])
    books = run("datacomp.yaml", folder, captures, {"stages.cluster_embeddings": {"clusters": 8, "per_cluster": 2}})
    tables = pa.concat_tables(run_reader.scores(str(folder / "run"))).to_pylist()
    clip = {row["id"]: row["value"] for row in tables if row["name"] == "clip" and row["position"] is None}
    assert books["select_top"].documents.into == len(clip) == PAGES * IMAGES
    most_similar = sorted(clip, key=lambda id_: clip[id_])[-math.ceil(0.3 * PAGES * IMAGES) :]
    kept = {row["id"]: row["url"] for row in pairs(folder)}
    assert {f"https://shapes.example/{page}-0.png" for page in shown_again} <= set(kept.values())
    assert kept.keys() < set(most_similar)


@pytest.mark.slow
@pytest.mark.shared_data("8_interleaved", twin="test_mmc4_puts_images_before_the_sentences_that_say_what_they_show")
def test_mmc4_loses_no_text_of_real_pages_and_says_where_each_sentence_is(folder: Path, shared_data: Path) -> None:
    run("mmc4.yaml", folder, textbook.captures(shared_data, ["m00002", "m00003"]), {"stages.place_images": {"at_least": "null"}})
    docs = written(folder, "mmc4")
    assert sum(len(doc.images) for doc in docs) > 4
    for doc in docs:
        text_at = {text.position: text.text for text in doc.texts}
        sentences = [text_at[position][start:end] for position, start, end in json.loads(doc.labels["sentences"])]
        assert len(sentences) == doc.scores["sentences"]
        assert "".join("".join(sentences).split()) == "".join(doc.text.split())
        for image, text in after_each_image(doc):
            assert text.startswith(sentences[int(image.scores["matched_text"])])


@pytest.mark.slow
@pytest.mark.shared_data("8_interleaved", twin="test_laion_keeps_pairs_whose_alt_text_says_what_the_image_shows")
@pytest.mark.parametrize("name", ["laion_pairs.yaml", "datacomp.yaml"])
def test_pairs_of_real_pages_are_images_with_their_alt_texts(name: str, folder: Path, shared_data: Path) -> None:
    captures = textbook.captures(shared_data, ["m00002"])
    write_references(folder, [capture.body for capture in captures if capture.content_type == "image/jpeg"])
    few = {"stages.cluster_embeddings": {"clusters": 2, "per_cluster": 2}}
    run(name, folder, captures, {"filters.score": {"at_least": -1, "by_language": "{}"}, **few})
    described = re.findall(r'src="../([^"]+)" alt="([^"]*)"', captures[0].body.decode())
    alts = {f"https://book.example/{source}": unescape(alt) for source, alt in described}
    found = {row["url"]: row["caption"] for row in pairs(folder)}
    assert found and found.items() <= alts.items()
