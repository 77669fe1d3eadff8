"""Quotas of groups: shares by weights or temperatures, whole numbers by largest remainder, and no more than a group has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction


def shares(sizes: Mapping[str, int], weights: Mapping[str, float] | None, temperature: float) -> dict[str, Fraction]:
    """Returns the share of each group, in no particular scale: its weight as written, or its size to the power 1 / temperature.

    Parameters:
        sizes: The size of each group.
        weights: The weights of groups; others have none. None: shares follow from sizes.
        temperature: 1 leaves shares as they are, more makes them more equal.
    """
    if weights is not None:
        return {name: Fraction(str(weights.get(name, 0))) for name in (*sizes, *(weights.keys() - sizes.keys()))}
    return {name: Fraction(size ** (1 / temperature) if size else 0) for name, size in sizes.items()}


def largest_total(share: Sequence[Fraction], most: Sequence[int]) -> int:
    """Returns the largest total in which no group that has something gets more than it has. 1 3, 5 6 -> 8."""
    whole = sum(of for of, has in zip(share, most, strict=True) if has)
    return min((int(has * whole / of) for of, has in zip(share, most, strict=True) if of and has), default=0)


def quotas(share: Sequence[Fraction], most: Sequence[int], total: int) -> list[int]:
    """Returns the quota of each group: the total by shares, and no group gets more than it has; what it lacks goes to the others.

    Fractions go to the groups with the largest remainders, of equal ones to the first. Shares 1 1 1, total 4 -> 2 1 1.
    """
    quota = [0] * len(share)
    open_ = [n for n in range(len(share)) if share[n] and most[n]]
    left = total
    while open_:
        whole = sum(share[n] for n in open_)
        full = [n for n in open_ if left * share[n] >= most[n] * whole]
        if not full:
            break
        for n in full:
            quota[n] = most[n]
        left -= sum(most[n] for n in full)
        open_ = [n for n in open_ if not quota[n]]
    if not open_:
        return quota
    exact = {n: left * share[n] / whole for n in open_}
    for n in open_:
        quota[n] = int(exact[n])
    missing = left - sum(quota[n] for n in open_)
    for n in sorted(open_, key=lambda n: (quota[n] - exact[n], n))[:missing]:
        quota[n] += 1
    return quota
