"""The recipe of RealSyn runs on made documents of shapes, with the demo's tiny CLIP and a tiny language model."""

from __future__ import annotations

import base64
import io
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import textbook
import tiny_language_model

from interloom.jobs import _plan
from interloom.jobs.demo import shapes
from interloom.jobs.demo.run import finished_documents
from interloom.pipeline.execution.driver import execute, summary
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.planning.plan import Plan, make_plan
from interloom.pipeline.planning.recipe import read_recipe
from interloom.schemas.document import Document, Text

JOBS = Path(_plan.__file__).parent
RECIPE = str(JOBS / "realsyn.yaml")
CLIP = str(JOBS / "demo" / "assets" / "shapes_clip")
DOCUMENTS, CAP = 40, 6
PROSE = "Visitors of the show write what they have seen there in the morning."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCUMENTS", str(tmp_path / "documents.parquet"))
    monkeypatch.setenv("RUN", str(tmp_path / "run"))
    return tmp_path


def planned(language_model: str, **values: Any) -> Plan:
    """The recipe with the tiny models, and with these values of parameters, by step."""
    changes = []
    for n, step in enumerate(read_recipe(RECIPE)[1].steps):
        small: dict[str, Any] = dict(values.get(step.id or "", {}))
        if "pretrained" in step.with_:
            small |= {"model": CLIP, "pretrained": "null"}
        elif "model" in step.with_:
            small["model"] = language_model
        changes += [f"steps.{n}.with.{key}={value}" for key, value in small.items()]
    return make_plan(*read_recipe(RECIPE, changes))


def rows() -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows as OBELICS has them: a document with a picture, and sentences that say what the picture of another one shows; the
    last two documents have the picture and the sentences of the first. Also what each picture shows, by document."""
    chance = random.Random(7)
    drawn = [shapes.draw(chance, (120, 110)) for _ in range(DOCUMENTS)]
    shown = [caption for _, caption in drawn]
    made = []
    for n in range(DOCUMENTS):
        other = shown[(n + 1) % DOCUMENTS]
        text = f"{PROSE[:-1]} on day {n}. {other.capitalize()}. See https://shapes.example/{n}. Here 😀 it is so nice."
        made.append(row(n, drawn[n][0], text))
    repeats = [{**made[0], "general_metadata": json.dumps({"url": f"https://shapes.example/again-{n}"})} for n in range(2)]
    return [*made, *repeats], {f"https://shapes.example/{n}": caption for n, caption in enumerate(shown)}


def row(number: int, picture: Any, text: str) -> dict[str, Any]:
    file = io.BytesIO()
    picture.save(file, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    about = json.dumps({"url": f"https://shapes.example/{number}"})
    return {"texts": [None, text], "images": [url, None], "metadata": json.dumps([{}, None]), "general_metadata": about}


def test_each_line_with_values_says_whether_they_are_published() -> None:
    lines = Path(RECIPE).read_text().splitlines()
    with_values = [line for line in lines if "with:" in line and "paths:" not in line and "to:" not in line]
    assert with_values
    assert [line for line in with_values if "published" not in line] == []


@pytest.mark.slow
def test_each_image_gets_the_sentences_of_other_documents_that_say_what_it_shows(folder: Path) -> None:
    made, shown = rows()
    pq.write_table(pa.Table.from_pylist(made), folder / "documents.parquet")
    model = tiny_language_model.make(folder / "model")
    lists = {"clusters": 8, "per_cluster": 100}
    values = {"image_clusters": lists, "sentence_clusters": lists, "concepts": lists}
    plan = planned(model, perplexity={"at_least": 0, "at_most": 1e9}, balance_clusters={"cap": CAP}, **values)
    books = summary(execute(plan, LocalRunner()))
    assert {"has_url", "has_emoji"} <= {*books["text_symbols"].texts.dropped}
    assert books["dedup_image"].images.dropped == {"seen_too_often": 2}
    finished = finished_documents(str(folder / "run" / "realsyn"))
    assert 0 < sum(len(doc.images) for doc in finished) <= 8 * CAP
    first = [(shown[doc.source.url], texts[0]) for doc in finished if (texts := retrieved(doc))]
    assert len(first) > 10
    right = [text == f"{caption.capitalize()}." for caption, text in first]
    assert sum(right) / len(right) >= 0.8
    assert all(len(retrieved(doc)) == 3 for doc in finished if doc.images)


@pytest.mark.slow
@pytest.mark.shared_data("8_interleaved", twin="test_each_image_gets_the_sentences_of_other_documents_that_say_what_it_shows")
def test_each_image_of_real_documents_gets_three_different_sentences_of_other_documents(folder: Path, shared_data: Path) -> None:
    names = ["m00002", "m00003", "m00010"]
    pq.write_table(pa.Table.from_pylist(textbook.obelics_rows(shared_data, names)), folder / "documents.parquet")
    lists = {"clusters": 4, "per_cluster": 100}
    values = {"image_clusters": lists, "sentence_clusters": lists, "concepts": lists}
    model = tiny_language_model.make(folder / "model")
    execute(planned(model, entropy={"at_least": 0}, perplexity={"at_least": 0, "at_most": 1e9}, **values), LocalRunner())
    finished = finished_documents(str(folder / "run" / "realsyn"))
    written = {doc.source.url: {text.text for text in doc.texts if text.origin == "body"} for doc in finished}
    found = [(doc.source.url, retrieved(doc)) for doc in finished if doc.images]
    assert len(found) == len(names)
    for url, texts in found:
        others = set().union(*(own for other, own in written.items() if other != url))
        assert texts and set(texts) <= others


def retrieved(doc: Document) -> list[str]:
    """The texts that were retrieved for the document's image, the nearest first."""
    images = {image.position for image in doc.images}
    assert all(text.of in images for text in doc.texts if text.origin == "retrieved")
    return [text.text for text in doc.texts if isinstance(text, Text) and text.origin == "retrieved"]
