"""Lines of Python for the dataset card that load shards from the folder of the card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

_DATASETS = """
from pathlib import Path

from datasets import load_dataset

dataset = load_dataset(str(Path.cwd()), split="train")
print(dataset[0]["id"])
"""
_POLARS = """
import polars

print(polars.scan_parquet("data").select("id").head().collect())
"""
_DUCKDB = """
import duckdb

print(duckdb.sql("select count(*) from 'data/*.parquet'"))
"""
_PYARROW = """
import pyarrow.dataset

print(pyarrow.dataset.dataset("data").head(3, columns=["id"]))
"""
_PANDAS = """
import pandas

print(pandas.read_parquet("data", columns=["id"]))
"""
_RAY = """
from pathlib import Path

import ray

print(ray.data.read_parquet(str(Path("data").resolve()), columns=["id"]).take(3))
"""

_JSON = """
import json

with open("shard-000000.json") as file:
    rows = json.load(file)
print(rows[0]["id"])
"""
_JSON_LINES = """
import json

with open("shard-000000.jsonl") as file:
    print(json.loads(next(file))["id"])
"""
_WEBDATASET = """
from glob import glob

import webdataset

for sample in webdataset.WebDataset(sorted(glob("*.tar")), shardshuffle=False).decode("pil"):
    print(sample["__key__"], list(sample))
"""
_MDS = """
from streaming import StreamingDataset

print(StreamingDataset(local="./", batch_size=1)[0]["id"])
"""
_NUMPY = """
import numpy

print(numpy.load("subset.npy")[:3])
"""
SUBSET_SNIPPETS: Mapping[str, str] = {"numpy (`datasets` does not read this format)": _NUMPY}
MDS_SNIPPETS: Mapping[str, str] = {"MosaicML Streaming (`datasets` does not read this format)": _MDS}
IMG2DATASET_SNIPPETS: Mapping[str, str] = {
    "Hugging Face `datasets`": _DATASETS.replace('"id"', '"__key__"'),
    "webdataset": _WEBDATASET,
}


def json_snippets(container: Literal["jsonl", "json"], column: str) -> Mapping[str, str]:
    """Returns a snippet for each reader of JSON.

    Parameters:
        container: Whether a shard is JSON lines or an array.
        column: A field of the rows, which the snippets show.
    """
    alone = _JSON if container == "json" else _JSON_LINES
    snippets = {"Hugging Face `datasets`": _DATASETS, "Python alone": alone}
    return {title: code.replace('"id"', f'"{column}"') for title, code in snippets.items()}


def parquet_snippets(column: str = "id") -> Mapping[str, str]:
    """Returns a snippet for each reader of Parquet.

    Parameters:
        column: A column of the files, which the snippets show.
    """
    snippets = {
        "Hugging Face `datasets` (pictures are decoded)": _DATASETS,
        "polars": _POLARS,
        "DuckDB": _DUCKDB,
        "pyarrow": _PYARROW,
        "pandas": _PANDAS,
        "Ray": _RAY,
    }
    return {title: code.replace('"id"', f'"{column}"') for title, code in snippets.items()}
