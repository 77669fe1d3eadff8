"""The dataset card: what is in the shards, the funnel it came through, and the recipe, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from interloom.pipeline.execution.balance import Account, Book
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store.shards import WrittenShard


def text(plan: Plan, sink: str, shards: Sequence[WrittenShard], funnel: Mapping[str, Book]) -> str:
    """The card in Markdown. The same run gives the same card."""
    documents = sum(shard.documents for shard in shards)
    images = sum(shard.images for shard in shards)
    size = sum(file.size_bytes for shard in shards for file in shard.files)
    lines = [
        f"# {plan.name}",
        "",
        f"{documents:,} interleaved documents with {images:,} images in {len(shards)} shards ({size / 1e6:,.1f} MB), "
        f"written by `{sink}`. Checksums are in `manifest.json`.",
        "",
        "## Funnel",
        "",
        "| step | documents in | out | dropped | quarantined | images in | out | dropped | quarantined |",
        "|---|--:|--:|---|--:|--:|--:|---|--:|",
        *(_row(key, book) for key, book in funnel.items()),
        "",
        "## Recipe",
        "",
        "```yaml",
        yaml.safe_dump(_recipe(plan), sort_keys=False, allow_unicode=True).rstrip(),
        "```",
        "",
    ]
    return "\n".join(lines)


def _row(key: str, book: Book) -> str:
    cells = [str(cell) for account in (book.documents, book.images) for cell in _cells(account)]
    return f"| {key} | {' | '.join(cells)} |"


def _cells(account: Account) -> tuple[str, str, str, str]:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(account.dropped.items()))
    return f"{account.seen:,}", f"{account.out:,}", reasons, f"{account.quarantined:,}"


def _recipe(plan: Plan) -> dict[str, Any]:
    steps = [{"id": s.key, "use": s.use, "from": list(s.inputs), "with": dict(s.parameters)} for s in plan.steps]
    return {"name": plan.name, "seed": plan.seed, "steps": steps}
