"""Opens shards of a small run with loaders that need an environment of their own: Megatron-Energon, MosaicML Streaming.

    python -m venv /tmp/others && /tmp/others/bin/pip install -e . megatron-energon mosaicml-streaming torchdata
    python -m benchmarks open_elsewhere --python /tmp/others/bin/python

The run has pages with pictures of two formats, one without, and a video with a clip, a keyframe and speech. What is printed
is the last line that each loader gave; a loader that fails ends the script with its error.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import PIL.Image
import pyarrow.parquet as pq
import yaml

import interloom
from interloom.schemas.document import Clip, Document, Image, Text
from interloom.schemas.media_table import to_media_table

_TEXTS = 20
"""Pages of the run. Our choice."""
_MDS = """
from streaming import StreamingDataset
dataset = StreamingDataset(local=".", batch_size=1, shuffle=False)
print(sum(len(sample["record"]["texts"]) > 0 for sample in dataset), "samples")
"""
_WRITE_MDS = """
import sys
from interloom.jobs.__main__ import main
main(["run", sys.argv[1], "--runner", "local"])
"""
_TORCHDATA = """
from glob import glob
import webdataset
from torchdata.stateful_dataloader import StatefulDataLoader
dataset = webdataset.WebDataset(sorted(glob("shard-*.tar")), shardshuffle=False).decode("pil")
print(sum(1 for _ in StatefulDataLoader(dataset, batch_size=None)), "samples")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="python of an environment with the loaders")
    python = parser.parse_args().python
    with tempfile.TemporaryDirectory() as name:
        run = _run(Path(name))
        energon = Path(python).with_name("energon")
        for layout in ("interleaved", "pairs", "text"):
            _call(f"energon lint, {layout}", [str(energon), "lint", "."], run / layout)
        [snippet] = re.findall(r"Megatron-Energon:\n\n```python\n(.*?)```", (run / "interleaved" / "README.md").read_text(), re.S)
        _call("Energon, as the card says", [python, "-c", snippet], run / "interleaved")
        _call("torchdata over webdataset", [python, "-c", _TORCHDATA], run / "interleaved")
        recipe = _recipe(Path(name), "mds_run", [("stages.write_documents", {"format": "mds"})])
        _call("MosaicML Streaming, written", [python, "-c", _WRITE_MDS, str(recipe)], Path(name))
        _call("MosaicML Streaming, read", [python, "-c", _MDS], Path(name) / "mds_run" / "write_documents")


def _run(folder: Path) -> Path:
    """Makes documents and runs them into tars of each layout; the run's folder."""
    pq.write_table(to_media_table(_documents()), folder / "in.parquet")
    sinks = [("stages.write_webdataset", {"layout": layout}) for layout in ("interleaved", "pairs", "text")]
    recipe = _recipe(folder, "run", sinks)
    subprocess.run([sys.executable, "-m", "interloom.jobs", "run", str(recipe), "--runner", "local"], check=True)
    return folder / "run"


def _recipe(folder: Path, run: str, sinks: list[tuple[str, dict[str, str]]]) -> Path:
    source = {"use": "stages.read_documents", "id": "read", "with": {"paths": str(folder / "in.parquet")}}
    steps = [{"use": use, "id": values.get("layout", "write_documents"), "from": "read", "with": values} for use, values in sinks]
    recipe = {"name": "elsewhere", "seed": 1, "run": str(folder / run), "steps": [source, *steps]}
    (folder / f"{run}.yaml").write_text(yaml.safe_dump(recipe))
    return folder / f"{run}.yaml"


def _documents() -> list[Document]:
    def picture(format: str, position: int = 1) -> Image:
        file = io.BytesIO()
        PIL.Image.new("RGB", (64, 48)).save(file, format)
        return Image(position=position, data=file.getvalue(), format=format)

    pages = [
        Document(id=f"page{n}", elements=(Text(position=0, text=f"Text {n}"), picture("png" if n % 2 else "jpeg")))
        for n in range(_TEXTS)
    ]
    clip = Clip(position=0, data=b"moving", format="mp4", start_s=1.0, end_s=9.5)
    speech = Text(position=2, text="spoken words", origin="asr", start_s=1.0, end_s=4.0)
    video = Document(id="video", elements=(clip, picture("jpeg"), speech))
    return [*pages, Document(id="text", elements=(Text(position=0, text="no picture"),)), video]


def _call(what: str, command: list[str], folder: Path) -> None:
    paths = os.environ | {"PYTHONPATH": str(Path(interloom.__file__).parents[1])}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=paths)
    if done.returncode:
        sys.exit(f"{what}: failed\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    print(f"{what}: {done.stdout.strip().splitlines()[-1] if done.stdout.strip() else 'ok'}", flush=True)


if __name__ == "__main__":
    main()
