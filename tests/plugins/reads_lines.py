"""A source with a split per file and little care."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from interloom.pipeline.stage import Source, Split
from interloom.pipeline.store import storage
from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Drop, Dropped, Outcome, Quarantined, Side


@dataclass(frozen=True, kw_only=True)
class ReadsLines(Source):
    """A document per line, its text also its id; `-` drops, `?` quarantines, `+` sets aside, `!` raises."""

    paths: str

    def splits(self) -> Sequence[Split]:
        return [Split(f.path, storage.root_of(self.paths), identity=f.identity) for f in storage.glob(self.paths)]

    def read(self, split: Split) -> Iterator[Outcome]:
        for line in storage.read(split.path).decode().splitlines():
            yield _outcome(line)


def _outcome(line: str) -> Outcome:
    if line.startswith("-"):
        return Dropped(line, Drop("dashed"))
    if line.startswith("?"):
        return Quarantined(line, "questionable")
    if line.startswith("+"):
        return Side("captures", {"url": line, "path": "", "offset": 0, "length": 1, "content_type": "", "date": ""})
    if line.startswith("!"):
        raise RuntimeError("a line nobody thought of")
    return Document(id=line, elements=(Text(position=0, text=line),))
