"""What a newcomer does in the first hour: three recipes, each with a small input of its own."""

from __future__ import annotations

import io
import json
import random
import tarfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from interloom.jobs import _init, _plan
from interloom.jobs.__main__ import main
from interloom.jobs.demo import shapes
from interloom.pipeline.execution.driver import execute, summary
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.planning.plan import make_plan
from interloom.pipeline.planning.recipe import read_recipe

JOBS = Path(_plan.__file__).parent
SHAPES = str(JOBS / "demo" / "assets" / "shapes_clip")
PROSE = "The harbour wakes before the town does, and the boats come in with what the night has given them. "


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in _init.STARTERS.values():
        monkeypatch.setenv(variable, str(tmp_path / "in"))
    monkeypatch.setenv("RUN", str(tmp_path / "run"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    return tmp_path


def finish(name: str, *settings: str) -> Any:
    """The run of a recipe that `init` wrote."""
    written = CliRunner().invoke(main, ["init", name])
    assert written.exit_code == 0, written.output
    return execute(make_plan(*read_recipe(f"{name}.yaml", settings)), LocalRunner())


def picture(n: int) -> bytes:
    drawn, _ = shapes.draw(random.Random(n))
    file = io.BytesIO()
    drawn.save(file, "png")
    return file.getvalue()


def test_a_folder_of_pages_with_pictures_becomes_interleaved_parquet(folder: Path) -> None:
    (folder / "secret.png").write_bytes(picture(9))
    (folder / "in" / "trip" / "img").mkdir(parents=True)
    (folder / "in" / "trip" / "img" / "a boat.png").write_bytes(picture(1))
    (folder / "in" / "top.png").write_bytes(picture(2))
    (folder / "in" / "trip" / "link.png").symlink_to(folder / "secret.png")
    outside = ["../../secret.png", f"file://{folder}/secret.png", "link.png", "http://a.org/gone.png"]
    body = "".join(
        f"<p>{PROSE * 3}</p><img src='{source}' width=400 height=300 alt='A boat.'>"
        for source in ["img/a%20boat.png", "/top.png", *outside]
    )
    (folder / "in" / "trip" / "day.html").write_text(
        f"<html><title>Day</title><body><article><h1>Day</h1>{body}</article></body></html>"
    )
    run = finish("pages")
    [row] = pq.read_table(folder / "run" / "write_parquet" / "data").to_pylist()
    assert [image["bytes"] for image in row["images"] if image] == [picture(1), picture(2)]
    assert row["source"]["url"] == "file:/trip/day.html"
    assert row["texts"][0] == "Day" and row["texts"][1].startswith("The harbour wakes")
    assert summary(run)["fetch_images"].images.dropped == {"not_found": 4}


def test_a_file_of_texts_becomes_parquet_without_duplicates(folder: Path) -> None:
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    texts = [" ".join(words[n % 10 :] + words[: n % 7] * (n + 2)) for n in range(8)]
    rows = [{"text": text, "url": f"http://a.org/{n}", "topic": "sea", "likes": n} for n, text in enumerate([*texts, texts[0]])]
    (folder / "in" / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = finish("texts")
    table = pq.read_table(folder / "run" / "write_parquet" / "data").to_pylist()
    assert len(table) == summary(run)["dedup_minhash"].documents.out < 9
    assert summary(run)["dedup_exact"].documents.dropped == {"duplicate_text": 1}
    assert {row["text"] for row in table} <= set(texts)
    assert {tuple(pair.values()) for row in table for pair in row["labels"]} == {("topic", "sea")}


@pytest.mark.slow
def test_a_folder_of_pictures_with_captions_becomes_pairs_with_scores(folder: Path) -> None:
    for n in range(4):
        (folder / "in" / f"{n}.png").write_bytes(picture(n))
        (folder / "in" / f"{n}.txt").write_text("a red circle")
    tiny = [f"steps.2.with.model={SHAPES}", "steps.2.with.pretrained=null", "steps.3.with.at_least=-1"]
    finish("captions", *tiny)
    [shard] = (folder / "run" / "write_webdataset").glob("*.tar")
    with tarfile.open(shard) as tar:
        members = {member.name: tar.extractfile(member) for member in tar}
        contents = {name: file.read() for name, file in members.items() if file}
    assert sorted(data for name, data in contents.items() if name.endswith(".png")) == sorted(picture(n) for n in range(4))
    assert {data for name, data in contents.items() if name.endswith(".txt")} == {b"a red circle"}
    facts = [json.loads(data) for name, data in contents.items() if name.endswith(".json")]
    assert all(-1 <= about["image"]["scores"]["clip"] <= 1 for about in facts)


def test_init_says_how_to_go_on_and_overwrites_nothing(folder: Path) -> None:
    first, second = (CliRunner().invoke(main, ["init", "texts"]) for _ in range(2))
    assert first.output == (
        "wrote texts.yaml. Next:\n"
        "  export TEXTS=path/of/your/input RUN=texts-run\n"
        "  interloom validate texts.yaml && interloom run texts.yaml\n"
    )
    assert (second.exit_code, second.output) == (
        2,
        "texts.yaml: there is such a file already; move it, or run init in another folder\n",
    )
