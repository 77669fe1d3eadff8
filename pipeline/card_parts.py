"""What a sink says of its files in the dataset card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class CardParts:
    """What a sink says of its files.

    `data_files` is a pattern relative to the folder of the card, for Hugging Face `datasets`: without one it takes what it finds.
    `features` is what the YAML of a card has under `dataset_info.features`; `columns` are the names of columns or members with
    what they hold; `snippets` are titles with lines of Python that load the files from the folder of the card. `kind` is what
    the files hold. `opt_out_in`, `url_in` and `source_in` say (in Markdown) in which fields of the files opt-outs, URLs and the
    places that documents come from stand; "" if in none.
    """

    data_files: str = ""
    features: Sequence[Mapping[str, Any]] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    snippets: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["documents", "interleaved", "pairs", "texts", "ids"] = "documents"
    opt_out_in: str = ""
    url_in: str = ""
    source_in: str = ""
