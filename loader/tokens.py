"""Token ids of a text, of whatever kind of tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from interloom.pipeline.errors import ConfigError

Tokenizer = Callable[[str], Any]
"""Gives the token ids of a text: a sequence, or what a tokenizer of Hugging Face gives, whose `input_ids` or `ids` are taken."""


def token_ids(tokenizer: Tokenizer, text: str) -> list[Any]:
    """The token ids of a text. Raises ConfigError if the tokenizer gives something else than a flat sequence."""
    encoded = tokenizer(text)
    if isinstance(encoded, Mapping):
        encoded = encoded.get("input_ids")
    ids: Any = getattr(encoded, "ids", encoded)
    ids = ids.tolist() if hasattr(ids, "tolist") else ids
    if not isinstance(ids, Sequence) or isinstance(ids, str | bytes) or any(isinstance(some, list | tuple) for some in ids):
        raise ConfigError(
            f"tokenizer: it gives {type(encoded).__name__} for a text, not a sequence of token ids or a mapping with `input_ids`"
        )
    return list(ids)
