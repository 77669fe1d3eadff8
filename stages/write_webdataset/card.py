"""What the dataset card says of tar shards: their members, and how to load them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from interloom.pipeline.card_parts import CardParts
from interloom.schemas.sample import IMAGES, RECORD, TEXTS
from interloom.stages._export.pair_features import pair_features
from interloom.stages.write_webdataset.layouts import Layout

_DATASETS = """
from pathlib import Path

from datasets import load_dataset

dataset = load_dataset(str(Path.cwd()), split="train")
print(dataset[0]["__key__"])
"""
_WEBDATASET = """
from glob import glob

import webdataset

for sample in webdataset.WebDataset(sorted(glob("shard-*.tar")), shardshuffle=False).decode("pil"):
    print(sample["__key__"], list(sample))
"""
_ENERGON = """
from megatron.energon import WorkerConfig, get_loader, get_train_dataset

config = WorkerConfig(rank=0, world_size=1, num_workers=0)
dataset = get_train_dataset("./", batch_size=None, shuffle_buffer_size=100, max_samples_per_sequence=100, worker_config=config)
for sample in get_loader(dataset):
    print(sample.__key__)
    break
"""
_LOADER = """
from interloom.loader import StreamingDocuments

for sample in StreamingDocuments("./"):
    print(sample.id)
"""
_TORCH = """
from glob import glob

import webdataset
from torch.utils.data import DataLoader

dataset = webdataset.WebDataset(sorted(glob("shard-*.tar")), shardshuffle=False).decode("pil")
for sample in DataLoader(dataset, batch_size=None):
    print(sample["__key__"])
"""
_RAY = """
from pathlib import Path

import ray

print(ray.data.read_webdataset(str(Path.cwd()), file_extensions=["tar"], decoder=False).take(1))
"""
_PYTHON = """
import tarfile

with tarfile.open("shard-000000.tar") as tar:
    print(tar.getnames()[:3])
"""
_FACTS = "JSON: id, source, labels, scores of the document"
_MEMBERS: Mapping[Layout, Mapping[str, str]] = {
    "interleaved": {
        "json": f"{_FACTS}; the parallel lists `texts` and `images` (names of members), null at gaps; `elements` in detail",
        "<position>.<extension>": "each picture or clip, encoded",
    },
    "pairs": {"jpg, png, ...": "the picture, encoded", "txt": "its text", "json": f"{_FACTS}, and of the picture"},
    "text": {"txt": "the running text", "json": _FACTS},
    "flat": {
        TEXTS: "the texts, parallel to the elements, null at gaps",
        IMAGES: "the pictures as {bytes, path} in MessagePack, parallel to the elements, null at gaps",
        RECORD: f"{_FACTS}; `elements` in detail",
    },
}

_INTERLEAVED = CardParts(
    kind="interleaved",
    opt_out_in="`source.opt_out` and in `opt_out` of `elements`",
    url_in="`source.url` or in `url` of its `elements`",
    source_in="`source`",
)
_ABOUT: Mapping[Layout, CardParts] = {
    "interleaved": _INTERLEAVED,
    "flat": _INTERLEAVED,
    "pairs": CardParts(
        kind="pairs",
        opt_out_in="`source.opt_out` (of the page) and `image.opt_out` of the JSON",
        url_in="`source.url` or in `image.url` of the JSON",
        source_in="`source` of the JSON",
    ),
    "text": CardParts(
        kind="texts",
        opt_out_in="`source.opt_out` of the JSON",
        url_in="`source.url` of the JSON",
        source_in="`source` of the JSON",
    ),
}


def parts(layout: Layout, suffixes: Collection[str]) -> CardParts:
    """Returns what the card says.

    Parameters:
        layout: The layout of the samples.
        suffixes: The suffixes of members of pairs.
    """
    snippets = {"webdataset": _WEBDATASET, "torch": _TORCH, "Ray": _RAY, "Python alone": _PYTHON}
    snippets |= {"Interloom's loader": _LOADER}
    about = replace(_ABOUT[layout], columns=_MEMBERS[layout])
    if layout == "interleaved":  # its samples have different members, of which `datasets` makes no table
        return replace(about, snippets={**snippets, "Megatron-Energon": _ENERGON})
    snippets = {"Hugging Face `datasets`": _DATASETS, **snippets}
    return replace(about, data_files="shard-*.tar", features=_features(layout, suffixes), snippets=snippets)


def _features(layout: Layout, suffixes: Collection[str]) -> Sequence[Mapping[str, Any]]:
    """The columns that `datasets` shall make of the members, whatever the first samples have."""
    columns = pair_features(suffixes if layout == "pairs" else ())
    if layout == "flat":
        columns = [{"name": TEXTS, "list": "string"}, {"name": IMAGES, "list": "image"}, {"name": RECORD, "dtype": "string"}]
    return [*columns, *({"name": name, "dtype": "string"} for name in ("__key__", "__url__"))]
