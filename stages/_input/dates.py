"""Dates as rows write them, in ISO 8601, whose order is that of their characters."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

_ISO = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d.*)?)?)?")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_YEARS = range(1000, 3000)
"""Whole numbers that are years rather than seconds."""
_DAYS = range(1900_01_01, 2100_12_32)
"""Whole numbers that may be days, such as 20240131."""
_UNITS_PER_SECOND = ((1e11, 1), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))
"""Times since 1970 below the first number have so many units per second: up to the year 5138."""


def iso_date(value: object) -> str:
    """Returns a date in ISO 8601; "" for what is none.

    Numbers are years, days, or seconds, milli-, micro- or nanoseconds since 1970, by their size. Examples: 2020 -> "2020",
    20240131 -> "2024-01-31", 1700000000 -> "2023-11-14T22:13:20+00:00", "Tue, 14 Nov 2023 22:13:20 GMT" -> the same.
    """
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _of_number(value)
    if not isinstance(value, str):
        return ""
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return _of_number(float(text))
    return text if _ISO.fullmatch(text) else _of_mail(text)


def _of_number(value: float) -> str:
    if value in _YEARS:
        return str(int(value))
    try:
        if value in _DAYS:
            return datetime.strptime(str(int(value)), "%Y%m%d").date().isoformat()
    except ValueError:  # no day of a calendar
        pass
    units = next((units for most, units in _UNITS_PER_SECOND if abs(value) < most), None)
    return datetime.fromtimestamp(value / units, UTC).isoformat() if units else ""


def _of_mail(text: str) -> str:
    """A date as mails and HTTP have it (RFC 5322)."""
    try:
        return parsedate_to_datetime(text).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""
