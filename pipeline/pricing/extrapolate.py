"""From what a sample used to what the whole run will use, phase by phase."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from interloom.pipeline.cost import total
from interloom.pipeline.execution.kinds import assign, exchange, scatter, verdicts, write
from interloom.pipeline.planning.phases import SKETCH, Phase
from interloom.pipeline.pricing import layout
from interloom.pipeline.pricing.costs import PhaseCost, Sample, clock_per_cpu, more_bytes
from interloom.pipeline.pricing.files import EXCHANGE, SHARDS, Files
from interloom.pipeline.pricing.fit import Amounts, Size, added, cpu_seconds, scaled, usual_rows_a_piece
from interloom.pipeline.pricing.flow import Flow
from interloom.pipeline.pricing.measure import Does, Measured
from interloom.pipeline.pricing.sample import SourceSample
from interloom.pipeline.pricing.shares import owner, with_rest
from interloom.pipeline.pricing.stored import Stored, Table
from interloom.pipeline.stage import Sink
from interloom.pipeline.store import traffic


class Extrapolation:
    """Goes through the phases in order, because what one stores the next ones read."""

    def __init__(self, phases: Sequence[Phase], sample: Sample, flows: Mapping[str, Flow]) -> None:
        self._phases, self._sample, self._flows = phases, sample, flows
        self._stored = Stored(sample.small, sample.large)
        self._least_s = min((seen.used.cpu_s for run in (sample.small, sample.large) for seen in run.seen()), default=0.0)

    def costs(self) -> Iterator[PhaseCost]:
        """The cost of each phase; of an exchange twice, for units that send and for those in which rows meet."""
        kinds = {
            "documents": self._documents,
            "sketch": self._sketch,
            "exchange": self._exchange,
            "verdicts": self._verdicts,
            "scatter": self._scatter,
            "assign": self._assign,
            "write": self._write,
        }
        for phase in self._phases:
            yield from kinds[phase.kind](phase)

    def _documents(self, phase: Phase) -> Iterator[PhaseCost]:
        first, last = phase.steps[0], phase.steps[-1]
        source, work = self._sample.sources.get(first.key), self._sample.large.work(phase.name)
        into, out = self._flows[first.key].into, self._flows[last.key].out
        units = layout.Units(source.splits, (into / source.splits,)) if source else self._packs(phase)
        sampled = work.stored().get("documents", Files()).rows
        out_scale = out / sampled if sampled else 0.0
        in_scale = source.scale if source else self._flows[first.key].scale
        self._note_files(phase, units, (out_scale, in_scale))
        scales = {step.key: self._flows[step.key].scale * self._sample.by_bytes.get(step.key, 1.0) for step in phase.steps}
        scales |= {step.key: out_scale for step in phase.sketches} | ({first.key: in_scale} if source else {})
        steps = {key: scaled(used, scales.get(key, in_scale)) for key, used in work.steps().items()}
        if source and any(each.share < 1 for each in source.chosen):
            steps[first.key] |= _reading(source)
        reads = [(name, "documents") for name in phase.inputs]
        pieces = units.count + self._stored.files(reads).count
        size = Size(units.count, pieces, into + out)
        cpu_s = self._cpu_s((phase, "all"), size, lambda run: (self._parts_read(run, phase), None))
        rest = added(cpu_s, self._stored.read(work, reads), self._stored.written(phase.name, work))
        yield self._cost(phase, "all", (units.count, into + out), with_rest(phase, steps, rest))

    def _parts_read(self, run: Measured, phase: Phase) -> float:
        """Parts that a unit of a phase reads, and the unit itself."""
        parts = sum(run.work(name).stored().get("documents", Files()).count for name in phase.inputs)
        return 1 + parts / max(run.work(phase.name).count, 1)

    def _note_files(self, phase: Phase, units: layout.Units, scales: tuple[float, float]) -> None:
        """Notes what a phase of documents stores: for each of its parts what grows with the documents that come out, and for each
        unit the rest."""
        work = self._sample.large.work(phase.name)
        files_of = work.stored()
        documents = files_of.get("documents", Files())
        parts = layout.parts(units, documents.rows * scales[0], documents.bytes * scales[0])
        for kind, files in files_of.items():
            if kind in ("documents", "blob") or kind.startswith("sketch:"):
                expected = Files(parts.count, files.rows * scales[0], pattern=parts.pattern)
            else:
                expected = Files(units.count * min(files.count / max(work.count, 1), 1.0), files.rows * scales[1])
            self._stored.note((phase.name, kind), "all", expected)

    def _packs(self, phase: Phase) -> layout.Units:
        costs = [step.attributes.cost for step in phase.steps]
        into = self._stored.files((name, "documents") for name in phase.inputs)
        contents = [segment for name in phase.inputs for segment in self._sample.large.work(name).contents]
        sampled = sum(segment.rows for segment in contents)
        cost_s = sum(total(costs, segment) for segment in contents) * (into.rows / sampled if sampled else 0.0)
        return layout.document_packs(into, cost_s)

    def _sketch(self, phase: Phase) -> Iterator[PhaseCost]:
        work, reads = self._sample.large.work(phase.name), [(name, "documents") for name in phase.inputs]
        into, scale, units = self._stored.files(reads), self._stored.scale(reads), self._packs(phase).count
        for kind, files in work.stored().items():
            self._stored.note((phase.name, kind), "all", Files(into.count, files.rows * scale))
        rows = work.rows * scale
        size = Size(units, units + into.count, rows)
        cost = self._cpu_s((phase, "all"), size, lambda run: (self._parts_read(run, phase), None))
        cost = added(cost, self._stored.read(work, reads), self._stored.written(phase.name, work))
        yield self._cost(phase, "all", (units, rows), {owner(phase, self._phases): cost})

    def _exchange(self, phase: Phase) -> Iterator[PhaseCost]:
        own = exchange.exchange_of(phase)
        by_table = [list(self._sources(phase, [name])) for name in own.reads]
        reads = [source for sources in by_table for source in sources]
        sends = sum(layout.packs(self._stored.files(sources), exchange.PACK_BYTES) for sources in by_table)
        laid, cost = self._sorted(phase, "send", (sends, exchange.RANGE_BYTES), reads)
        yield cost
        sent, work = self._stored.whole[phase.name, EXCHANGE], self._sample.large.work(phase.name, "meet")
        units = layout.meets(sent.bytes, laid)
        rows = work.stored().get("rows", Files()).rows * self._stored.scale(reads)
        rows_stored = self._stored.note((phase.name, "rows"), "meet", Files(max(units, 1.0), rows))
        self._stored.whole[phase.name, "rows"] = Files(
            max(rows_stored.count, rows_stored.bytes // exchange.TABLE_BYTES), rows, rows_stored.bytes
        )
        yield self._of_ranges(phase, "meet", (units, sent.rows), (phase.name, EXCHANGE))

    def _sources(self, phase: Phase, reads: Iterable[str]) -> Iterator[Table]:
        key = phase.steps[0].key
        for name in reads:
            if name == SKETCH:
                yield from ((above, f"sketch:{key}") for above in phase.sketched)
            elif f"{key}.{name}" in phase.exchanges:
                yield f"{key}.{name}", "rows"
            else:
                yield from ((above, f"side:{name}") for above in phase.sides)

    def _sorted(
        self, phase: Phase, does: Does, into: tuple[float, float], reads: Sequence[Table]
    ) -> tuple[layout.Sorted, PhaseCost]:
        """What so many units do that sort rows into ranges of up to so many bytes, and others that cut these."""
        (units, most_bytes), work = into, self._sample.large.work(phase.name, does)
        scale, sampled = self._stored.scale(reads), work.stored().get(EXCHANGE, Files())
        keys = self._keys(phase)
        once = layout.sorted_rows(units, min(sampled.rows * scale, units * keys), 0.0, most_bytes)
        sent = self._stored.note((phase.name, EXCHANGE), does, Files(once.segments[0], sampled.rows * scale))
        laid = layout.sorted_rows(units, min(sent.rows, units * keys), sent.bytes, most_bytes)
        cost = self._stored.read(work, reads)
        for count, segments in zip(laid.units, laid.segments, strict=True):
            written = self._stored.note((phase.name, EXCHANGE), does, Files(segments, sent.rows)).bytes
            size = Size(count, segments, sent.rows)
            cpu_s = self._cpu_s((phase, does), size, lambda run: (_segments(run, phase.name, does), None))
            cost = added(cost, cpu_s, {"puts": count, "written_bytes": written})
        cost["gets"] += sum(laid.segments[:-1])
        cost["read_bytes"] += sent.bytes * (len(laid.units) - 1)
        whole = (sum(laid.units), sent.rows * len(laid.units))
        return laid, self._cost(phase, does, whole, {owner(phase, self._phases): cost})

    def _joins(self, phase: Phase) -> bool:
        return phase.kind == "exchange" and exchange.exchange_of(phase).joins_parts

    def _keys(self, phase: Phase) -> float:
        """How many different keys sorted rows may have: as many as parts of documents where these are the keys."""
        parts = self._stored.files((name, "documents") for name in phase.inputs).count
        return parts if phase.kind == "verdicts" or self._joins(phase) else float("inf")

    def _verdicts(self, phase: Phase) -> Iterator[PhaseCost]:
        reads = [(phase.exchanges[-1], "rows")]
        units = layout.packs(self._stored.files(reads), exchange.PACK_BYTES)
        yield self._sorted(phase, "all", (units, verdicts.RANGE_BYTES), reads)[1]

    def _scatter(self, phase: Phase) -> Iterator[PhaseCost]:
        reads = [(name, "documents") for name in phase.inputs]
        into, scale = self._stored.files(reads), self._stored.scale(reads)
        contents = [segment for name in phase.inputs for segment in self._sample.large.work(name).contents]
        texts = sum(segment.characters + 1000 * segment.rows for segment in contents) * scale
        units = layout.packs(Files(into.count, into.rows, texts), scatter.PACK_BYTES)
        yield self._sorted(phase, "all", (units, scatter.RANGE_SIZE), reads)[1]

    def _assign(self, phase: Phase) -> Iterator[PhaseCost]:
        into = self._flows[phase.steps[0].key].into
        units = max(1.0, -(-into // assign.UNIT_ROWS)) if into else 0.0
        yield self._of_ranges(phase, "all", (units, into), (phase.tables, EXCHANGE))

    def _write(self, phase: Phase) -> Iterator[PhaseCost]:
        step, [scattered] = phase.steps[0], phase.sketched
        flow, weight = self._flows[step.key], self._sample.large.work(scattered).weight
        shard_bytes = step.build_as(Sink).shard_size_bytes
        count, units = layout.shards(weight * flow.scale, shard_bytes, write.UNIT_BYTES, write.FEWEST_UNITS)
        self._stored.note((phase.name, SHARDS), "all", Files(count, flow.into))
        yield self._of_ranges(phase, "all", (units, flow.into), (scattered, EXCHANGE), self._media(phase))

    def _media(self, phase: Phase) -> float:
        """How many images a document has that a sink loads."""
        [scatter] = [other for other in self._phases if other.name in phase.sketched]
        contents = [segment for name in scatter.inputs for segment in self._sample.large.work(name).contents]
        loads = phase.steps[0].attributes.wants_media
        return sum(each.images for each in contents) / max(sum(each.rows for each in contents), 1) if loads else 0.0

    def _of_ranges(self, phase: Phase, does: Does, size: tuple[float, float], ranges: Table, media: float = 0.0) -> PhaseCost:
        """What units do that read ranges of sorted rows, and so many media for each row, which count as rows, too."""
        name, work, (units, rows) = (phase.name, does), self._sample.large.work(phase.name, does), size
        segments, each = self._stored.files([ranges]).count, 1 + media
        whole = Size(units, segments + units, rows * each)
        cpu_s = self._cpu_s((phase, does), whole, lambda run: _of_sorted(run, name, ranges, each))
        beside = [(above, f"sketch:{phase.steps[0].key}") for above in phase.sketched if does == "meet" and self._joins(phase)]
        shards = self._stored.files([(phase.name, SHARDS)]).count
        cost = added(cpu_s, self._stored.read_ranges(work, ranges, beside, shards), self._stored.written(phase.name, work))
        return self._cost(phase, does, size, {owner(phase, self._phases): cost})

    def _cpu_s(self, of: tuple[Phase, Does], whole: Size, each: Callable[[Measured], tuple[float, float | None]]) -> Amounts:
        """CPU seconds of so many units, pieces and rows. `each` tells of a run of the sample how many pieces a unit had, and
        how many rows, if these are not its own."""
        (phase, does), points = of, []
        for run in (self._sample.small, self._sample.large):
            pieces, rows = each(run)
            units = run.work(phase.name, does).units
            points += [(Size(1, pieces, seen.rows if rows is None else rows), seen.used.cpu_s) for seen in units]
        return {"cpu_s": cpu_seconds(points, self._least_s, whole, usual_rows_a_piece(phase.kind))}

    def _cost(self, phase: Phase, does: Does, size: tuple[float, float], steps: Mapping[str, Amounts]) -> PhaseCost:
        work, (units, rows) = self._sample.large.work(phase.name, does), size
        return PhaseCost(phase, does, units, steps, clock_per_cpu(work), more_bytes(work, rows / units if units else 0.0))


def _segments(run: Measured, name: str, does: Does) -> float:
    """Segments that a unit writes."""
    work = run.work(name, does)
    return work.stored().get(EXCHANGE, Files()).count / max(work.count, 1)


def _of_sorted(run: Measured, name: tuple[str, Does], ranges: Table, each: float) -> tuple[float, float]:
    """Segments of sorted files that a unit reads, and the unit itself; rows, of which each counts so much."""
    sorted_ = Stored(run, run).sampled([ranges])
    units = max(run.work(*name).count, 1)
    return 1 + sorted_.count / units, sorted_.rows * each / units


def _reading(source: SourceSample) -> Amounts:
    """Requests and bytes with which a source is read, where only a part of its splits was."""
    fetched = sum(each.fetched_bytes for each in source.chosen) * source.scale
    gets = sum(traffic.gets_of(each.fetched_bytes / each.share) for each in source.chosen) / len(source.chosen)
    return {"read_bytes": fetched, "gets": gets * source.splits}
