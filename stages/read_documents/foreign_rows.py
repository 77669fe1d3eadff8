"""Other makers' rows as documents: OBELICS, MMC4, plain text."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Split
from interloom.schemas.document import Document, Element, Image, Source, Text

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a row was: its file, and its line's byte offset or its number in the Parquet file (-1: the file itself)."""

    split: Split
    offset: int

    def id(self, url: str = "") -> str:
        return blake2b(f"{url}\n{self.split.name}\n{self.offset}".encode(errors="replace")).hexdigest()[:32]

    def source(self, url: str, date: str = "") -> Source:
        return Source(url=url, path=self.split.path, offset=self.offset, date=date)


def reader_of(format_: str, row: Row) -> Callable[[Row, Origin], Document]:
    """The reader for this format, or for what `auto` sees in the row. Raises DocumentError: it sees nothing it knows."""
    if format_ != "auto":
        return _READERS[format_]
    if "text_list" in row:
        return from_mmc4
    if "texts" in row and "images" in row:
        return from_obelics
    if "text" in row:
        return from_text
    raise DocumentError(f"a row of no known format; it has {', '.join(map(str, list(row)[:8])) or 'no fields'}")


def from_text(row: Row, origin: Origin) -> Document:
    """One Text from field `text`; `url`, `id` and `date` are kept where they are strings."""
    text = row.get("text")
    if not isinstance(text, str):
        raise DocumentError("no string in field 'text'")
    url = _string(row, "url")
    doc_id = clean(str(row["id"])) if row.get("id") else origin.id(url)
    return Document(id=doc_id, source=origin.source(url, _string(row, "date")), elements=(Text(position=0, text=clean(text)),))


def from_obelics(row: Row, origin: Origin) -> Document:
    """OBELICS (arXiv:2306.16527): `texts` and `images` (URLs) in parallel with None at the gaps, details of images as JSON
    in `metadata`, those of the page in `general_metadata`, whose WARC place becomes ours."""
    texts, images = _list(row, "texts"), _list(row, "images")
    if len(texts) != len(images):
        raise DocumentError(f"{len(texts)} texts beside {len(images)} images")
    details = _unpacked(row, "metadata")
    details = details if isinstance(details, list) else []
    general = _unpacked(row, "general_metadata")
    general = general if isinstance(general, dict) else {}
    url = _string(general, "url") or _string(row, "url")
    source = origin.source(url)
    if _string(general, "warc_filename"):
        place = _number(general, "warc_record_offset"), _number(general, "warc_record_length")
        source = Source(url=url, path=_string(general, "warc_filename"), offset=place[0], length=place[1])
    details += [None] * (len(texts) - len(details))
    elements = [_obelics_element(n, *parts) for n, parts in enumerate(zip(texts, images, details, strict=False))]
    return Document(id=origin.id(url), source=source, elements=tuple(e for e in elements if e))


def _obelics_element(position: int, text: object, image: object, detail: object) -> Element | None:
    if isinstance(text, str):
        return Text(position=position, text=clean(text))
    if not isinstance(image, str):
        return None
    known = detail if isinstance(detail, dict) else {}
    return Image(
        position=position,
        url=clean(image),
        alt=_string(known, "alt_text"),
        format=_string(known, "format").lower(),
        width=_number(known, "original_width"),
        height=_number(known, "original_height"),
    )


def from_mmc4(row: Row, origin: Origin) -> Document:
    """MMC4 (arXiv:2304.06939): sentences, and images that each go before the sentence `matched_text_index`."""
    texts = _list(row, "text_list")
    before: dict[int, list[Row]] = defaultdict(list)
    for image in _list(row, "image_info"):
        if not isinstance(image, dict):
            raise DocumentError("an entry of 'image_info' is no object")
        index = _number(image, "matched_text_index")
        before[len(texts) if index is None else min(max(index, 0), len(texts))].append(image)
    parts: list[Row | str] = []
    for n, text in enumerate([*texts, ""]):
        parts += [*before[n], *([clean(text)] if isinstance(text, str) and n < len(texts) else [])]
    url = _string(row, "url")
    elements = (Text(position=n, text=p) if isinstance(p, str) else _mmc4_image(n, p) for n, p in enumerate(parts))
    return Document(id=origin.id(url), source=origin.source(url), elements=tuple(elements))


def _mmc4_image(position: int, row: Row) -> Image:
    sim = row.get("matched_sim")
    image = Image(position=position, url=_string(row, "raw_url"))
    return image.with_score("mmc4_sim", float(sim)) if isinstance(sim, int | float) else image


def clean(text: str) -> str:
    """Half surrogate pairs, which no encoding can write, become U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _string(row: Row, name: str) -> str:
    value = row.get(name)
    return clean(value) if isinstance(value, str) else ""


def _number(row: Row, name: str) -> int | None:
    value = row.get(name)
    return value if isinstance(value, int) and abs(value) < 1 << 62 else None


def _list(row: Row, name: str) -> list[Any]:
    value = row.get(name)
    if not isinstance(value, list):
        raise DocumentError(f"no list in field '{name}'")
    return value


def _unpacked(row: Row, name: str) -> object:
    value = row.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"broken JSON in field '{name}': {error}"[:300]) from error


_READERS: Mapping[str, Callable[[Row, Origin], Document]] = {"obelics": from_obelics, "mmc4": from_mmc4, "text": from_text}
