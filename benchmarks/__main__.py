"""Runs benchmarks: all of them quickly, or the one named, with its own options behind its name."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Mapping, Sequence

from benchmarks import _machine

_QUICK: Mapping[str, Sequence[str]] = {
    "empty_run": ("--runs", "1"),
    "dedup_minhash": ("5000",),
    "text_dedup": ("--documents", "5000", "--runs", "1"),
    "score_clip": ("--documents", "2"),
    "extract_html": (),
    "unseen_pages": (),
    "keyframes": ("--seconds", "10", "--repeat", "1"),
    "screen_text": ("made",),
    "lectures": ("--decks", "cities_and_decarbonization", "--seconds", "100"),
}
"""All benchmarks, with the options under which each takes about a minute."""


def main(arguments: Sequence[str]) -> int:
    """Exit status 0, or 2 for a name that is none of ours."""
    name, *options = arguments or [""]
    if name and name not in _QUICK:
        print(f"no benchmark '{name}'; there are {', '.join(_QUICK)}", file=sys.stderr)
        return 2
    for one in [name] if name else _QUICK:
        print(f"\n== {one} on {_machine.words()}", flush=True)
        sys.argv = [one, *(options if name else _QUICK[one])]
        try:
            runpy.run_module(f"benchmarks.{one}", run_name="__main__")
        except (ModuleNotFoundError, FileNotFoundError) as error:  # a peer or its data is not here
            print(f"left out: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
