"""Laws for all plug-ins, present and future: pure, the same alone or in a batch and in any order, the books balance.

A plug-in that cannot be built without parameters needs an entry in EXAMPLES; everything else is covered by being there.
"""

from __future__ import annotations

import atexit
import base64
import bz2
import gzip
import hashlib
import io
import itertools
import json
import lzma
import os
import pickle
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import typing
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import global_steps
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny_language_model
import tiny_sentence_model
from PIL import Image as Picture
from pydantic import ValidationError

from interloom.jobs.demo import warc_writer
from interloom.pipeline import contents
from interloom.pipeline.contents import Content, Need, labels, scores
from interloom.pipeline.errors import FatalError
from interloom.pipeline.exchange_rows import with_nodes
from interloom.pipeline.execution.driver import summary
from interloom.pipeline.execution.source import read_source
from interloom.pipeline.execution.step import Record, attempt, process_of, run_step
from interloom.pipeline.planning import plugins
from interloom.pipeline.planning.plan import PlannedStep
from interloom.pipeline.stage import Split
from interloom.schemas.document import Clip, Document, Image, Source, Text
from interloom.schemas.media_table import from_media_table, to_media_table
from interloom.schemas.outcome import Dropped, Outcome, Quarantined, Side
from interloom.schemas.rows import side_tables
from interloom.stages.read_video.sidecars import LABEL_OF_KEY, SCORE_KEYS
from interloom.stages.write_webdataset import WriteWebdataset

ROOT = Path(__file__).parents[1]
CLIP = ROOT / "jobs" / "demo" / "assets" / "shapes_clip"
FEW_LISTS: Mapping[str, int] = {"lists": 3, "probes": 2, "count": 2, "per_cluster": 2, "iterations": 1}
EXAMPLES: Mapping[str, Callable[[Path], dict[str, Any]]] = {
    "stages.balance_clusters": lambda folder: {"cap": 3},
    "stages.write_documents": lambda folder: {"format": "nemo_curator"},
    "stages.balance_entries": lambda folder: {"entries": _entries(folder), "on": "document", "t": 2, "seed": 2},
    "filters.score_range": lambda folder: {"of": "quality", "low": 0.2, "high": 0.8, "on": "document"},
    "filters.score": lambda folder: {"of": "quality", "at_least": 0.5, "on": "document"},
    "filters.score_share": lambda folder: {"of": "asr_compression", "above": 0.5, "on": "text"},
    "filters.word_blocklist": lambda folder: {"words": ["buy now"]},
    "stages.mix": lambda folder: {"by": "language", "temperature": 2.0},
    "stages.cluster_embeddings": lambda folder: {"clusters": 3, "per_cluster": 2, "iterations": 1},
    "stages.dedup_semantic": lambda folder: {"eps": 0.2},
    "stages.embed_images": lambda folder: {"model": str(CLIP), "device": "cpu"},
    "stages.embed_texts": lambda folder: {"model": _sentence_model(), "device": "cpu"},
    "stages.near_reference": lambda folder: {"references": ["pages/0.html"]},
    "stages.read_documents": lambda folder: {"paths": [*_lines(folder), *_tables(folder)]},
    "stages.read_html": lambda folder: {"paths": _pages(folder)},
    "stages.read_images": lambda folder: {"paths": _pictures(folder)},
    "stages.read_video": lambda folder: {"paths": _films(folder)},
    "stages.read_warc": lambda folder: {"paths": _warc(folder)},
    "stages.read_webdataset": lambda folder: {"paths": _samples(folder)},
    "stages.retrieve_texts": lambda folder: {"of": "sentence", "among": "image", **FEW_LISTS},
    "stages.score_aesthetic": lambda folder: {"model": str(CLIP), "head": _head(folder), "device": "cpu"},
    "stages.score_clip": lambda folder: {"model": str(CLIP), "device": "cpu"},
    "stages.score_perplexity": lambda folder: {"model": _language_model(), "device": "cpu"},
    "stages.select_top": lambda folder: {"of": "random", "at_most": 2, "by": "domain"},
    "stages.shift_captions": lambda folder: {"model": str(CLIP), "device": "cpu"},
}
NEED_A_MODEL = {
    "stages.embed_images",
    "stages.embed_texts",
    "stages.score_aesthetic",
    "stages.score_clip",
    "stages.score_perplexity",
    "stages.shift_captions",
}
"""Torch is imported for them."""
SLOW = {*NEED_A_MODEL, "stages.extract_screen_text"}
READS_IN_CHILDREN = {"stages.read_video"}
"""A child process is started for each file."""
HOLDS: Mapping[str, int] = {
    "stages.read_documents": 97,
    "stages.read_html": 24,
    "stages.read_images": 7,
    "stages.read_video": 5,
    "stages.read_warc": 65,
    "stages.read_webdataset": 21,
}
"""How many records there are in a source's example, besides those that it sets aside."""


def uses(*shapes: str) -> list[Any]:
    """The plug-ins of these shapes, those with a model marked as slow."""
    found = [use for use in plugins.available() if plugins.find(use).shape in shapes]
    return [pytest.param(use, marks=pytest.mark.slow) if use in SLOW else use for use in found]


def _language_model() -> str:
    folder = kept() / "language-model"
    return str(folder) if folder.exists() else tiny_language_model.make(folder)


def _entries(folder: Path) -> dict[str, str]:
    """Two lists of entries, one for German."""
    (folder / "entries.txt").write_text("HARBOUR\nharbour\nbuy now\nboat at dawn\n")
    (folder / "entries.de.txt").write_text("Hafen\nOne\nharbour\n")
    return {"other": str(folder / "entries.txt"), "de": str(folder / "entries.de.txt")}


def _lines(folder: Path) -> list[str]:
    """The same rows in three files, a broken one among them; a few in an array and in CSV."""
    rows: list[dict[str, Any]] = [{"text": f"Line {n} of many.", "url": f"https://x/{n}"} for n in range(20)]
    lines = "".join(json.dumps(row) + "\n" for row in [*rows, {"nothing": 1}]).encode()
    packed = {"": lines, ".gz": gzip.compress(lines, mtime=0), ".zst": pa.compress(lines, codec="zstd", asbytes=True)}
    for packing, content in packed.items():
        (folder / f"in.jsonl{packing}").write_bytes(content)
    (folder / "in.json.gz").write_bytes(gzip.compress(json.dumps(rows[:5]).encode(), mtime=0))
    table = "text,url,likes\n" + "".join(f"Row {n},https://x/{n},{n}\n" for n in range(5))
    (folder / "in.csv.gz").write_bytes(gzip.compress(table.encode(), mtime=0))
    return [str(folder / name) for name in (*(f"in.jsonl{packing}" for packing in packed), "in.json.gz", "in.csv.gz")]


def _tables(folder: Path) -> list[str]:
    """Parquet: our own with media, rows of OBELICS and of MMC4, and plain text with columns that nobody reads."""
    picture = Image(position=1, url="https://x/1.png", data=png(), format="png", width=40, height=30).with_score("clip", 0.3)
    parts = (Text(position=0, text=SENTENCE), picture, Text(position=2, text="A boat.", role="caption", of=1))
    own = [replace(page(f"doc-{n % 5}", *parts), labels={"title": "Harbour"}, scores={"quality": 0.5}) for n in range(6)]
    detail = json.dumps([None, {"original_width": 40, "alt_text": "a boat"}])
    about = json.dumps({"url": "https://x/", "warc_filename": "a.warc", "warc_record_offset": 7})
    obelics = {"texts": [SENTENCE, None], "images": [None, "https://x/1.png"], "metadata": detail, "general_metadata": about}
    image = {"raw_url": "https://x/1.png", "matched_text_index": 1, "matched_sim": 0.25, "image_name": "1.png"}
    mmc4 = {"text_list": ["First.", "Second."], "image_info": [image], "url": "https://x/"}
    text = {"id": "one", "text": SENTENCE, "url": "https://x/", "date": "2024", "when": datetime(2024, 1, 1), "more": [{"n": 1}]}
    tables = {
        "own": to_media_table(own),
        **{name: pa.Table.from_pylist([row] * 6) for name, row in (("obelics", obelics), ("mmc4", mmc4), ("text", text))},
    }
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet", row_group_size=3)
    return [str(folder / f"{name}.parquet") for name in tables]


def _pages(folder: Path) -> str:
    """Five pages, the first one empty, another of a name that is there already, packed ones, three files in tars, and lines."""
    (folder / "pages" / "more").mkdir(parents=True, exist_ok=True)
    for n in range(5):
        (folder / "pages" / f"{n}.html").write_text(PAGE if n else "")
    (folder / "pages" / "more" / "1.html").write_text(PAGE)
    (folder / "pages" / "packed.html.gz").write_bytes(gzip.compress(PAGE.encode(), mtime=0))
    _tar(folder / "pages" / "in.tar", {name: PAGE.encode() for name in ("notes.txt", "a/1.html", "b/1.html")})
    tar = (folder / "pages" / "in.tar").read_bytes()
    for packing, compress in {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}.items():
        (folder / "pages" / f"in.tar.{packing}").write_bytes(compress(tar))
    rows = [{"html": PAGE, "url": f"https://x/{n}", "date": "2024-01-01"} for n in range(5)]
    (folder / "pages" / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder / "pages")


def _tar(path: Path, members: Mapping[str, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def _warc(folder: Path) -> list[str]:
    """A page captured twice, four others and two pictures; packed, where the last record is cut off, and plain; the plain one
    as one frame each of zstd and lz4."""
    captures = [warc_writer.Capture(f"https://x/{n % 5}", "2024-01-01T00:00:00Z", "text/html", PAGE.encode()) for n in range(6)]
    captures += [warc_writer.Capture(f"https://x/logo-{n}.png", "2024-01-01T00:00:00Z", "image/png", png()) for n in (1, 2)]
    (folder / "in.warc.gz").write_bytes(warc_writer.write_warc(captures, break_off=True))
    (folder / "in.warc").write_bytes(gzip.decompress(warc_writer.write_warc(captures)))
    for packing, codec in (("zst", "zstd"), ("lz4", "lz4")):
        frame = pa.compress((folder / "in.warc").read_bytes(), codec=codec, asbytes=True)
        (folder / f"in.warc.{packing}").write_bytes(frame)
    return [str(folder / f"in.warc{packing}") for packing in (".gz", "", ".zst", ".lz4")]


def _pictures(folder: Path) -> str:
    """Pictures with captions beside them and in a table, one of a name that is there already, and one that is none."""
    (folder / "pictures" / "more").mkdir(parents=True, exist_ok=True)
    for n in range(5):
        (folder / "pictures" / f"{n}.png").write_bytes(png(shade=30 * n))
        (folder / "pictures" / f"{n}.txt").write_text(f"A boat at dawn, number {n}.")
    (folder / "pictures" / "more" / "1.png").write_bytes(png())
    (folder / "pictures" / "4.json").write_text(json.dumps({"url": "https://x/4.png", "width": 40, "clip": 0.5, "topic": "sea"}))
    (folder / "pictures" / "none.jpg").write_text("no picture")
    rows = [{"file_name": name, "text": "A harbour.", "likes": 3} for name in ("0.png", "more/1.png")]
    (folder / "pictures" / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder / "pictures")


def _samples(folder: Path) -> str:
    """Pairs and texts of others, one without either, and documents of ours; packed, too."""
    (folder / "samples").mkdir(exist_ok=True)
    about = json.dumps({"width": 40, "height": 30, "sha256": hashlib.sha256(png()).hexdigest(), "clip": 0.5, "topic": "sea"})
    contents = {"png": png(), "txt": SENTENCE.encode(), "json": about.encode()}
    members = {f"{n}.{ending}": content for n in range(5) for ending, content in contents.items()}
    members |= {"5.txt": SENTENCE.encode(), "6.cls": b"3", "README": b"no sample"}
    _tar(folder / "samples" / "a.tar", members)
    packed = gzip.compress((folder / "samples" / "a.tar").read_bytes(), mtime=0)
    (folder / "samples" / "b.tar.gz").write_bytes(packed)
    own = [page(f"doc-{n}", Text(position=0, text=SENTENCE), shot(1, png())) for n in range(5)]
    WriteWebdataset().write(0, own, folder / "samples")
    return str(folder / "samples")


def _films(folder: Path) -> str:
    """Two films, another of a name that is there already, and two in a tar."""
    (folder / "films" / "more").mkdir(parents=True, exist_ok=True)
    for n in range(2):
        _film(folder / "films" / f"{n}.mp4", 40 * n)
    film = (folder / "films" / "0.mp4").read_bytes()
    (folder / "films" / "more" / "0.mp4").write_bytes(film)
    _tar(folder / "films" / "in.tar", {"a/0.mp4": film, "b/0.mp4": film})
    return str(folder / "films")


def _film(path: Path, tint: int) -> None:
    import av

    with av.open(str(path), "w") as film:
        stream = film.add_stream("mpeg4", rate=10, width=64, height=48)
        stream.pix_fmt = "yuv420p"
        for shade in range(0, 240, 12):
            film.mux(stream.encode(av.VideoFrame.from_image(Picture.open(io.BytesIO(png((64, 48), tint, shade))).convert("RGB"))))
        film.mux(stream.encode())


@cache
def kept() -> Path:
    """A folder for files that documents name, until the tests end; other processes are told of it."""
    if KEPT in os.environ:
        return Path(os.environ[KEPT])
    folder = Path(tempfile.mkdtemp(prefix="laws-"))
    atexit.register(shutil.rmtree, folder)
    return folder


@cache
def _subtitled() -> tuple[str, str]:
    """A film of two seconds, and its subtitles."""
    film, subtitles = kept() / "subtitled.mp4", kept() / "subtitled.srt"
    if not subtitles.exists():
        _film(film, 90)
        subtitles.write_text("1\n00:00:00,000 --> 00:00:01,500\nand now we see the harbour\n")
    return str(film), str(subtitles)


def _sentence_model() -> str:
    folder = kept() / "sentences"
    return str(folder) if folder.exists() else tiny_sentence_model.make(folder)


def _head(folder: Path) -> str:
    import torch

    width = json.loads((CLIP / "open_clip_config.json").read_text())["model_cfg"]["embed_dim"]
    torch.save({"weight": torch.linspace(-1, 1, width)[None], "bias": torch.zeros(1)}, folder / "head.pth")
    return str(folder / "head.pth")


def png(size: tuple[int, int] = (40, 30), shade: int = 90, green: int = 20) -> bytes:
    file = io.BytesIO()
    picture = Picture.new("RGB", size, (shade, green, 200 - shade))
    picture.paste((250, 250, 250), (5, 5, size[0] // 2, size[1] // 2))
    picture.save(file, "png")
    return file.getvalue()


SENTENCE = "The harbour wakes before the town does, and the boats come in with what the night has given them. "
PARAGRAPHS = f"<p>{SENTENCE * 4}</p>" * 4
PICTURE = f"data:image/png;base64,{base64.b64encode(png()).decode()}"
KEPT = "INTERLOOM_LAWS_KEPT"
PAGE = f"<html><title>Harbour</title><body><article><h1>Harbour</h1>{PARAGRAPHS}<img src=1.png></article></html>"


def documents() -> list[Document]:
    """Documents of all kinds: plain, empty, hostile, illustrated, foreign, repeated, spoken, filmed, raw."""
    made = [
        page("plain", Text(position=0, text=SENTENCE * 8)),
        page("empty"),
        page("blank", Text(position=0, text=" \n\t")),
        page(
            "odd", Text(position=0, text="\u202e\x00 ｗｉｄｅ 👩‍👩‍👧 " * 20), Text(position=1, text="lorem ipsum {", role="code")
        ),
        page("german", Text(position=0, text="Der Hafen erwacht vor der Stadt, und die Boote kommen herein. " * 6)),
        page("repeats", Text(position=0, text="buy now\n" * 60)),
        page("same-1", Text(position=0, text=SENTENCE * 5)),
        page("same-2", Text(position=0, text=SENTENCE * 5)),
        page(
            "pictures",
            Text(position=0, text=SENTENCE),
            shot(1, png()),
            shot(2, png(shade=10)),
            caption(3, 1),
            shot(4, png((300, 10))),
        ),
        page("broken", shot(0, b"\x89PNG\r\n\x1a\nbroken"), shot(1, None), shot(2, b""), Text(position=3, text=SENTENCE)),
        page("spoken", *speech()),
        replace(page("raw"), body=PAGE.encode()),
        page("xxx", Text(position=0, text=SENTENCE)).with_labels(language="en").with_score("language", 0.9),
        page("other", Text(position=0, text=SENTENCE)).with_labels(language="de").with_score("language", 0.9),
        replace(page("reserved"), source=Source(opt_out="meta robots: noai")),
        page("measured", Text(position=0, text=SENTENCE * 8), *measured()),
        page("stammers", *stammered()),
        film("silent"),
        film("narrated", Text(position=4, text="a red square", origin="asr", start_s=0.2, end_s=1.0)),
    ]
    return [doc.with_score("quality", n / 12) for n, doc in enumerate(made)]


def page(id_: str, *elements: Text | Image | Clip) -> Document:
    return Document(id=id_, source=Source(url=f"https://x/{id_}", date="2024-01-01", content_type="text/html"), elements=elements)


def shot(position: int, data: bytes | None) -> Image:
    width, height = (40, 30) if position % 2 else (None, None)
    return Image(position=position, url=f"https://x/logo-{position}.png", alt="a boat", data=data, width=width, height=height)


def caption(position: int, of: int) -> Text:
    return Text(position=position, text="A boat at dawn.", role="caption", origin="caption", of=of)


def speech() -> Iterator[Text | Image | Clip]:
    yield Clip(position=0, url="https://x/film.mp4", start_s=0.0, end_s=8.0)
    for n in range(4):
        yield Image(position=1 + 2 * n, data=png(shade=40 * n), start_s=2.0 * n, end_s=2.0 * n + 2, page=n)
        yield Text(position=2 + 2 * n, text="and now we see", origin="asr", start_s=2.0 * n + 0.5, end_s=2.0 * n + 1.5)


def measured() -> Iterator[Image | Text]:
    """Pictures that have been decoded: one as it should be, one of another format, one that text covers."""
    for position, format_ in enumerate(("png", "gif", "png"), 1):
        data = png((400, 300), shade=20 * position)
        seen = Image(position=position, url=f"https://x/{position}.{format_}", data=data, format=format_, width=400, height=300)
        yield replace(seen, sha256=hashlib.sha256(data).hexdigest(), phash=f"{position:016x}")
    yield Text(position=4, text="Sale", origin="ocr", of=3, bbox=(0.0, 0.0, 400.0, 290.0))


def stammered() -> Iterator[Text]:
    said = {"the the the the harbour wakes": 1.0, "[Music]": 1.0, "and the boats come in": 3.0}
    for n, (text, compression) in enumerate(said.items()):
        spoken = Text(position=n, text=text, origin="asr", start_s=2.0 * n, end_s=2.0 * n + 1.5)
        yield spoken.with_score("asr_compression", compression)


def film(id_: str, *said: Text) -> Document:
    """A film with its subtitles beside it, in which something else is shown every half second."""
    path, subtitles = _subtitled()
    shown = [Image(position=n, start_s=n / 2, end_s=n / 2 + 0.5, data=png() if n == 1 else None) for n in range(1, 4)]
    doc = page(id_, Clip(position=0, start_s=0.0, end_s=2.0), *shown, *said)
    return replace(doc, source=replace(doc.source, path=path)).with_labels(subtitles=subtitles)


@pytest.fixture
def parameters(tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """A plug-in's parameters with their defaults, checked, as plain values."""

    def make(use: str) -> dict[str, Any]:
        values = EXAMPLES.get(use, lambda folder: {})(tmp_path)
        return plugins.find(use).model.model_validate(values).model_dump(mode="json")

    return make


@pytest.fixture
def built(parameters: Callable[[str], dict[str, Any]]) -> Callable[[str], Any]:
    """The step, the same one however often it is asked for."""
    return lambda use: plugins.step(use, json.dumps(parameters(use), sort_keys=True))


def planned(use: str, values: Mapping[str, Any]) -> PlannedStep:
    return PlannedStep(
        key=use.rpartition(".")[2],
        use=use,
        shape=plugins.find(use).shape,
        parameters=values,
        inputs=(),
        cpus=1.0,
        gpus=0.0,
        workers=None,
        memory_bytes=None,
        batch_size=None,
        checkpoint=False,
        code="",
        files={},
        fingerprint="",
    )


def heard(process: Callable[[Sequence[Document]], Any], docs: Sequence[Document]) -> list[Outcome]:
    """What the step says; if it cannot take one of the documents, what it says of each alone, as the worker does."""
    together = attempt(process, docs)
    if isinstance(together, list):
        return together
    outcomes: list[Outcome] = []
    for doc in docs:
        alone = attempt(process, [doc])
        outcomes += alone if isinstance(alone, list) else [Quarantined(doc.id, alone.message)]
    return outcomes


def outcomes(process: Callable[[Sequence[Document]], Any], docs: Sequence[Document]) -> dict[str, list[Outcome]]:
    """What is said of each document, by its id; what is said of a child counts for its document."""
    said: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in heard(process, docs):
        name = str(outcome.row["id"]) if isinstance(outcome, Side) else outcome.id
        said[name.partition("#")[0]].append(outcome)
    return dict(said)


@pytest.mark.parametrize("use", uses("source", "stage", "global", "sink"))
def test_an_example_has_no_problems(built: Any, use: str) -> None:
    assert list(built(use).check()) == []


@pytest.mark.parametrize("use", uses("source", "stage", "global", "sink"))
def test_parameters_survive_the_way_to_a_worker(parameters: Any, use: str) -> None:
    model = plugins.find(use).model
    sent = json.loads(json.dumps(parameters(use)))
    assert model.model_validate(sent).model_dump(mode="json") == parameters(use)


MAY_BE_NEGATIVE = {
    *((use, name) for use in ("filters.score", "filters.score_range") for name in ("at_least", "at_most", "low", "high")),
    ("filters.speech_confidence", "logprob_at_least"),
    ("filters.score_share", "above"),
    ("stages.place_images", "at_least"),
    ("stages.place_images", "matrix_from"),
    ("stages.retrieve_texts", "at_least"),
}
"""Limits of scores that may be negative."""


def is_refused(use: str, values: Mapping[str, Any]) -> bool:
    try:
        return bool(list(plugins.find(use).build(values).check()))
    except ValidationError:
        return True


@pytest.mark.parametrize("use", uses("source", "stage", "global", "sink"))
def test_numbers_have_a_range_and_are_no_truth_values(parameters: Any, use: str) -> None:
    usual = parameters(use)
    kinds = {name: str(field.annotation) for name, field in plugins.find(use).model.model_fields.items()}
    numbers = [name for name, kind in kinds.items() if "int" in kind or "float" in kind]
    assert [name for name in numbers if not is_refused(use, {**usual, name: True})] == []
    unbounded = [name for name in numbers if name != "seed" and (use, name) not in MAY_BE_NEGATIVE and "tuple" not in kinds[name]]
    assert [name for name in unbounded if not is_refused(use, {**usual, name: -1})] == []


@pytest.mark.parametrize("use", uses("source", "stage", "global", "sink"))
def test_notes_are_lines(built: Any, use: str) -> None:
    notes = built(use).notes()
    assert not isinstance(notes, str)
    assert all(note and "\n" not in note for note in notes)


def processing(step: Any, lacking: Need = ()) -> Callable[[Sequence[Document]], Any]:
    """The stage, with what is set aside about the documents if it reads side tables."""
    sides = stored_sides(step, lacking)
    return (lambda docs: step.process_with(docs, sides)) if sides else step.process


@pytest.mark.parametrize("use", uses("stage"))
def test_the_documents_put_a_stage_to_work(built: Any, use: str) -> None:
    """Else the laws below would hold of a stage of which they saw nothing."""
    docs = documents()
    said = heard(processing(built(use)), docs)
    assert any(isinstance(one, Document) for one in said)
    assert any(one not in docs and not isinstance(one, Quarantined) for one in said)


@pytest.mark.parametrize("use", uses("stage"))
def test_a_stage_leaves_what_it_was_given_alone(built: Any, use: str) -> None:
    docs = documents()
    before = pickle.dumps(docs)
    heard(processing(built(use)), docs)
    assert pickle.dumps(docs) == before


@pytest.mark.parametrize("use", uses("stage"))
def test_a_stage_says_the_same_again(built: Any, use: str) -> None:
    assert heard(processing(built(use)), documents()) == heard(processing(built(use)), documents())


@pytest.mark.parametrize("use", uses("stage"))
def test_a_stage_says_the_same_of_a_document_alone_or_in_a_batch(built: Any, use: str) -> None:
    step = built(use)
    together = outcomes(processing(step), documents())
    assert {doc.id: outcomes(processing(step), [doc])[doc.id] for doc in documents()} == together


@pytest.mark.parametrize("use", uses("stage"))
def test_a_stage_says_the_same_in_any_order(built: Any, use: str) -> None:
    step = built(use)
    assert outcomes(processing(step), documents()[::-1]) == outcomes(processing(step), documents())


@pytest.mark.parametrize("use", uses("stage"))
def test_a_stages_books_balance(built: Any, parameters: Any, use: str) -> None:
    record = Record()
    step = planned(use, parameters(use))
    run_step(step, processing(built(use)), documents(), record)
    assert record.books[step.key].documents.into == len(documents())
    assert record.books[step.key].imbalance() == ""


@pytest.mark.parametrize("use", uses("stage"))
def test_a_decision_of_a_stage_has_a_reason_or_an_error(built: Any, parameters: Any, use: str) -> None:
    record = Record()
    run_step(planned(use, parameters(use)), processing(built(use)), documents(), record)
    assert explained(record)


def explained(record: Record) -> bool:
    """Whether each decision has either a reason or an error."""
    return all(bool(row.get("reason")) != bool(row.get("error")) for row in record.decisions)


def without(*kinds: Callable[[Any], object]) -> Callable[[Document], Document]:
    """Takes elements of these kinds out of a document."""
    return lambda doc: doc.without(e.position for e in doc.elements if any(kind(e) for kind in kinds))


def unmeasured(**fields: object) -> Callable[[Document], Document]:
    """Sets these fields of images to what they are before they are known."""
    return lambda doc: doc.with_elements(replace(e, **fields) if isinstance(e, Image) else e for e in doc.elements)  # type: ignore[arg-type]


PARTS_HELD: Mapping[Content, tuple[Callable[[Document], object], Callable[[Document], Document]]] = {
    contents.PAGE: (lambda doc: doc.body, lambda doc: replace(doc, body=None)),
    contents.TEXT: (lambda doc: doc.text.strip(), without(lambda e: isinstance(e, Text) and e.origin in ("body", "asr"))),
    contents.IMAGES: (lambda doc: doc.images, without(lambda e: isinstance(e, Image))),
    contents.IMAGE_BYTES: (lambda doc: any(i.data is not None or i.blob for i in doc.images), unmeasured(data=None, blob=None)),
    contents.IMAGE_SIZE: (lambda doc: any(i.width for i in doc.images), unmeasured(width=None, height=None)),
    contents.IMAGE_FORMAT: (lambda doc: any(i.format for i in doc.images), unmeasured(format="")),
    contents.IMAGE_SHA256: (lambda doc: any(i.sha256 for i in doc.images), unmeasured(sha256="")),
    contents.IMAGE_PHASH: (lambda doc: any(i.phash for i in doc.images), unmeasured(phash="")),
    contents.VIDEO: (lambda doc: any(isinstance(e, Clip) for e in doc.elements), without(lambda e: isinstance(e, Clip))),
    contents.KEYFRAMES: (
        lambda doc: any(i.start_s is not None for i in doc.images),
        without(lambda e: isinstance(e, Image) and e.start_s is not None),
    ),
    contents.SPEECH: (
        lambda doc: any(t.origin == "asr" for t in doc.texts),
        without(lambda e: isinstance(e, Text) and e.origin == "asr"),
    ),
    contents.SCREEN_TEXT: (
        lambda doc: any(t.origin == "ocr" for t in doc.texts),
        without(lambda e: isinstance(e, Text) and e.origin == "ocr"),
    ),
}
"""How to see whether a document holds a part, and how to take it away."""


def held(said: Sequence[Outcome]) -> set[Content]:
    """What these documents and rows of side tables hold."""
    docs = [one for one in said if isinstance(one, Document)]
    parts = {part for part, (is_held, _) in PARTS_HELD.items() if any(map(is_held, docs))}
    named = {content for doc in docs for content in (*scores("document", *doc.scores), *labels(*doc.labels))}
    named |= {score for doc in docs for image in doc.images for score in scores("image", *image.scores)}
    named |= {score for doc in docs for text in doc.texts for score in scores("text", *text.scores)}
    rows = [one for one in said if isinstance(one, Side)]
    named |= {contents.embeddings(str(one.row["kind"])) for one in rows if one.table == "embeddings"}
    named |= {contents.clustering(str(one.row["name"])) for one in rows if one.table == "clusters"}
    return parts | named | {contents.side_table(one.table) for one in rows}


def deprived(doc: Document, need: Need) -> Document:
    """The document without what is needed, and without all that would be enough instead."""
    for content in need if isinstance(need, tuple) else (need,):
        if content.kind == "part":
            doc = PARTS_HELD[content][1](doc)
        elif content.kind == "label":
            doc = replace(doc, labels={name: value for name, value in doc.labels.items() if name != content.name})
        elif content.kind == "score":
            elements = (replace(e, scores={k: v for k, v in e.scores.items() if k != content.name}) for e in doc.elements)
            left = {name: value for name, value in doc.scores.items() if name != content.name}
            doc = replace(doc, scores=left, elements=tuple(elements))
    return doc


def all_said(use: str, values: Mapping[str, Any], docs: Sequence[Document], lacking: Need = ()) -> list[Outcome]:
    """All that a source, stage or global step says of these documents; a source reads its own. A side table that is `lacking` has
    no rows."""
    step: Any = plugins.step(use, json.dumps(values, sort_keys=True))
    shape = plugins.find(use).shape
    if shape == "source":
        return [one for split in step.splits() for one in step.read(split)]
    if shape == "stage":
        return heard(processing(step, lacking), docs)
    rows = by_document(verdicts(step, [sketch_of(step, docs, lacking)], lacking=lacking))
    return heard(process_of(planned(use, values), rows), docs)


DEPEND_ON_THE_INPUT: Mapping[str, set[str]] = {
    "stages.read_webdataset": {part.name for part in contents.PARTS},
    "stages.extract_html": {"author", "published", "language", "canonical", "drawings"},
    "stages.read_documents": {"rendered_width", "rendered_height", "similarities", *(part.name for part in contents.PARTS)},
    "stages.read_video": {
        *LABEL_OF_KEY.values(),
        *SCORE_KEYS,
        "audio_codec",
        "chapters",
        "other_subtitles",
        "subtitles",
        "subtitle_kind",
        "subtitle_language",
    },
    "stages.transcribe_speech": {"subtitles_refused"},
}
"""What a step provides only for some files, pages or videos."""
BROUGHT: Mapping[str, set[Content]] = {
    "stages.read_documents": {
        *scores("document", "quality"),
        *scores("image", "clip"),
        *labels("title"),
    },
}
"""What the rows of an example have, whatever reads them."""
HAVE_A_WORD_FOR_NOTHING = {"stages.score_language"}
"""They label also documents without what they need: the language of a text without letters is `und`."""


@pytest.mark.parametrize("use", uses("source", "stage", "global"))
def test_a_step_provides_what_it_says_and_nothing_else(built: Any, parameters: Any, use: str) -> None:
    docs = [*documents(), *sketchable()]
    given = BROUGHT.get(use, set()) if plugins.find(use).shape == "source" else held(docs)
    came = held(all_said(use, parameters(use), docs))
    declared = set(built(use).provides())
    assert came - given <= declared
    assert {content.name for content in declared - came} <= DEPEND_ON_THE_INPUT.get(use, set())


@pytest.mark.parametrize("use", uses("stage", "global"))
def test_without_what_it_needs_a_step_drops_changes_nothing_or_refuses(built: Any, parameters: Any, use: str) -> None:
    for need in () if use in HAVE_A_WORD_FOR_NOTHING else built(use).needs():
        docs = [deprived(doc, need) for doc in [*documents(), *sketchable()]]
        try:
            said = all_said(use, parameters(use), docs, need)
        except FatalError:
            continue
        gone = {one.id for one in said if isinstance(one, Dropped | Quarantined)}
        assert [one for one in said if isinstance(one, Document) and one.id not in gone and one not in docs] == []


@cache
def set_aside() -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """What the steps above set aside, for steps that read it. The embeddings lie in three directions."""
    source: Any = plugins.find("stages.read_warc").build({"paths": _warc(kept())[1]})
    said = [one for split in source.splits() for one in source.read(split)]
    return {
        "captures": [one.row for one in said if isinstance(one, Side)],
        "embeddings": list(embedded()),
        "clusters": list(clustered()),
    }


def embedded() -> Iterator[dict[str, Any]]:
    """A vector for each image and text of the documents, near one of three directions; equal texts have equal ones."""
    for doc in [*documents(), *sketchable()]:
        for element in doc.elements:
            if not isinstance(element, Clip):
                text = element.text if isinstance(element, Text) else ""
                kind, seed = ("sentence", text) if text else ("image", f"{doc.id} {element.position}")
                drawn = random.Random(seed)
                vector = np.array([drawn.gauss(0, 0.1) for _ in range(8)]) + np.eye(8)[drawn.randrange(3)]
                unit = (vector / np.linalg.norm(vector)).astype("<f2").tobytes()
                place = {"id": doc.id, "position": element.position, "window": 0, "kind": kind}
                yield {**place, "model": "drawn", "revision": "1", "vector": unit}


def clustered() -> Iterator[dict[str, Any]]:
    """Two clusters for each direction of embeddings, in a clustering for each kind."""
    for row in embedded():
        vector = np.frombuffer(row["vector"], "<f2")
        place = {name: row[name] for name in ("id", "position", "window")}
        cluster = 2 * int(vector.argmax()) + random.Random(f"{row['id']} {row['position']}").randrange(2)
        yield {**place, "name": row["kind"], "cluster": cluster, "similarity": round(float(vector.max()), 4)}


def stored_sides(step: Any, lacking: Need = ()) -> dict[str, list[pa.Table]]:
    """The side tables that the step reads, without the rows that are `lacking`."""
    tables = (*step.side_tables, *getattr(step, "sketch_tables", ()))
    rows = {name: [row for row in set_aside().get(name, ()) if not is_of(lacking, name, row)] for name in tables}
    return {name: list(side_tables(name, rows[name])) for name in tables}


def is_of(lacking: Need, name: str, row: Mapping[str, Any]) -> bool:
    """Whether a row of a side table is what is lacking."""
    if lacking == contents.side_table(name):
        return True
    kind = {"embeddings": contents.embeddings, "clusters": contents.clustering}.get(name)
    return kind is not None and lacking == kind(row["kind" if name == "embeddings" else "name"])


def sketch_of(step: Any, docs: Sequence[Document], lacking: Need = ()) -> pa.Table:
    return global_steps.sketch_of(step, docs, stored_sides(step, lacking))


def verdicts(step: Any, sketches: Sequence[pa.Table], partitions: int = 1, lacking: Need = ()) -> list[dict[str, Any]]:
    """The verdict rows on documents with these sketches, a part each, when the keys are cut into so many ranges."""
    found: list[dict[str, Any]] = global_steps.verdicts(step, sketches, stored_sides(step, lacking), partitions).to_pylist()
    return found


def by_document(rows: Sequence[dict[str, Any]]) -> Mapping[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["id"]].append(row)
    return found


@pytest.mark.parametrize("use", uses("global"))
def test_a_sketch_is_the_same_alone_or_in_a_batch(built: Any, use: str) -> None:
    step, docs = built(use), [*documents(), *sketchable()]
    together: pa.Table = sketch_of(step, docs)
    assert [row for doc in docs for row in sketch_of(step, [doc]).to_pylist()] == together.to_pylist()
    assert set() < set(together["id"].to_pylist()) <= {doc.id for doc in docs}


VARIED: Mapping[tuple[str, str], Sequence[Any]] = {
    ("stages.cluster_embeddings", "model"): ["other"],
    ("stages.dedup_semantic", "model"): ["other"],
    ("stages.fetch_images", "sources"): [["crawl"], ["http"]],
    ("stages.balance_entries", "entries"): [str(ROOT / "LICENSE")],
    ("stages.balance_entries", "tails_like"): ["de"],
    ("stages.mix", "total"): [3],
    ("stages.mix", "weights"): [{"de": 1.0}],
    ("stages.retrieve_texts", "model"): ["other"],
    ("stages.near_reference", "references"): [["pages/*"]],
    ("stages.select_top", "share"): [0.5],
}
"""Other values of parameters whose type does not say what else they may be."""


def others(use: str, name: str, value: Any) -> Sequence[Any]:
    """Other values that the parameter may have."""
    options = typing.get_args(plugins.find(use).model.model_fields[name].annotation)
    if (use, name) in VARIED:
        return VARIED[use, name]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, value + 7, value / 2 if isinstance(value, float) else max(value // 2, 1)]
    if options and all(isinstance(option, str) for option in options):
        return [option for option in options if option != value]
    return ["other"] if isinstance(value, str) else [["other"], []]


def sketchable() -> list[Document]:
    """Documents that a sketch says something about, and every global step finds some to decide on: the same addresses, pictures
    and texts, and such as differ in what a parameter may ignore."""
    texts = [SENTENCE * 3, SENTENCE.upper() * 3, SENTENCE * 3 + "  ", "The harbour wakes.", "One.", ""]
    addresses = ["http://x/a", "https://x/a", "https://x/a?page=2#top", "https://x/a/?utm_source=b", "https://x/b", ""]
    images = [Image(position=n, url="https://x/1.png", sha256="1" * 64, phash="2" * 16, data=png()) for n in (1, 2)]
    images += [Image(position=n, url=url) for n, url in enumerate(("https://x/logo-2.png", PICTURE, "https://x/gone.png"), 3)]
    made = []
    for n, (text, url) in enumerate(zip(texts, addresses, strict=True)):
        source = Source(url=url, path=f"pages/{n}.html", date=f"2024-01-0{n + 1}")
        doc = Document(id=f"doc-{n}", source=source, elements=(Text(position=0, text=text), *images), body=PAGE.encode())
        made.append(doc.with_labels(language="de") if n % 4 != 1 else doc)
    return made


def sketched(use: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    step: Any = plugins.find(use).build(values)
    rows: list[dict[str, Any]] = sketch_of(step, sketchable()).to_pylist()
    return rows


@pytest.mark.parametrize("use", uses("global"))
def test_a_sketch_depends_on_the_parameters_it_names_and_on_no_other(parameters: Any, use: str) -> None:
    """A parameter that is missing from `sketch_params` serves stale sketches; one too many makes them again for nothing."""
    usual = parameters(use)
    first = sketched(use, usual)
    varied = {name: [sketched(use, {**usual, name: other}) for other in others(use, name, usual[name])] for name in usual}
    assert all(varied.values())
    changing = {name for name, sketches in varied.items() if any(sketch != first for sketch in sketches)}
    kind: Any = plugins.find(use).kind
    assert changing == set(kind.sketch_params)


def exchanges(use: str, values: Mapping[str, Any]) -> dict[str, Any]:
    step: Any = plugins.find(use).build(values)
    return {exchange.name: exchange for exchange in step.exchanges()}


@pytest.mark.parametrize("use", uses("global"))
def test_an_exchange_depends_on_the_parameters_it_names_and_on_no_other(built: Any, parameters: Any, use: str) -> None:
    """A parameter that is missing from `params` serves stale results; one too many makes them again for nothing."""
    step, usual = built(use), parameters(use)
    named = {name: exchange.params for name, exchange in exchanges(use, usual).items() if exchange.params is not None}
    if not named:
        return
    sketches = [sketch_of(step, [doc]) for doc in sketchable()]
    stored = {**stored_sides(step), "sketch": [with_nodes(sketch, part) for part, sketch in enumerate(sketches)]}
    stored |= global_steps.results(step, sketches, stored_sides(step))

    def result(values: Mapping[str, Any], name: str) -> list[str] | None:
        exchange = exchanges(use, values).get(name)
        found = global_steps.result(exchange, stored) if exchange else []
        return sorted(str(row) for table in found for row in table.to_pylist())

    for name, params in named.items():
        first = result(usual, name)
        changing = {
            parameter
            for parameter, value in usual.items()
            if any(result({**usual, parameter: other}, name) != first for other in others(use, parameter, value))
        }
        assert changing == set(params), name


@pytest.mark.parametrize("use", uses("global"))
def test_a_sketch_holds_no_media(built: Any, use: str) -> None:
    sketch = pickle.dumps(sketch_of(built(use), sketchable()).to_pylist())
    assert not [media for media in (png(), PICTURE.encode(), PAGE.encode()) if media in sketch]


@pytest.mark.parametrize("use", uses("global"))
def test_verdicts_are_the_same_however_documents_are_parted(built: Any, use: str) -> None:
    step, docs = built(use), [*documents(), *sketchable()]
    one = verdicts(step, [sketch_of(step, docs)])
    many = verdicts(step, [sketch_of(step, [doc]) for doc in docs])
    assert sorted(str({**row, "part": 0}) for row in many) == sorted(map(str, one)) != []
    assert all(docs[row["part"]].id == row["id"] for row in many)


@pytest.mark.parametrize("use", uses("global"))
def test_verdicts_are_the_same_however_many_ranges_of_keys_there_are(built: Any, use: str) -> None:
    step = built(use)
    sketches = [sketch_of(step, [doc]) for doc in [*documents(), *sketchable()]]
    one, two, many = (sorted(map(str, verdicts(step, sketches, of))) for of in (1, 7, 64))
    assert one == two == many != []


@pytest.mark.parametrize("use", uses("global"))
def test_verdicts_are_applied_the_same_alone_or_in_a_batch(built: Any, parameters: Any, use: str) -> None:
    step, docs = built(use), [*documents(), *sketchable()]
    process = process_of(planned(use, parameters(use)), by_document(verdicts(step, [sketch_of(step, docs)])))
    assert {doc.id: outcomes(process, [doc])[doc.id] for doc in docs} == outcomes(process, docs)


@pytest.mark.parametrize("use", uses("global"))
def test_a_global_steps_books_balance_and_its_decisions_have_reasons(built: Any, parameters: Any, use: str) -> None:
    step, docs, record = built(use), [*documents(), *sketchable()], Record()
    before = pickle.dumps(docs)
    plan = planned(use, parameters(use))
    run_step(plan, process_of(plan, by_document(verdicts(step, [sketch_of(step, docs)]))), docs, record)
    assert record.books[plan.key].imbalance() == ""
    assert explained(record)
    assert record.decisions or record.scores or record.sides
    assert pickle.dumps(docs) == before


@pytest.mark.parametrize("use", uses("global"))
def test_without_documents_there_are_no_verdicts(built: Any, use: str) -> None:
    step = built(use)
    assert verdicts(step, []) == verdicts(step, [sketch_of(step, [])]) == []


@pytest.mark.parametrize("use", uses("source"))
def test_a_source_reads_the_same_again(built: Any, use: str) -> None:
    step = built(use)
    first, second = ([[*step.read(split)] for split in step.splits()] for _ in range(2))
    assert first == second
    assert [split for split in step.splits()] == [split for split in step.splits()]


@pytest.mark.parametrize("use", uses("source"))
def test_a_source_accounts_for_each_record_and_its_ids_are_its_own(built: Any, parameters: Any, use: str) -> None:
    step, record = built(use), Record()
    plan = planned(use, parameters(use))
    docs = [doc for split in step.splits() for doc in read_source(plan, step.read(split), record, split.name)]
    assert len({doc.id for doc in docs}) == len(docs) > 3
    assert record.books[plan.key].documents.into == HOLDS[use]
    assert record.books[plan.key].imbalance() == ""
    assert explained(record)


@pytest.mark.parametrize("use", uses("source"))
def test_a_source_of_which_a_file_is_cut_gives_what_is_left_and_says_what_is_broken(
    built: Any, parameters: Any, use: str, tmp_path: Path
) -> None:
    step, plan = built(use), planned(use, parameters(use))
    splits: Sequence[Split] = step.splits()

    def read() -> tuple[dict[str, Document], set[str]]:
        record = Record()
        docs = {doc.id: doc for split in splits for doc in read_source(plan, step.read(split), record, split.name)}
        assert record.books[plan.key].imbalance() == ""
        return docs, {f"{row['id']} {row['error']}" for row in record.decisions if row.get("error")}

    whole, known = read()
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        content = file.read_bytes()
        for length in _cuts(content):
            file.write_bytes(content[:length])
            left, errors = read()
            assert left.keys() <= whole.keys()
            assert (
                errors - known or left == whole or file.suffix in (".png", ".txt") or ".html" in file.name
            )  # half a page is one
        file.write_bytes(content)


@pytest.mark.parametrize("use", [use for use in uses("source") if use not in READS_IN_CHILDREN])
def test_no_byte_that_was_changed_costs_a_source_a_document_without_a_word(
    built: Any, parameters: Any, use: str, tmp_path: Path
) -> None:
    step, plan = built(use), planned(use, parameters(use))
    splits: Sequence[Split] = step.splits()

    def read() -> tuple[set[str], set[str]]:
        record = Record()
        docs = {doc.id for split in splits for doc in read_source(plan, step.read(split), record, split.name)}
        return docs, {f"{row['id']} {row['error']}" for row in record.decisions if row.get("error")}

    whole, known = read()
    for file in (path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size):
        content = file.read_bytes()
        for place in _cuts(content):
            file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            left, errors = read()
            assert len(left) >= len(whole) or errors - known, (file.name, place)
        file.write_bytes(content)


def _cuts(content: bytes) -> set[int]:
    """Where to cut a file, or to change it: at its thirds and, if it is a tar, in the head of its last member."""
    head = content.rfind(b"ustar")
    return {len(content) // 3, 2 * len(content) // 3, *([head] if head > 0 else [])}


FLIPPED, CUT = 200, 50


def _damaged(content: bytes, number: int) -> bytes:
    """The content with another byte at one place or, from number FLIPPED on, cut at one place."""
    chance = random.Random(number)
    place = chance.randrange(len(content))
    changed = bytes([content[place] ^ chance.randrange(1, 256)]) + content[place + 1 :] if number < FLIPPED else b""
    return content[:place] + changed


def _damage(files: Sequence[Path], folder: Path, each: bool) -> None:
    """Copies of files, damaged in FLIPPED + CUT ways: each of them in all ways, or in turn one of them in each way."""
    for number in range(FLIPPED + CUT):
        (folder / f"{number:03}").mkdir(parents=True)
        for file in files if each else [files[number % len(files)]]:
            (folder / f"{number:03}" / file.name).write_bytes(_damaged(file.read_bytes(), number))


def sources() -> Iterator[Any]:
    """Each source with damage to its files in turn, and with damage to each of its files."""
    for use in (use for use in plugins.available() if plugins.find(use).shape == "source"):
        slowly = [pytest.mark.slow, pytest.mark.timeout(1200)]
        yield pytest.param(use, False, marks=slowly if use in READS_IN_CHILDREN else [])
        if use not in READS_IN_CHILDREN:
            yield pytest.param(use, True, marks=pytest.mark.slow)


@pytest.mark.parametrize(("use", "each"), [*sources()])
def test_no_damage_to_a_file_stops_a_run_or_costs_more_than_that_file(use: str, each: bool, run: Any, tmp_path: Path) -> None:
    values = {**EXAMPLES[use](tmp_path), "paths": str(tmp_path / "in")}
    different = {file.read_bytes(): file for file in sorted(tmp_path.rglob("*")) if file.is_file() and file.stat().st_size}
    files = list(different.values())
    (tmp_path / "in" / "whole").mkdir(parents=True)
    for file in files:
        shutil.copy(file, tmp_path / "in" / "whole" / file.name)
    source: Any = plugins.find(use).build(values)
    read = [doc for split in source.splits() for doc in source.read(split) if isinstance(doc, Document)]
    _damage(files, tmp_path / "in" / "damaged", each)
    done = run((use, values), "stages.write_parquet", max_error_rate=1)
    shards = [pq.read_table(shard) for shard in Path(done.run, "write_parquet", "data").glob("*.parquet")]
    written = [doc for shard in shards for doc in from_media_table(shard)]
    content = {doc.id: (doc.text, doc.body) for doc in written}
    assert len(content) == len(written)
    assert {doc.id: content.get(doc.id) for doc in read} == {doc.id: (doc.text, doc.body) for doc in read}
    assert summary(done)[use.rpartition(".")[2]].documents.quarantined > 0


@pytest.mark.parametrize("use", uses("sink"))
def test_a_sink_writes_the_same_bytes_again(built: Any, use: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", itertools.count(1.7e9, 3600.0).__next__)
    step, docs = built(use), documents()
    before = pickle.dumps(docs)
    made = [step.write(3, iter(docs), tmp_path / name) for name in ("first", "second")]
    finished = [step.finish([info], tmp_path / name) for info, name in zip(made, ("first", "second"), strict=True)]
    assert (made[0], finished[0]) == (made[1], finished[1])
    assert pickle.dumps(docs) == before
    for name in (*made[0].files, *finished[0]):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


@pytest.mark.parametrize("use", uses("sink"))
def test_a_sink_counts_what_it_writes(built: Any, use: str, tmp_path: Path) -> None:
    step, docs = built(use), [*documents(), *sketchable()]
    info = step.write(0, iter(docs), tmp_path / "out")
    assert (info.documents, info.images) == (len(docs), sum(len(doc.images) - len([*step.omits(doc)]) for doc in docs))


@pytest.mark.parametrize("use", uses("sink"))
def test_a_sink_says_which_files_it_wrote(built: Any, use: str, tmp_path: Path) -> None:
    step = built(use)
    info = step.write(0, documents(), tmp_path / "out")
    json.dumps(info.extra)
    names = [*info.files, *step.finish([info], tmp_path / "out")]
    written = [str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*") if file.is_file()]
    assert sorted(names) == sorted(written)


@pytest.mark.parametrize("use", uses("sink"))
def test_a_sink_takes_an_empty_shard(built: Any, use: str, tmp_path: Path) -> None:
    step = built(use)
    info = step.write(0, [], tmp_path / "out")
    assert (info.documents, info.images) == (0, 0)
    assert all((tmp_path / "out" / name).is_file() for name in step.finish([info], tmp_path / "out"))


def said(use: str, folder: Path) -> str:
    """A hash of all that a plug-in says of its example, in order."""
    step: Any = plugins.find(use).build(EXAMPLES.get(use, lambda folder: {})(kept()))
    shape, docs = plugins.find(use).shape, [*documents(), *sketchable()]
    if shape == "stage":
        told: object = heard(processing(step), docs)
    elif shape == "source":
        told = [one for split in step.splits() for one in step.read(split)]
    elif shape == "global":
        told = [sketch_of(step, docs).to_pylist(), verdicts(step, [sketch_of(step, docs)])]
    else:
        info = step.write(0, docs, folder / use)
        told = [(folder / use / name).read_bytes() for name in (*info.files, *step.finish([info], folder / use))]
    return hashlib.sha256(repr(told).encode("utf-8", "surrogatepass")).hexdigest()


WITHOUT_A_MODEL = [use for use in plugins.available() if use not in NEED_A_MODEL]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What each plug-in says in another process, in which strings have other hashes and sets another order."""
    code = "import json, pathlib, sys; from tests import test_every_plugin as laws; folder = pathlib.Path(sys.argv[1]);"
    code += "print(json.dumps({use: laws.said(use, folder) for use in laws.WITHOUT_A_MODEL}))"
    told = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join(sys.path), KEPT: str(kept())}
    command = [sys.executable, "-c", code, str(tmp_path_factory.mktemp("elsewhere"))]
    done = subprocess.run(command, cwd=ROOT, env=told, stdout=subprocess.PIPE, check=True)
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("use", WITHOUT_A_MODEL)
def test_another_process_says_the_same(elsewhere: Mapping[str, str], tmp_path: Path, use: str) -> None:
    assert said(use, tmp_path) == elsewhere[use]
