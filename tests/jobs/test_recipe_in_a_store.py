"""A recipe, its plug-ins and its lists in a bucket: the command needs nothing but its address."""

import json
from pathlib import Path

from click.testing import CliRunner

from interloom.jobs.__main__ import main
from interloom.pipeline.store import run_reader, storage

PLUGIN = """
from interloom.pipeline.filter import document_filter
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter
def too_short(doc: Document, *, at_least: int = 3) -> Drop | None:
    words = len(doc.text.split())
    return Drop("too_short", words, at_least) if words < at_least else None
"""
RECIPE = """
name: in-a-store
run: ../runs/web
steps:
  - use: stages.read_documents
    with: {paths: in.jsonl}
  - use: own.too_short
  - use: filters.word_blocklist
    with: {file: lists/words.txt}
  - use: stages.write_parquet
"""


def test_a_recipe_in_a_bucket_finds_what_lies_beside_it(s3: str, tmp_path: Path) -> None:
    texts = ["one", "a harbour wakes", "a casino wakes"]
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    files = {"web.yaml": RECIPE, "own/too_short.py": PLUGIN, "lists/words.txt": "casino\n", "in.jsonl": lines}
    for name, content in files.items():
        storage.write(f"{s3}/recipes/{name}", content.encode())
    done = CliRunner().invoke(main, ["run", f"{s3}/recipes/web.yaml", "--runner", "local", "--quiet"])
    assert (done.exit_code, done.stderr) == (0, "")
    drops = sorted(row["reason"] for row in run_reader.decisions(f"{s3}/runs/web"))
    assert drops == ["blocked_words_share_too_high", "too_short"]
    assert storage.exists(f"{s3}/runs/web/write_parquet/manifest.json")
