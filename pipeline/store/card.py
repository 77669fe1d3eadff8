"""The dataset card: what is in the shards, how to load them, the funnel they came through, and the recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import yaml

from interloom.pipeline.card_parts import CardParts
from interloom.pipeline.execution.balance import Account, Book
from interloom.pipeline.planning.plan import Plan, PlannedStep
from interloom.pipeline.stage import Sink
from interloom.pipeline.store.facts import Facts, common
from interloom.pipeline.store.shards import WrittenShard
from interloom.schemas.columns import SCHEMA_VERSION

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"))
_MORE_SIZES = ((100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"), (10_000_000_000, "1B<n<10B"), (1 << 62, "n>1T"))
"""Categories of the Hugging Face Hub, each up to a number of documents."""
_DROP_OPT_OUTS = ("filters.opt_out", "stages.fetch_images")
"""Steps that drop what has evidence of an opt-out."""
_TAGS: Mapping[str, tuple[str, ...]] = {
    "interleaved": ("interleaved", "image-text"),
    "pairs": ("image-text",),
    "texts": ("text",),
}
_SUMMARIES = {
    "documents": "{documents:,} documents with {images:,} images",
    "interleaved": "{documents:,} interleaved documents with {images:,} images",
    "pairs": "{samples:,} image-text pairs from {documents:,} documents",
    "texts": "The texts of {documents:,} documents",
    "ids": "The ids of {documents:,} documents",
}
"""What the card says first of each kind of files."""
_ELEMENTS = {
    "images": "New were found in pages; left are those of dropped documents.",
    "texts": "New were extracted, made or cut from others; left are those of dropped documents and images, and those that the "
    "files have no place for; replaced were cut, joined or replaced by others.",
    "clips": "New were cut from others; left are those of dropped documents, and those that the files have no place for; "
    "replaced were cut.",
}
"""What the funnel says of each kind of elements, with the columns that it has besides those of documents."""
_MOST_SHOWN = 10
"""Languages and licences that are shown. Our choice."""


def text(plan: Plan, sink: str, shards: Sequence[WrittenShard], funnel: Mapping[str, Book]) -> str:
    """The card in Markdown. The same run gives the same card."""
    facts = Facts()
    for shard in shards:
        facts.add(shard.facts)
    parts = plan.step(sink).build_as(Sink).card([shard.info() for shard in shards])
    parts = parts if shards else replace(parts, data_files="", features=(), snippets={})
    steps = _steps_to(plan, sink)
    funnel = {step.key: funnel[step.key] for step in steps if step.key in funnel}
    blocks = [
        f"---\n{yaml.safe_dump(_front_matter(facts, parts, shards), sort_keys=False, allow_unicode=True)}---",
        f"# {plan.name}",
        _summary(sink, parts, shards),
        *_loading(parts),
        *_columns(parts),
        *_funnel(funnel),
        *_languages_and_licences(facts),
        *_opt_outs(steps, parts, funnel),
        *_provenance(steps, parts),
        "## Recipe",
        f"```yaml\n{yaml.safe_dump(_recipe(plan), sort_keys=False, allow_unicode=True).rstrip()}\n```",
    ]
    return "\n\n".join(blocks) + "\n"


def _front_matter(facts: Facts, parts: CardParts, shards: Sequence[WrittenShard]) -> dict[str, Any]:
    """The YAML that the Hugging Face Hub and `datasets` read."""
    rows = _samples(shards)
    licences = facts.licence_ids()
    values: dict[str, Any] = {"license": licences[0] if len(licences) == 1 else licences}
    values |= {"language": codes} if (codes := facts.language_codes()) else {}
    values["size_categories"] = [next(name for end, name in (*_SIZES, *_MORE_SIZES) if rows < end)]
    values["tags"] = [*_TAGS.get(parts.kind, ()), "interloom"]
    if not parts.data_files:
        return values
    split = {"split": "train", "path": parts.data_files}
    values["configs"] = [{"config_name": "default", "data_files": [split]}]
    if parts.features:
        size = sum(shard.files[0].size_bytes for shard in shards)
        splits = [{"name": "train", "num_bytes": size, "num_examples": rows}]
        sizes = {"download_size": size, "dataset_size": size}
        values["dataset_info"] = {"features": [dict(feature) for feature in parts.features], "splits": splits, **sizes}
    return values


def _summary(sink: str, parts: CardParts, shards: Sequence[WrittenShard]) -> str:
    documents, images = sum(shard.documents for shard in shards), sum(shard.images for shard in shards)
    size = sum(file.size_bytes for shard in shards for file in shard.files)
    what = _SUMMARIES[parts.kind].format(documents=documents, images=images, samples=_samples(shards))
    return f"{what} in {len(shards)} shards ({size / 1e6:,.1f} MB), written by `{sink}`. Checksums are in `manifest.json`."


def _samples(shards: Sequence[WrittenShard]) -> int:
    """Samples or rows: documents, or several pairs of each, or several documents that are packed into one."""
    return int(sum(shard.extra.get("samples", shard.documents) for shard in shards))


def _loading(parts: CardParts) -> Iterator[str]:
    if parts.snippets:
        yield "## Load it"
        yield "In this folder:"
        yield from (f"{title}:\n\n```python\n{code.strip()}\n```" for title, code in parts.snippets.items())


def _columns(parts: CardParts) -> Iterator[str]:
    if parts.columns:
        yield "## What a sample holds"
        yield "\n".join(["| name | what it holds |", "|---|---|", *(f"| `{k}` | {v} |" for k, v in parts.columns.items())])


def _funnel(funnel: Mapping[str, Book]) -> Iterator[str]:
    """Tables whose rows add up: in + new = out + dropped + quarantined + left + replaced."""
    yield "## Funnel"
    yield "Documents; in + new = out + dropped + quarantined. What a source reads goes in; new were cut from others."
    yield _accounts({key: book.documents for key, book in funnel.items()})
    for name, what in _ELEMENTS.items():
        accounts = {key: book.accounts[name] for key, book in funnel.items()}
        if name == "images" or any(account.seen for account in accounts.values()):
            columns = [column for column in ("left", "replaced") if column in what]
            yield f"{name.capitalize()}; in + new = {' + '.join(['out', 'dropped', 'quarantined', *columns])}. {what}"
            yield _accounts(accounts, *columns)


def _accounts(accounts: Mapping[str, Account], *columns: str) -> str:
    """A table with a row for each step."""
    names = ["in", "new", "out", "dropped", "quarantined", *columns]
    header = [f"| step | {' | '.join(names)} | reasons |", f"|---|{'--:|' * len(names)}---|"]
    return "\n".join([*header, *(_row(key, account, columns) for key, account in accounts.items())])


def _row(key: str, account: Account, columns: Sequence[str]) -> str:
    more = (getattr(account, column) for column in columns)
    numbers = (account.into, account.born, account.out, sum(account.dropped.values()), account.quarantined, *more)
    return f"| {key} | {' | '.join(f'{number:,}' for number in numbers)} | {_reasons(account.dropped)} |"


def _reasons(dropped: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in sorted(dropped.items()))


def _languages_and_licences(facts: Facts) -> Iterator[str]:
    yield "## Languages and licences"
    for what, counts in (("language", facts.languages), ("licence", facts.licences)):
        shown = [(name, count) for name, count in common(counts) if name][:_MOST_SHOWN]
        without = counts.get("", 0)
        others = sum(counts.values()) - without - sum(count for _, count in shown)
        entries = [f"{_inline(name)}: {count:,}" for name, count in shown] + ([f"others: {others:,}"] if others else [])
        entries += [f"no {what} stated: {without:,}"] if without else []
        yield f"Documents by {what}: {'; '.join(entries) or 'none'}."
    yield "A licence is what the page of a document names (`source.licence`); nobody has checked it."


def _inline(name: str) -> str:
    """Code in a line of Markdown, without what would end it."""
    return f"`{' '.join(name.replace('`', '').split())}`"


def _opt_outs(steps: Sequence[PlannedStep], parts: CardParts, funnel: Mapping[str, Book]) -> Iterator[str]:
    yield "## Opt-outs"
    if parts.opt_out_in:
        yield f"Evidence that a page or server reserves the use in training is kept in {parts.opt_out_in}."
    else:
        yield "The files have no field for evidence that a page or server reserves the use in training."
    books = {step.key: funnel[step.key] for step in steps if step.use in _DROP_OPT_OUTS and step.key in funnel}
    if not books:
        advice = "look at these fields before you train" if parts.opt_out_in else "`filters.opt_out` would drop it"
        yield f"No step of this recipe drops what has such evidence: {advice}."
    for key, book in books.items():
        documents, images = (account.dropped.get("opted_out", 0) for account in (book.documents, book.images))
        yield f"`{key}` dropped {documents:,} documents and {images:,} images for an opt-out."
    if parts.url_in:
        yield f"To take a document or an image out, look for its URL in {parts.url_in}."


def _provenance(steps: Sequence[PlannedStep], parts: CardParts) -> Iterator[str]:
    yield "## Provenance"
    sources = [step for step in steps if step.shape == "source"]
    yield "\n".join(f"* `{step.key}` ({step.use}) reads {_inline(str(step.parameters.get('paths', '')))}" for step in sources)
    where = f"Where a document comes from (its URL, its file, the bytes of its record) stands in {parts.source_in}. "
    yield (
        f"{where if parts.source_in else ''}`manifest.json` has the steps, their parameters and counts. "
        f"Written by Interloom, schema {SCHEMA_VERSION}."
    )


def _steps_to(plan: Plan, sink: str) -> list[PlannedStep]:
    """The sink and the steps above it in the order of the plan, without other sinks, which pass on what they read."""
    wanted = {sink}
    for step in reversed(plan.steps):
        if step.key in wanted:
            wanted.update(step.inputs)
    return [step for step in plan.steps if step.key == sink or (step.key in wanted and step.shape != "sink")]


def _recipe(plan: Plan) -> dict[str, Any]:
    steps = [{"id": s.key, "use": s.use, "from": list(s.inputs), "with": dict(s.parameters)} for s in plan.steps]
    return {"name": plan.name, "seed": plan.seed, "steps": steps}
