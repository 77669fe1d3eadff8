"""A published format, as its writer describes it, and how rows of it become shards."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa

from interloom.pipeline.card_parts import CardParts
from interloom.pipeline.stage import ShardInfo
from interloom.schemas.document import Clip, Document, Image, Text
from interloom.schemas.features import card_features, with_features
from interloom.stages._export.row_groups import write_row_groups
from interloom.stages._export.snippets import json_snippets, parquet_snippets
from interloom.stages._input.surrogates import replace_surrogates

Row = Mapping[str, Any]


class Export(Protocol):
    """How documents are written in a published format."""

    def lacks(self, doc: Document) -> Iterable[int]:
        """Returns the positions of the images that the format has no place for."""
        ...

    def lacks_texts(self, doc: Document) -> Iterable[int]:
        """Returns the positions of the texts and clips that the format has no place for."""
        ...

    def write(self, number: int, docs: Iterable[Document], folder: Path) -> ShardInfo:
        """Writes a shard, as `Sink.write` does."""
        ...

    def finish(self, shards: Sequence[ShardInfo], folder: Path) -> Sequence[str]:
        """Writes what describes all shards together, as `Sink.finish` does."""
        ...

    def card(self, shards: Sequence[ShardInfo]) -> CardParts:
        """What the dataset card says of the files, as `Sink.card` does."""
        ...


def no_files(doc: Document) -> Iterator[tuple[str, bytes]]:
    """Yields nothing: the format has no files beside its rows."""
    return iter(())


def without_bytes(doc: Document) -> list[int]:
    """Returns the positions of the images without bytes, of which formats of files can say nothing."""
    return doc.positions_without_bytes


def named_files(doc: Document, names: Mapping[int, str]) -> Iterator[tuple[str, bytes]]:
    """Yields the files of the images with bytes; `names` has their names by position."""
    return ((names[image.position], image.data) for image in doc.images if image.data is not None)


def without_url(doc: Document) -> list[int]:
    """Returns the positions of the images without a URL, of which formats of URLs can say nothing."""
    return [image.position for image in doc.images if not image.url]


def clips(doc: Document) -> list[int]:
    """Returns the positions of the clips, which formats of texts and images have no place for."""
    return [element.position for element in doc.elements if isinstance(element, Clip)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowExport:
    """A format of rows. `to_rows` gives the rows of a document, `lacking` the positions of the images that are not in them,
    `lacking_texts` those of the texts and clips, and `files` the files that they name, by names relative to the folder of the
    shards. `schema` is that of Parquet; without one the shard is JSON lines, or a JSON array. Rows of one picture each are
    counted as images by `lacking`. `about` is what the card says, without how to load the files; for JSON with features,
    because `datasets` else takes those of the first shard."""

    to_rows: Callable[[Document], Iterable[Row]]
    lacking: Callable[[Document], Iterable[int]] = without_url
    lacking_texts: Callable[[Document], Iterable[int]] = clips
    files: Callable[[Document], Iterator[tuple[str, bytes]]] = no_files
    schema: pa.Schema | None = None
    container: Literal["jsonl", "json"] = "jsonl"
    about: CardParts

    def lacks(self, doc: Document) -> Iterable[int]:
        return self.lacking(doc)

    def lacks_texts(self, doc: Document) -> Iterable[int]:
        return self.lacking_texts(doc)

    def write(self, number: int, docs: Iterable[Document], folder: Path) -> ShardInfo:
        counts = _Counts(self, folder)
        if self.schema is not None:
            name = f"data/shard-{number:06d}.parquet"
            (folder / "data").mkdir(parents=True, exist_ok=True)
            write_row_groups(folder / name, self.schema, docs, counts.table)
        else:
            name = f"shard-{number:06d}.{self.container}"
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / name).open("wb") as file:
                for piece in _json_pieces(counts.rows(docs), self.container):
                    file.write(piece)
        return ShardInfo((name, *counts.names), counts.documents, counts.images, {"samples": counts.samples})

    def finish(self, shards: Sequence[ShardInfo], folder: Path) -> Sequence[str]:
        return ()

    def card(self, shards: Sequence[ShardInfo]) -> CardParts:
        if self.schema is not None:
            snippets = parquet_snippets(self.schema.names[0])
            features = card_features(with_features(self.schema))
            return replace(self.about, data_files="data/*.parquet", features=features, snippets=snippets)
        snippets = json_snippets(self.container, self.about.features[0]["name"])
        return replace(self.about, data_files=f"shard-*.{self.container}", snippets=snippets)


class _Counts:
    """The rows of documents, which are counted, and whose files are written, on their way into a shard."""

    def __init__(self, export: RowExport, folder: Path) -> None:
        self.export, self.folder = export, folder
        self.documents = self.images = self.samples = 0
        self.names: list[str] = []

    def rows(self, docs: Iterable[Document]) -> Iterator[Row]:
        for doc in docs:
            self.documents += 1
            self.images += len(doc.images) - len(list(self.export.lacking(doc)))
            for name, content in self.export.files(doc):
                path = self.folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                self.names.append(name)
            for row in self.export.to_rows(doc):
                self.samples += 1
                yield row

    def table(self, docs: Sequence[Document]) -> pa.Table:
        rows = list(self.rows(docs))
        try:
            return pa.Table.from_pylist(rows, schema=self.export.schema)
        except UnicodeEncodeError:
            return pa.Table.from_pylist([encodable(row) for row in rows], schema=self.export.schema)


def encodable(value: Any) -> Any:
    """Returns the value with strings that UTF-8 can encode."""
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, Mapping):
        return {encodable(name): encodable(entry) for name, entry in value.items()}
    return [encodable(entry) for entry in value] if isinstance(value, list) else value


def _json_pieces(rows: Iterable[Row], container: str) -> Iterator[bytes]:
    """The bytes of JSON lines, or of an array with a row on each line."""
    if container == "jsonl":
        yield from (to_json(row).encode() + b"\n" for row in rows)
        return
    before = "[\n"
    for row in rows:
        yield (before + to_json(row)).encode()
        before = ",\n"
    yield b"[]\n" if before == "[\n" else b"\n]\n"


def to_json(value: object) -> str:
    """Returns compact JSON that UTF-8 can encode, in the order of the fields; nan and infinities become null."""
    return json.dumps(_finite(encodable(value)), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def score(scores: Mapping[str, float], *names: str) -> float | None:
    """Returns the first of these scores that is there and finite, or None."""
    return next((scores[name] for name in names if math.isfinite(scores.get(name, math.nan))), None)


def describing(doc: Document, image: Image, *origins: str) -> list[Text]:
    """Returns the texts of these origins that describe an image, in their order."""
    return [text for text in doc.texts if text.of == image.position and text.origin in origins]
