"""The names of published formats that are read and written, as recipes spell them."""

from __future__ import annotations

from typing import Literal

PublishedName = Literal[
    "obelics",
    "omnicorpus",
    "mmc4",
    "mint_html",
    "pin",
    "textbook",
    "realsyn",
    "img2dataset",
    "datacomp",
    "nemo_curator",
    "data_juicer",
    "mds",
]
