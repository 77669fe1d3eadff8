"""What was planted in the demo crawl, and what is expected of each page and picture: `planted.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class PlantedImage:
    """A picture of a page. `by` names the steps that may drop it, as `use` or `use/reason`; none: it must come out."""

    url: str
    kind: str
    by: tuple[str, ...] = ()
    caption: str = ""


@dataclass(frozen=True, slots=True)
class PlantedPage:
    """A capture of a page. `by` as for images. Of the pages of one `group` exactly one comes out, the others go by `by`."""

    url: str
    date: str
    kind: str
    by: tuple[str, ...] = ()
    group: str = ""
    images: tuple[PlantedImage, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything planted by one seed, in the order of planting."""

    seed: int
    pages: tuple[PlantedPage, ...]

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> Plan:
        """Raises OSError and ValueError: no such file, not a plan."""
        values = json.loads(path.read_text("utf-8"))
        return cls(values["seed"], tuple(_page(page) for page in values["pages"]))


def _page(values: Mapping[str, Any]) -> PlantedPage:
    images = tuple(PlantedImage(**{**i, "by": tuple(i["by"])}) for i in values["images"])
    return PlantedPage(**{**values, "by": tuple(values["by"]), "images": images})
