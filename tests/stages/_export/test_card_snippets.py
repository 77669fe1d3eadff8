"""The lines of Python in a dataset card load the shards beside it, as they stand there."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

import PIL.Image
import pyarrow.parquet as pq
import pytest
import yaml

from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.planning.plan import Plan
from interloom.schemas.document import Clip, Document, Image, Source, Text
from interloom.schemas.media_table import to_media_table

ELSEWHERE = ("Megatron-Energon", "Ray")
"""Energon has an environment of its own, and Ray a slow test."""


def picture(format: str) -> bytes:
    file = io.BytesIO()
    PIL.Image.new("RGB", (8, 6)).save(file, format)
    return file.getvalue()


def picture_of(number: int, format: str) -> Image:
    return Image(position=1, url=f"https://ex.com/{number}", data=picture(format), format=format)


def documents() -> list[Document]:
    """Pages with pictures of two formats, one without, and a video with a clip, a keyframe and speech."""
    formats = ["png", "jpeg"] * 3
    pages = [
        Document(id=f"page{n}", elements=(Text(position=0, text=f"Text {n}"), picture_of(n, kind)))
        for n, kind in enumerate(formats[1:])
    ]
    clip = Clip(position=0, data=b"moving", format="mp4", start_s=1.0, end_s=9.5)
    frame = Image(position=1, data=picture("jpeg"), format="jpeg", start_s=1.0, end_s=4.0)
    speech = Text(position=2, text="spoken words", origin="asr", start_s=1.0, end_s=4.0)
    text = Document(id="text", elements=(Text(position=0, text="no picture"),))
    all_ = [*pages, text, Document(id="video", elements=(clip, frame, speech))]
    return [replace(doc, source=Source(url="https://ex.com/")) for doc in all_]


@pytest.fixture
def written(planned: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a recipe with a sink over `documents`; goes to the sink's folder; the card there."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    pq.write_table(to_media_table(documents()), tmp_path / "in.parquet")

    def write(use: str, **parameters: str) -> str:
        plan = planned(("stages.read_documents", {"paths": str(tmp_path / "in.parquet")}), (use, parameters))
        execute(plan, LocalRunner())
        monkeypatch.chdir(Path(plan.run) / use.removeprefix("stages."))
        return Path("README.md").read_text()

    return write


def snippets(card: str) -> dict[str, str]:
    return {title.partition(" (")[0]: code for title, code in re.findall(r"\n([^\n]+):\n\n```python\n(.*?)```", card, re.DOTALL)}


SINKS = [
    ("stages.write_parquet", "interleaved"),
    ("stages.write_parquet", "pairs"),
    ("stages.write_parquet", "text"),
    ("stages.write_webdataset", "interleaved"),
    ("stages.write_webdataset", "pairs"),
    ("stages.write_webdataset", "text"),
    ("stages.write_webdataset", "flat"),
]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")  # of webdataset
@pytest.mark.parametrize(("use", "layout"), SINKS)
def test_every_snippet_of_a_card_runs_where_the_card_is(
    written: Callable[..., str], use: str, layout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = snippets(written(use, layout=layout))
    assert len(found) >= 5
    for title, code in found.items():
        if title not in ELSEWHERE:
            exec(code, {})
            assert capsys.readouterr().out.strip(), title


@pytest.mark.parametrize(("use", "layout"), [sink for sink in SINKS if sink != ("stages.write_webdataset", "interleaved")])
def test_datasets_reads_what_the_card_promises(written: Callable[..., str], use: str, layout: str) -> None:
    import datasets

    about = yaml.safe_load(written(use, layout=layout).split("---\n")[1])["dataset_info"]
    dataset = datasets.load_dataset(str(Path.cwd()), split="train")
    assert dataset.features == datasets.Features._from_yaml_list(about["features"])
    assert len(dataset) == about["splits"][0]["num_examples"] == (5 if layout == "pairs" else 7)
    pictures = [value for row in dataset for cell in row.values() for value in (cell if isinstance(cell, list) else [cell])]
    sizes = {value.size for value in pictures if isinstance(value, PIL.Image.Image)}
    assert sizes == (set() if layout == "text" else {(8, 6)})


@pytest.mark.parametrize(
    ("use", "parameters"),
    [
        *(("stages.write_webdataset", {"layout": layout}) for layout in ("pairs", "text")),
        ("stages.write_documents", {"format": "img2dataset"}),
    ],
)
def test_datasets_shows_all_fields_of_the_json_of_tars(written: Callable[..., str], use: str, parameters: dict[str, str]) -> None:
    import datasets

    written(use, **parameters)
    with tarfile.open(next(Path.cwd().rglob("*.tar"))) as tar:
        name = next(name for name in tar.getnames() if name.endswith(".json"))
        stored = json.loads(cast(IO[bytes], tar.extractfile(name)).read())
    rows = datasets.load_dataset(str(Path.cwd()), split="train")
    assert next(row["json"] for row in rows if row["__key__"] == name.removesuffix(".json")) == stored
    assert len(stored) > 3


ROWS = {"obelics": 7, "mint_html": 7, "omnicorpus": 7, "mmc4": 7, "pin": 7, "textbook": 7, "realsyn": 5}
ROWS |= {"img2dataset": 5, "datacomp": 5, "nemo_curator": 20, "data_juicer": 7}
"""Formats that `datasets` reads, with the rows of the documents in each."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")  # of webdataset
@pytest.mark.parametrize("format", ROWS)
def test_datasets_reads_all_rows_of_a_published_format(
    written: Callable[..., str], format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import datasets

    found = snippets(written("stages.write_documents", format=format, shard_size_bytes="600"))
    assert len(list(Path.cwd().rglob("*0002.*"))) > 0
    assert len(datasets.load_dataset(str(Path.cwd()), split="train")) == ROWS[format]
    for title, code in found.items():
        if title not in ELSEWHERE:
            exec(code, {})
            assert capsys.readouterr().out.strip(), title


def test_the_card_of_a_subset_loads_it(written: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    card = written("stages.write_subset")
    [code] = snippets(card).values()
    exec(code, {})
    assert "(" in capsys.readouterr().out
    assert yaml.safe_load(card.split("---\n")[1])["configs"][0]["data_files"][0]["path"] == "subset.npy"


def test_the_flat_layout_is_read_without_its_card(written: Callable[..., str]) -> None:
    import datasets

    written("stages.write_webdataset", layout="flat")
    dataset = datasets.load_dataset("webdataset", data_files="shard-*.tar", split="train")
    [row] = [row for row in dataset if row["texts.json"] == [None, None, "spoken words"]]
    assert row["images.mp"] == [None, {"bytes": picture("jpeg"), "path": "1.jpg"}, None]
    record: dict[str, Any] = json.loads(row["record.txt"])
    assert [element["kind"] for element in record["elements"]] == ["clip", "image", "text"]


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # of Ray Data
def test_ray_reads_parquet_and_tars(
    written: Callable[..., str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "local")  # no cluster that another test has started, and ends
    import ray

    try:
        for use, shown in (("stages.write_parquet", "'id': '"), ("stages.write_webdataset", "__key__")):
            exec(snippets(written(use, layout="interleaved"))["Ray"], {})
            assert shown in capsys.readouterr().out
    finally:
        ray.shutdown()
