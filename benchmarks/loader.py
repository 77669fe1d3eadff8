"""Compares how fast loaders read the same shards, and measures how long ours needs to resume at a billion samples.

`python -m benchmarks loader [--documents 5000] [--runs 3] [--mds PYTHON] [--energon PYTHON]`: 5,000 documents of a text and two
JPEGs of 640 x 480 and about 55 KB. Loaders take turns, so that all see the same machine; the best of the runs counts, per second
of processor time. MosaicML Streaming and Megatron-Energon run in environments of their own, whose Python is given. Decoding is
compared with PIL in a loop over the same pictures in memory, on the first shards.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import subprocess
import sys
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
import PIL.Image

from benchmarks import _loader_peers
from benchmarks._loader_corpus import write
from interloom.loader import StreamingDocuments
from interloom.pipeline.temporary import temporary_folder
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.shard_index import SHARDS, ShardEntry, pack_shards
from interloom.stages.write_parquet import WriteParquet

_SHARD_DOCUMENTS = 625
_SIZE, _QUALITY = (640, 480), 79
_PICTURES = 32
"""Different pictures; documents have them in turn."""
_READING = ("read_files", "bare_tar", "interloom", "interloom_ordered", "interloom_parquet", "webdataset", "webdataset_shuffled")
_DECODING = ("bare_decode", "bare_converted", "interloom_decode", "bare_draft", "interloom_draft")


@lru_cache(maxsize=_PICTURES)
def picture(number: int) -> bytes:
    """A JPEG with about the spectrum of a photograph that is a little soft: the amplitude falls with the frequency."""
    width, height = _SIZE
    noise = np.fft.rfft2(np.random.default_rng(number).standard_normal((3, height, width)))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)) + 1 / width
    field = np.fft.irfft2(noise / frequency**1.6, (height, width))
    field = (field - field.mean()) / field.std()
    field = 0.9 * field[:1] + 0.3 * field  # colours differ less than brightness
    pixels = np.clip(128 + 55 * field, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    PIL.Image.fromarray(pixels.transpose(1, 2, 0)).save(file, "jpeg", quality=_QUALITY)
    return file.getvalue()


def document(number: int) -> Document:
    """A document with 400 words and two pictures."""
    draw = random.Random(number)
    words = " ".join(draw.choice(("water", "rises", "with", "the", "tide")) for _ in range(400))
    data = [picture((2 * number + n) % _PICTURES) for n in (0, 1)]
    pictures = [Image(position=1 + 2 * n, format="jpeg", data=data[n], width=_SIZE[0], height=_SIZE[1]) for n in (0, 1)]
    elements = (Text(position=0, text=words[:1200]), pictures[0], Text(position=2, text=words[1200:]), pictures[1])
    return Document(id=f"{number:032x}", elements=elements)


def rates(folder: Path, way: str, python: str, documents: int) -> tuple[float, float]:
    """Samples and MB per second of processor time; in a process of its own."""
    root = Path(__file__).parents[1]
    command = [python, str(root / "benchmarks" / "_loader_peers.py"), str(folder), way]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}"} if python == sys.executable else dict(os.environ)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    result = json.loads(done.stdout.splitlines()[-1])
    samples = documents if way == "read_files" else result["samples"]
    return samples / result["cpu_s"], result["bytes"] / 1e6 / result["cpu_s"]


def resume_s(folder: Path, shards: int = 400_000, samples: int = 2500) -> tuple[float, float]:
    """Seconds to open an index of a billion samples and to find the places of the samples after a state in its middle, and the
    memory of this process in MB."""
    names = (f"shard-{number:06d}.tar" for number in range(shards))
    entries = [ShardEntry(name, 256 << 20, "ab" * 32, samples) for name in names]
    (folder / "large" / SHARDS).parent.mkdir(parents=True)
    (folder / "large" / SHARDS).write_bytes(pack_shards(entries))
    (folder / "large" / "manifest.json").write_text(json.dumps({"shards": []}))
    del entries
    dataset = StreamingDocuments(str(folder / "large"), batch=1024, ranks=64, rank=5)
    state = dataset.state_dict() | {"epoch": 1, "position": 1024 * 400_000}
    started = time.perf_counter()
    dataset = StreamingDocuments(str(folder / "large"), batch=1024, ranks=64, rank=5)
    dataset.load_state_dict(state)
    ranges = iter([range(16)])
    next(dataset.stream.located(1, state["position"] + 5, 64, ranges))
    return time.perf_counter() - started, _peak_mb()


def _peak_mb() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1e3


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--mds", default="", help="the Python of an environment with mosaicml-streaming")
    parser.add_argument("--energon", default="", help="the Python of an environment with megatron-energon")
    options = parser.parse_args()
    with temporary_folder() as name:
        folder = Path(name)
        seconds, memory = resume_s(folder)
        print(f"resume at 10^9 samples: {seconds:.2f} s to the places of the next samples; {memory:.0f} MB of memory in all")
        write(folder / _loader_peers.SHARDS, map(document, range(options.documents)), _SHARD_DOCUMENTS)
        write(folder / _loader_peers.PARQUET, map(document, range(options.documents)), _SHARD_DOCUMENTS, WriteParquet())
        few = min(options.documents, _SHARD_DOCUMENTS)
        write(folder / "few" / _loader_peers.SHARDS, map(document, range(few)), _SHARD_DOCUMENTS)
        ways = dict.fromkeys((*_READING, *_DECODING), sys.executable)
        if options.mds:
            rates(folder, "write_mds", options.mds, options.documents)
            ways |= dict.fromkeys(("mds", "mds_by_number"), options.mds)
        if options.energon:
            ways["energon"] = options.energon
        best: dict[str, tuple[float, float]] = {}
        for _ in range(options.runs):
            for way, python in ways.items():
                place = folder / "few" if way in _DECODING else folder
                best[way] = max(best.get(way, (0.0, 0.0)), rates(place, way, python, options.documents))
        for way, (samples, megabytes) in best.items():
            bytes_of_it = "" if way in _DECODING else f" and {megabytes:7,.0f} MB"
            print(f"{way:20} {samples:9,.0f} samples{bytes_of_it} per second of processor time")


if __name__ == "__main__":
    main()
