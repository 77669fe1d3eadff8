"""`demo`: generates a crawl with planted faults, runs it, compares the result with what was planted, prints one document."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click

from interloom.jobs import _run, _show
from interloom.jobs.demo.check import check
from interloom.jobs.demo.crawl import make_crawl
from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store import run_reader, storage
from interloom.pipeline.store.lease import is_owned
from interloom.pipeline.store.tables import read_table
from interloom.schemas.document import Document
from interloom.schemas.media_table import from_media_table

RECIPE = Path(__file__).parents[1] / "demo.yaml"
_MARK = ".interloom-demo"
"""A file in the folder of every demo: only a folder with it is emptied."""


def demo(folder: str, runner: str, pages: int) -> int:
    """Returns the exit status: 0 if every planted page and image was kept or dropped as expected, else 1. Raises ConfigError for
    a folder that holds something else."""
    root = Path(folder)
    _empty(root)
    click.echo(f"generating a crawl of {pages} pages in {root / 'crawl'}")
    planted = make_crawl(root / "crawl", pages=pages)
    os.environ["INTERLOOM_DEMO"] = str(root)
    _run.run(str(RECIPE), (), runner)
    run = str(root / "run")
    finished = finished_documents(storage.join(run, "write_parquet"))
    mismatches = check(planted, run_reader.decisions(run), finished)
    for line in mismatches:
        click.echo(f"not as expected: {line}", err=True)
    if finished:
        shown = max(finished, key=lambda doc: (len(doc.images), doc.id))
        click.echo(f"\none of {len(finished)} finished documents:\n\n{shown.source.url}")
        for line in _show.lines(shown):
            click.echo(line)
    click.echo(f"\n{len(planted.pages)} planted pages, {len(mismatches)} not as expected")
    click.echo(f"shards: {root / 'run' / 'write_webdataset'}; ask `interloom why {run} URL`, `interloom show {run} URL`")
    return 1 if mismatches else 0


def _empty(root: Path) -> None:
    """Makes the demo's folder, or empties it if it carries the demo's mark. Raises ConfigError for another that is not empty."""
    mark = root / _MARK
    if root.exists() and not mark.is_file() and (not root.is_dir() or any(root.iterdir())):
        raise ConfigError(f"{root} holds something that no demo made; choose another --folder, or remove it yourself")
    if mark.is_file():
        if is_owned(str(root / "run")):
            raise ConfigError(f"{root} belongs to a demo that is running; wait until it ends, or choose another --folder")
        shutil.rmtree(root)
    root.mkdir(parents=True, exist_ok=True)
    mark.write_text("Made by `interloom demo`, which empties this folder each time.\n")


def finished_documents(sink: str) -> list[Document]:
    """The documents in the shards of a Parquet sink, with the bytes of their images."""
    shards = [file.path for file in storage.glob(storage.join(sink, "data", "*.parquet"))]
    return [doc for shard in shards for doc in from_media_table(read_table(shard))]
