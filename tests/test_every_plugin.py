"""Laws for all plug-ins, present and future: pure, the same alone or in a batch and in any order, the books balance.

A plug-in that cannot be built without parameters needs an entry in EXAMPLES; everything else is covered by being there.
"""

from __future__ import annotations

import io
import json
import pickle
import typing
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image as Picture

from interloom.jobs.demo import warc_writer
from interloom.pipeline.execution.step import Record, apply_verdicts, attempt, read_source, run_step
from interloom.pipeline.planning import plugins
from interloom.pipeline.planning.plan import PlannedStep
from interloom.pipeline.stage import Split
from interloom.schemas.document import Clip, Document, Image, Source, Text
from interloom.schemas.outcome import Outcome, Quarantined, Side
from interloom.schemas.table import SIDE_TABLES, table_of

CLIP = Path(plugins.__file__).parents[2] / "jobs" / "demo" / "assets" / "shapes_clip"
EXAMPLES: Mapping[str, Callable[[Path], dict[str, Any]]] = {
    "filters.score_range": lambda folder: {"of": "quality", "low": 0.2, "high": 0.8, "on": "document"},
    "filters.score": lambda folder: {"of": "quality", "at_least": 0.5, "on": "document"},
    "filters.word_blocklist": lambda folder: {"words": ["buy now"]},
    "stages.read_documents": lambda folder: {"paths": _lines(folder)},
    "stages.read_html": lambda folder: {"paths": _pages(folder)},
    "stages.read_video": lambda folder: {"paths": _films(folder)},
    "stages.read_warc": lambda folder: {"paths": _warc(folder)},
    "stages.score_aesthetic": lambda folder: {"model": str(CLIP), "head": _head(folder), "device": "cpu"},
    "stages.score_clip": lambda folder: {"model": str(CLIP), "device": "cpu"},
    "stages.shift_captions": lambda folder: {"model": str(CLIP), "device": "cpu"},
}
NEED_A_MODEL = {"stages.score_aesthetic", "stages.score_clip", "stages.shift_captions"}
"""Slow, because torch is imported."""


def uses(*shapes: str) -> list[Any]:
    """The plug-ins of these shapes, those with a model marked as slow."""
    found = [use for use in plugins.available() if plugins.find(use).shape in shapes]
    return [pytest.param(use, marks=pytest.mark.slow) if use in NEED_A_MODEL else use for use in found]


def _lines(folder: Path) -> str:
    rows: list[dict[str, Any]] = [{"text": f"Line {n} of many.", "url": f"https://x/{n}"} for n in range(20)]
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"nothing": 1}]))
    return str(folder / "in.jsonl")


def _pages(folder: Path) -> str:
    (folder / "pages").mkdir(exist_ok=True)
    for n in range(5):
        (folder / "pages" / f"{n}.html").write_text(PAGE if n else "")
    return str(folder / "pages")


def _warc(folder: Path) -> str:
    captures = [warc_writer.Capture(f"https://x/{n}", "2024-01-01T00:00:00Z", "text/html", PAGE.encode()) for n in range(5)]
    picture = warc_writer.Capture("https://x/1.png", "2024-01-01T00:00:00Z", "image/png", png())
    (folder / "in.warc.gz").write_bytes(warc_writer.write_warc([*captures, picture], break_off=True))
    return str(folder / "in.warc.gz")


def _films(folder: Path) -> str:
    import av

    (folder / "films").mkdir(exist_ok=True)
    for n in range(4):
        with av.open(str(folder / "films" / f"{n}.mp4"), "w") as film:
            stream = film.add_stream("mpeg4", rate=5, width=64, height=48)
            stream.pix_fmt = "yuv420p"
            for shade in range(0, 250, 25):
                film.mux(stream.encode(av.VideoFrame.from_image(Picture.new("RGB", (64, 48), (shade, 40 * n, 90)))))
            film.mux(stream.encode())
    return str(folder / "films")


def _head(folder: Path) -> str:
    import torch

    width = json.loads((CLIP / "open_clip_config.json").read_text())["model_cfg"]["embed_dim"]
    torch.save({"weight": torch.linspace(-1, 1, width)[None], "bias": torch.zeros(1)}, folder / "head.pth")
    return str(folder / "head.pth")


def png(size: tuple[int, int] = (40, 30), shade: int = 90) -> bytes:
    file = io.BytesIO()
    picture = Picture.new("RGB", size, (shade, 20, 200 - shade))
    picture.paste((250, 250, 250), (5, 5, size[0] // 2, size[1] // 2))
    picture.save(file, "png")
    return file.getvalue()


SENTENCE = "The harbour wakes before the town does, and the boats come in with what the night has given them. "
PARAGRAPHS = f"<p>{SENTENCE * 4}</p>" * 4
PAGE = f"<html><title>Harbour</title><body><article><h1>Harbour</h1>{PARAGRAPHS}<img src=1.png></article></html>"


def documents() -> list[Document]:
    """A dozen documents of all kinds: plain, empty, hostile, illustrated, foreign, repeated, spoken, raw."""
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


@pytest.mark.parametrize("use", uses("source", "stage", "global", "sink"))
def test_notes_are_lines(built: Any, use: str) -> None:
    assert all(note and "\n" not in note for note in built(use).notes())


@pytest.mark.parametrize("use", uses("stage"))
def test_a_stage_leaves_what_it_was_given_alone(built: Any, use: str) -> None:
    docs = documents()
    before = pickle.dumps(docs)
    heard(built(use).process, docs)
    assert pickle.dumps(docs) == before


@pytest.mark.parametrize("use", uses("stage"))
def test_a_stage_says_the_same_again(built: Any, use: str) -> None:
    assert heard(built(use).process, documents()) == heard(built(use).process, documents())


@pytest.mark.parametrize("use", uses("stage"))
def test_a_stage_says_the_same_of_a_document_alone_or_in_a_batch(built: Any, use: str) -> None:
    step = built(use)
    together = outcomes(step.process, documents())
    assert {doc.id: outcomes(step.process, [doc])[doc.id] for doc in documents()} == together


@pytest.mark.parametrize("use", uses("stage"))
def test_a_stage_says_the_same_in_any_order(built: Any, use: str) -> None:
    step = built(use)
    assert outcomes(step.process, documents()[::-1]) == outcomes(step.process, documents())


@pytest.mark.parametrize("use", uses("stage"))
def test_a_stages_books_balance(built: Any, parameters: Any, use: str) -> None:
    record = Record()
    step = planned(use, parameters(use))
    run_step(step, built(use).process, documents(), record)
    assert record.books[step.key].documents.into == len(documents())
    assert record.books[step.key].imbalance() == ""


@pytest.mark.parametrize("use", uses("stage"))
def test_a_decision_of_a_stage_has_a_reason_or_an_error(built: Any, parameters: Any, use: str) -> None:
    record = Record()
    run_step(planned(use, parameters(use)), built(use).process, documents(), record)
    assert all(bool(row.get("reason")) != bool(row.get("error")) for row in record.decisions)


class Stored:
    """Side tables in memory, a part per table."""

    def __init__(self, *tables: pa.Table) -> None:
        self._tables = tables

    def read(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        for number, table in enumerate(self._tables):
            own = [name for name in (columns or table.column_names) if name != "part"]
            yield table.select(own).append_column("part", pa.array([number] * len(table), pa.int32()))

    @property
    def count(self) -> int:
        return sum(len(table) for table in self._tables)


SET_ASIDE: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "captures": [
        {"url": "https://x/logo-1.png", "path": "in.warc", "offset": 7, "length": 9, "content_type": "image/png", "date": "2024"}
    ]
}
"""What the steps above set aside, for global steps that read it."""


def verdicts(step: Any, sketches: Sequence[pa.Table]) -> list[dict[str, Any]]:
    """The verdict rows on documents with these sketches, a part each."""
    rows = Stored(*sketches)
    sides = {name: Stored(table_of(SET_ASIDE[name], SIDE_TABLES[name])) for name in step.side_tables}
    of = step.scans(rows.count)
    decided: pa.Table = step.decide(Stored(*(step.scan(number, of, rows, sides) for number in range(of))))
    found: list[dict[str, Any]] = decided.to_pylist()
    return found


@pytest.mark.parametrize("use", uses("global"))
def test_a_sketch_is_the_same_alone_or_in_a_batch(built: Any, use: str) -> None:
    step = built(use)
    together: pa.Table = step.sketch(documents())
    assert pa.concat_tables([step.sketch([doc]) for doc in documents()]).to_pylist() == together.to_pylist()
    assert set(together["id"].to_pylist()) <= {doc.id for doc in documents()}


VARIED: Mapping[tuple[str, str], Sequence[Any]] = {
    ("stages.fetch_images", "sources"): [["crawl"], ["http"]],
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
    made = []
    for n, (text, url) in enumerate(zip(texts, addresses, strict=True)):
        made.append(
            Document(
                id=f"doc-{n}", source=Source(url=url, date=f"2024-01-0{n + 1}"), elements=(Text(position=0, text=text), *images)
            )
        )
    return made


def sketched(use: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    step: Any = plugins.find(use).build(values)
    rows: list[dict[str, Any]] = step.sketch(sketchable()).to_pylist()
    return rows


@pytest.mark.parametrize("use", uses("global"))
def test_a_sketch_depends_on_the_parameters_it_names_and_on_no_other(parameters: Any, use: str) -> None:
    """A parameter that is missing from `sketch_params` serves stale sketches; one too many makes them again for nothing."""
    usual = parameters(use)
    first = sketched(use, usual)
    varied = {name: [sketched(use, {**usual, name: other}) for other in others(use, name, usual[name])] for name in usual}
    assert all(varied.values())
    changing = {name for name, sketches in varied.items() if any(sketch != first for sketch in sketches)}
    assert changing == set(plugins.find(use).kind.sketch_params)


@pytest.mark.parametrize("use", uses("global"))
def test_a_sketch_holds_no_media(built: Any, use: str) -> None:
    assert all(
        image.data and image.data not in pickle.dumps(built(use).sketch(sketchable()).to_pylist())
        for image in sketchable()[0].images
    )


@pytest.mark.parametrize("use", uses("global"))
def test_verdicts_are_the_same_however_documents_are_parted(built: Any, use: str) -> None:
    step, docs = built(use), [*documents(), *sketchable()]
    one = verdicts(step, [step.sketch(docs)])
    many = verdicts(step, [step.sketch([doc]) for doc in docs])
    assert sorted(str({**row, "part": 0}) for row in many) == sorted(map(str, one)) != []


@pytest.mark.parametrize("use", uses("global"))
def test_a_global_steps_books_balance(built: Any, parameters: Any, use: str) -> None:
    step, docs = built(use), [*documents(), *sketchable()]
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in verdicts(step, [step.sketch(docs)]):
        rows[row["id"]].append(row)
    record = Record()
    plan = planned(use, parameters(use))
    before = pickle.dumps(docs)
    run_step(plan, apply_verdicts(plan, rows), docs, record)
    assert record.books[plan.key].imbalance() == ""
    assert pickle.dumps(docs) == before


@pytest.mark.parametrize("use", uses("global"))
def test_without_documents_there_are_no_verdicts(built: Any, use: str) -> None:
    step = built(use)
    assert verdicts(step, []) == verdicts(step, [step.sketch([])]) == []


@pytest.mark.parametrize("use", uses("source"))
def test_a_source_reads_the_same_again(built: Any, use: str) -> None:
    step = built(use)
    first, second = ([[*step.read(split)] for split in step.splits()] for _ in range(2))
    assert first == second
    assert [split for split in step.splits()] == [split for split in step.splits()]


@pytest.mark.parametrize("use", uses("source"))
def test_a_sources_books_balance_and_its_ids_are_its_own(built: Any, parameters: Any, use: str) -> None:
    step, record = built(use), Record()
    plan = planned(use, parameters(use))
    docs = [doc for split in step.splits() for doc in read_source(plan, step.read(split), record)]
    assert len({doc.id for doc in docs}) == len(docs) > 3
    assert record.books[plan.key].imbalance() == ""


@pytest.mark.parametrize("use", uses("source"))
def test_a_source_whose_file_is_cut_gives_what_is_left_and_says_what_is_broken(
    built: Any, parameters: Any, use: str, tmp_path: Path
) -> None:
    step, plan, record = built(use), planned(use, parameters(use)), Record()
    splits: Sequence[Split] = step.splits()
    whole = {doc.id for split in splits for doc in read_source(plan, step.read(split), Record())}
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    left = {doc.id for split in splits for doc in read_source(plan, step.read(split), record)}
    assert left <= whole
    assert record.books[plan.key].imbalance() == ""
    assert record.books[plan.key].documents.quarantined > 0 or left == whole  # half a page of HTML is a page


@pytest.mark.parametrize("use", uses("sink"))
def test_a_sink_writes_the_same_bytes_again(built: Any, use: str, tmp_path: Path) -> None:
    step = built(use)
    made = [step.write(3, documents(), tmp_path / name) for name in ("first", "second")]
    assert made[0] == made[1]
    assert made[0].documents == len(documents())
    for name in made[0].files:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


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
    info = built(use).write(0, [], tmp_path / "out")
    assert (info.documents, info.images) == (0, 0)
