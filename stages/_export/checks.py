"""Checks the parameters that all sinks have."""

from __future__ import annotations

from collections.abc import Iterator

from interloom.pipeline.store import storage
from interloom.stages._export.pairs import Captions


def sink_problems(to: str, shard_size_bytes: int) -> Iterator[str]:
    """Yields the problems of a sink's target and of its shard size, for `check()`. It does not use the network.

    Parameters:
        to: The folder of the shards, local or `s3://`; "" is the folder of the run.
        shard_size_bytes: Size of a shard; must be positive. Bytes.
    """
    if shard_size_bytes <= 0:
        yield f"shard_size_bytes: {shard_size_bytes} is not positive"
    problem = storage.credentials_problem(to)
    if problem:
        yield f"to: {problem}"


def captions_problems(captions: Captions, has_pairs: bool, needed: str) -> Iterator[str]:
    """Yields what is wrong with a choice of captions, for `check()`.

    Parameters:
        captions: What becomes of several captions of an image.
        has_pairs: Whether pairs are written.
        needed: What the choice needs.
    """
    if captions == "each" and not has_pairs:
        yield f"captions: each needs {needed}"
