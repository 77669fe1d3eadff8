"""The lines of Python in a dataset card load the shards beside it, as they stand there."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import yaml

from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.planning.plan import Plan

ELSEWHERE = ("Megatron-Energon", "Ray")
"""Energon has an environment of its own, and Ray a slow test."""


def picture(format: str) -> str:
    file = io.BytesIO()
    PIL.Image.new("RGB", (8, 6)).save(file, format)
    return base64.b64encode(file.getvalue()).decode()


@pytest.fixture
def written(planned: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a recipe with a sink, over texts with pictures of several formats; goes to the sink's folder; the card there."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    rows = [{"text": f"Text {n}", "image": picture("png" if n % 2 else "jpeg")} for n in range(6)]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, [*rows, {"text": "no picture"}])))

    def write(use: str, **parameters: str) -> str:
        source = ("stages.read_documents", {"paths": str(tmp_path / "in.jsonl"), "format": "text"})
        plan = planned(source, "stages.decode_images", (use, parameters))
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
    assert len(dataset) == about["splits"][0]["num_examples"] == (6 if layout == "pairs" else 7)
    pictures = [value for row in dataset for cell in row.values() for value in (cell if isinstance(cell, list) else [cell])]
    sizes = {value.size for value in pictures if isinstance(value, PIL.Image.Image)}
    assert sizes == (set() if layout == "text" else {(8, 6)})


def test_the_flat_layout_is_read_without_its_card(written: Callable[..., str]) -> None:
    import datasets

    written("stages.write_webdataset", layout="flat")
    dataset = datasets.load_dataset("webdataset", data_files="shard-*.tar", split="train")
    [row] = [row for row in dataset if row["texts.json"] == ["no picture"]]
    assert row["images.mp"] == [None]
    record: dict[str, Any] = json.loads(row["record.txt"])
    assert [element["kind"] for element in record["elements"]] == ["text"]


@pytest.mark.slow
@pytest.mark.ray
def test_ray_reads_parquet_and_tars(written: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    import ray

    codes = [snippets(written(use, layout="interleaved"))["Ray"] for use in ("stages.write_parquet", "stages.write_webdataset")]
    try:
        exec(codes[1], {})
        assert "__key__" in capsys.readouterr().out
    finally:
        ray.shutdown()
