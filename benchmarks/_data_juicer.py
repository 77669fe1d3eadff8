"""Runs data-juicer, with which Interloom is compared, from a virtual environment of its own."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from benchmarks._command import Usage, measure

SETUP = 'python3 -m venv DIR && DIR/bin/pip install py-data-juicer==1.6.1 "ray[data]" scipy aiohttp'
"""The shell command that makes the environment in DIR."""
_MINHASH = {
    "tokenization": "space",
    "window_size": 5,
    "lowercase": True,
    "num_permutations": 256,
    "jaccard_threshold": 0.8,
}
_MODES = {
    "default": ({"executor_type": "default"}, "document_minhash_deduplicator"),
    "ray": ({"executor_type": "ray", "ray_address": "local"}, "ray_bts_minhash_deduplicator"),
}


def run(python: Path, mode: str, documents: Path, folder: Path) -> tuple[Usage, set[str]]:
    """The usage of the whole command, and the ids of the documents that it kept.

    `python` is the interpreter of the environment made by SETUP, `mode` the executor (`default` or `ray`), `documents` a JSON
    lines file, `folder` a new folder for its output. No call uses a cache of an earlier call.
    """
    executor, dedup = _MODES[mode]
    steps = [
        {"words_num_filter": {"min_num": 10, "max_num": 10_000}},
        {"text_length_filter": {"min_len": 10, "max_len": 100_000}},
        {dedup: _MINHASH},
    ]
    out = folder / ("out.jsonl" if mode == "default" else "out")
    recipe = {"project_name": "bench", "dataset_path": str(documents), "export_path": str(out), "np": 2, **executor}
    (folder / "recipe.yaml").write_text(yaml.safe_dump({**recipe, "process": steps}))
    command = [str(python.parent / "dj-process"), "--config", str(folder / "recipe.yaml")]
    usage = measure(command, folder / "log", PYTHONPATH="", HF_DATASETS_CACHE=str(folder / "cache"))
    files = [out] if out.is_file() else sorted(out.glob("*.json*"))
    return usage, {json.loads(line)["id"] for file in files for line in file.open()}
