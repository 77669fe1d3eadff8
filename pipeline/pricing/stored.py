"""What phases store: in the sample, and from that in the whole run. Bytes and requests follow from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from interloom.pipeline.pricing.files import EXCHANGE, SHARDS, Files
from interloom.pipeline.pricing.fit import Amounts, added, least_squares
from interloom.pipeline.pricing.measure import Does, Measured, Work

Table = tuple[str, str]
"""The name of a phase, and a kind of files that it stores."""
_LOOKS_A_SHARD = 8
"""Requests for a shard that are not for its rows: its few files are looked at before they are replaced, and so is the mark."""


@dataclass(slots=True)
class Stored:
    """The files of a small and of a large sample, and those of the whole run as far as they are known (`whole`)."""

    small: Measured
    large: Measured
    whole: dict[Table, Files] = field(default_factory=dict)

    def files(self, tables: Iterable[Table]) -> Files:
        """Files of the whole run."""
        return Files.total(self.whole.get(table, Files()) for table in tables)

    def sampled(self, tables: Iterable[Table]) -> Files:
        """Files of the large sample."""
        return Files.total(map(self._sampled, tables))

    def _sampled(self, table: Table) -> Files:
        works = (work for (name, _), work in self.large.works.items() if name == table[0])
        return Files.total(work.stored().get(table[1], Files()) for work in works)

    def scale(self, tables: Iterable[Table]) -> float:
        """How many rows of the whole run one of the sample stands for."""
        named = list(tables)
        sampled = self.sampled(named).rows
        return self.files(named).rows / sampled if sampled else 0.0

    def note(self, table: Table, does: Does, expected: Files) -> Files:
        """Notes files of the whole run, with so many bytes for each file (or segment) and for each row as in the sample."""
        works = (self.small.work(table[0], does), self.large.work(table[0], does))
        points = [seen.stored[table[1]] for work in works for seen in work.units if table[1] in seen.stored]
        size = least_squares([(p.count, p.rows, p.bytes) for p in points], expected.count, expected.rows)
        self.whole[table] = Files(expected.count if expected.rows else 0.0, expected.rows, size, expected.pattern)
        return self.whole[table]

    def read(self, work: Work, reads: Iterable[Table]) -> Amounts:
        """Requests and bytes with which the units of a phase read files."""
        used, named = work.rest(), list(reads)
        full, sampled = self.files(named), self.sampled(named)
        gets = used["gets"] / sampled.count * full.count if sampled.count else 0.0
        return {"gets": gets, "read_bytes": used["read_bytes"] / sampled.bytes * full.bytes if sampled.bytes else 0.0}

    def read_ranges(self, work: Work, ranges: Table, more: Iterable[Table], count: float = 0.0) -> Amounts:
        """Requests and bytes with which units read the segments of sorted rows, and `more` tables, as often as in the sample. A
        sink with `count` shards reads each segment once, looks at what it publishes, and reads the media of the rows."""
        used, full, sampled = work.rest(), self.files([ranges]), self.sampled([ranges])
        if not count or not sampled.rows:
            return self.read(work, [ranges, *more])
        shards = work.stored().get(SHARDS, Files()).count
        looks = min(max(used["gets"] - sampled.count, 0.0), _LOOKS_A_SHARD * shards)
        media = {"gets": used["gets"] - sampled.count - looks, "read_bytes": used["read_bytes"] - sampled.bytes}
        each = {name: max(amount, 0.0) * full.rows / sampled.rows for name, amount in media.items()}
        looks *= count / shards if shards else 0.0
        return {"gets": full.count + looks + each["gets"], "read_bytes": full.bytes + each["read_bytes"]}

    def written(self, name: str, work: Work) -> Amounts:
        """Requests and bytes with which the units of a phase write files, but for requests of those with sorted rows."""
        sampled = work.stored()
        stored = {kind: self.whole[name, kind] for kind in sampled if (name, kind) in self.whole}
        puts = added(work.rest(), *work.steps().values())["puts"]
        before, after = (sum(f.count for kind, f in files.items() if kind != EXCHANGE) for files in (sampled, stored))
        return {"puts": puts / before * after if before else 0.0, "written_bytes": sum(each.bytes for each in stored.values())}
