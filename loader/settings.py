"""Checks the settings of `StreamingDocuments`: what is of another kind is told in a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from os import PathLike

from interloom.pipeline.errors import ConfigError

LEAST: Mapping[str, int | None] = {
    "batch": 1,
    "seed": None,
    "shuffle": 0,
    "epochs": 0,
    "micro_batch": 1,
    "rank": 0,
    "ranks": 1,
}
"""The settings that are whole numbers, and the least that they may be; None: any."""
_FROM_ELSEWHERE = ("micro_batch", "rank", "ranks")
"""Numbers that need not be given."""


def wrong_number(values: Mapping[str, object]) -> str:
    """Returns the first of the settings `LEAST` that is no such number, in a line; "" if all are."""
    for name, least in LEAST.items():
        value = values[name]
        if value is None and name in _FROM_ELSEWHERE:
            continue
        if isinstance(value, bool) and name != "shuffle":
            return f"{name}: an integer, not {value!r}"
        if not isinstance(value, Integral) or (least is not None and value < least):
            limit = "" if least is None else f", at least {least}"
            return f"{name}: an integer{limit}, not {value!r}"
    return ""


def wrong_part(parts: Mapping[str, tuple[object, type]], needed: bool = False) -> str:
    """Returns the first of these settings that is not of its class, in a line; "" if all are. None is no setting, unless it is
    `needed`."""
    wrong = (
        f"{name}: {kind.__name__}(...), not {value!r}"
        for name, (value, kind) in parts.items()
        if not isinstance(value, kind) and (needed or value is not None)
    )
    return next(wrong, "")


def folders_of(url: object) -> list[str]:
    """Returns the folders that `url` names. Raises ConfigError if it is something else."""
    urls = list(url) if isinstance(url, Sequence) and not isinstance(url, str | bytes) else [url]
    if wrong := [entry for entry in urls if not isinstance(entry, str | PathLike)]:
        raise ConfigError(f"url: a folder of shards, or a list of folders, not {wrong[0]!r}")
    return list(map(str, urls))
