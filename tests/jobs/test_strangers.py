"""Files of others that lie among a run's shards are told of, because what reads the shards reads them, too."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from interloom.jobs.__main__ import main


@pytest.fixture
def warnings(recipe: Callable[..., str], crawl: Callable[..., str], tmp_path: Path) -> Callable[..., list[str]]:
    """What a run warns of that overwrites what is in its target."""

    def run(sink: str) -> list[str]:
        file = recipe(("stages.read_documents", {"paths": crawl(["one", "two"])}), (sink, {"to": str(tmp_path / "out")}))
        done = CliRunner().invoke(main, ["run", file, "--runner", "local", "--overwrite", "--quiet"])
        assert done.exit_code == 0, done.output
        return done.output.splitlines()

    return run


@pytest.mark.parametrize(
    ("sink", "names"),
    [
        ("stages.write_parquet", ["data/shard-000099.parquet", "data/mine.parquet"]),
        ("stages.write_webdataset", ["shard-000099.tar"]),
    ],
)
def test_files_that_readers_would_take_for_shards_are_told_of(
    warnings: Callable[..., list[str]], tmp_path: Path, sink: str, names: list[str]
) -> None:
    (tmp_path / "out" / "data").mkdir(parents=True)
    for name in names:
        (tmp_path / "out" / name).write_text("mine")
    others = " and 1 more" if len(names) > 1 else ""
    told = f"{tmp_path}/out holds {sorted(names)[0]}{others}, which this run did not write; what reads its shards reads that, too"
    assert warnings(sink) == [f"warning: {told}"]
    assert [(tmp_path / "out" / name).read_text() for name in names] == ["mine"] * len(names)


def test_files_that_no_reader_takes_for_shards_are_not_told_of(warnings: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "out" / "data").mkdir(parents=True)
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    (tmp_path / "out" / "data" / "notes.txt").write_text("mine")
    assert warnings("stages.write_parquet") == []


@pytest.mark.parametrize("format", ["textbook", "img2dataset"])
def test_the_manifest_beside_json_is_no_stranger(recipe: Callable[..., str], tmp_path: Path, format: str) -> None:
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\nink").decode()
    (tmp_path / "in.jsonl").write_text(json.dumps({"text": "A boat.", "image": {"bytes": picture}}) + "\n")
    source = ("stages.read_documents", {"paths": str(tmp_path / "in.jsonl")})
    file = recipe(source, ("stages.write_documents", {"format": format, "to": str(tmp_path / "out")}))
    done = CliRunner().invoke(main, ["run", file, "--runner", "local", "--quiet"])
    assert (done.exit_code, "which this run did not write" in done.output) == (0, False)
