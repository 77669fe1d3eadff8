"""Lines of Python for the dataset card that load Parquet files from the folder of the card."""

from __future__ import annotations

from collections.abc import Mapping

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
import ray

print(ray.data.read_parquet("data", columns=["id"]).take(3))
"""


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
