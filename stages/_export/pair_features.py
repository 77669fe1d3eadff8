"""The columns that Hugging Face `datasets` makes of tar samples of pairs, whatever the first samples have."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

_PICTURES = {"jpg", "png", "webp", "gif", "bmp", "tif", "jp2", "ico"}
"""Suffixes that `datasets` decodes as pictures."""


def pair_features(suffixes: Collection[str]) -> list[dict[str, Any]]:
    """Returns the features of a dataset card, without those of the names of samples and files.

    Parameters:
        suffixes: The suffixes of members.
    """
    pictures = [{"name": suffix, "dtype": "image"} for suffix in sorted(set(suffixes) & _PICTURES)]
    return [*pictures, {"name": "txt", "dtype": "string"}, {"name": "json", "dtype": "json"}]
