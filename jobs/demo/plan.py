"""The file `planted.json`: what was planted in the demo crawl, and what must become of each page and image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class PlantedImage:
    """An image of a page. `by` names the steps that may drop it, as `use` or `use/reason`; if empty, the image must be kept."""

    url: str
    kind: str
    by: tuple[str, ...] = ()
    caption: str = ""


@dataclass(frozen=True, slots=True)
class PlantedPage:
    """A capture of a page. `by` is as for images. Of the pages of a `group` exactly one must be kept; `by` drops the others."""

    url: str
    date: str
    kind: str
    by: tuple[str, ...] = ()
    group: str = ""
    images: tuple[PlantedImage, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All pages planted with one seed, in the order in which they were generated."""

    seed: int
    pages: tuple[PlantedPage, ...]

    def save(self, path: Path) -> None:
        """Writes the plan as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> Plan:
        """The plan in a file that `save` wrote. Raises OSError or ValueError if the file cannot be read."""
        values = json.loads(path.read_text("utf-8"))
        return cls(values["seed"], tuple(_page(page) for page in values["pages"]))


def _page(values: Mapping[str, Any]) -> PlantedPage:
    images = tuple(PlantedImage(**{**i, "by": tuple(i["by"])}) for i in values["images"])
    return PlantedPage(**{**values, "by": tuple(values["by"]), "images": images})
