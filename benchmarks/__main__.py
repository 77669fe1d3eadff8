"""Runs all benchmarks with short settings, or one benchmark with the options that follow its name."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Mapping, Sequence

from benchmarks import _machine

_QUICK: Mapping[str, Sequence[str]] = {
    "empty_run": ("--runs", "1"),
    "many_units": ("--units", "10000"),
    "plan_size": ("--units", "20000"),
    "ranks": ("--rows", "300000"),
    "balance": ("--rows", "300000"),
    "planted_topics": ("--most", "60", "--cap", "5"),
    "retrieve": ("--items", "50000", "--queries", "5000", "--sample", "2000", "--workers", "2"),
    "overlap": ("--units", "6"),
    "dedup_minhash": ("5000",),
    "faults": ("--only", "0", "1", "2"),
    "cluster_changes": ("--only", "3"),
    "soak": ("--minutes", "0.5"),
    "scale": ("--documents", "5000"),
    "plan_sample": ("--pages", "600", "--sample", "60"),
    "step_memory": ("--pages", "200", "--chain", "texts"),
    "dedup_image": ("100000",),
    "image_duplicates": (),
    "text_dedup": ("--documents", "5000", "--runs", "1"),
    "score_clip": ("--documents", "2"),
    "embed_texts": ("--texts", "256", "--runs", "1"),
    "gpu_script": ("--tiny",),
    "extract_html": (),
    "unseen_pages": (),
    "field_cases": (),
    "keyframes": ("--seconds", "10", "--repeat", "1"),
    "screen_text": ("made",),
    "speech": ("--short",),
    "loader_resume": ("--trials", "1"),
    "fetch": ("--images", "4000", "--runs", "1"),
    "loader": ("--documents", "1000", "--runs", "1"),
    "open_elsewhere": (),
    "lectures": ("--decks", "cities_and_decarbonization", "--seconds", "100"),
}
"""All benchmarks, each with options with which it takes about a minute."""


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status: 0, or 2 if the name is not the name of a benchmark."""
    name, *options = arguments or [""]
    if name and name not in _QUICK:
        print(f"no benchmark '{name}'; the benchmarks are {', '.join(_QUICK)}", file=sys.stderr)
        return 2
    for benchmark in [name] if name else _QUICK:
        print(f"\n== {benchmark} on {_machine.description()}", flush=True)
        sys.argv = [benchmark, *(options if name else _QUICK[benchmark])]
        try:
            runpy.run_module(f"benchmarks.{benchmark}", run_name="__main__")
        except (ModuleNotFoundError, FileNotFoundError) as error:  # the software it compares with, or its data, is missing
            print(f"skipped: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
