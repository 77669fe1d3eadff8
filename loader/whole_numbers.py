"""Checks settings that are whole numbers."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral


def problem_of(what: str, values: Mapping[str, object], least: int) -> str:
    """Returns the first of these settings that is no whole number of at least `least`, in a line; "" if all are."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
            return f"{what}: {name}: an integer, at least {least}, not {value!r}"
    return ""
