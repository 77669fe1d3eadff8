"""`--keeps STEP=SHARE`: the shares of documents that steps let through, where the user knows them better than a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from interloom.pipeline.errors import ConfigError, did_you_mean
from interloom.pipeline.execution.balance import Book
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.pricing.advice import only_drops


def shares_kept(plan: Plan, texts: Sequence[str]) -> dict[str, float]:
    """`dedup_minhash=0.1` -> a step and a share, of each. Raises ConfigError for anything else, for a step that is named twice,
    and for a share above 1 of a step that is known to make no documents."""
    keeps: dict[str, float] = {}
    for text in texts:
        key, share = _kept(text, [step.key for step in plan.steps])
        if key in keeps:
            raise ConfigError(f"--keeps {text}: the share of '{key}' is given twice")
        if share > 1 and only_drops(plan.step(key)):
            raise _more_than_all(key, share)
        keeps[key] = share
    return keeps


def check_children(keeps: Mapping[str, float], books: Mapping[str, Book]) -> None:
    """Raises ConfigError for a share above 1 of a step that made no children of a document in the sample."""
    for key, share in keeps.items():
        account = books.get(key, Book()).documents
        if share > 1 and account.into and not account.born:
            raise _more_than_all(key, share)


def _kept(text: str, keys: Sequence[str]) -> tuple[str, float]:
    key, _, share = text.partition("=")
    if key not in keys:
        raise ConfigError(f"--keeps {text}: no step has the id '{key}'{did_you_mean(key, keys)}")
    try:
        value = float(share)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ConfigError(f"--keeps {text}: give the share of documents that '{key}' lets through, as {key}=0.1")
    return key, value


def _more_than_all(key: str, share: float) -> ConfigError:
    return ConfigError(f"--keeps {key}={share:g}: '{key}' makes no documents, so its share is at most 1, as {key}=0.1")
