"""A sample as it is read: the bytes of its members, and what its JSON says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from interloom.schemas.document import Document
from interloom.schemas.sample import from_sample


@dataclass(slots=True)
class Sample:
    """A sample of a shard.

    `members` holds its bytes by suffix ("json", "1.jpg", "txt"), `record` its parsed JSON. `source` is the number of its source
    in the mixture, `epoch` that of the source; `shard` and `row` say where it lies, `position` where it comes in the epoch.
    """

    members: Mapping[str, bytes]
    record: dict[str, Any] = field(repr=False)
    source: int = 0
    epoch: int = 0
    shard: int = 0
    row: int = 0
    position: int = 0

    @property
    def id(self) -> str:
        """The id of its document."""
        return str(self.record["id"])

    def document(self) -> Document:
        """The sample as a document, with the bytes of its media. For samples of the layout "interleaved"."""
        return from_sample(self.members)


def parsed(members: Mapping[str, bytes]) -> dict[str, Any]:
    """The JSON of a sample. Raises ValueError if there is none."""
    if "json" not in members:
        raise ValueError("the sample has no JSON")
    record = json.loads(members["json"].decode("utf-8", "surrogatepass"))  # faster than from bytes, whose encoding is guessed
    if not isinstance(record, dict):
        raise ValueError("the sample's JSON is no object")
    return record
