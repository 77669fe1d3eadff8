"""What a sink says of its files in the dataset card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class CardParts:
    """What a sink says of its files.

    `data_files` is a pattern relative to the folder of the card, "" if Hugging Face `datasets` does not read them; `features` is
    what the YAML of a card has under `dataset_info.features`; `columns` are the names of columns or members with what they hold;
    `snippets` are titles with lines of Python that load the files from the folder of the card.
    """

    data_files: str = ""
    features: Sequence[Mapping[str, Any]] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    snippets: Mapping[str, str] = field(default_factory=dict)
