"""Dates as rows write them, in one form of ISO 8601, whose order is that of their characters."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime

import pyarrow as pa

from interloom.stages._input.surrogates import replace_surrogates

_YEAR_OR_MONTH = re.compile(r"\d{4}(-\d\d)?")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_ZONE = re.compile(r"\s*(?:UTC|GMT|Z)$", re.IGNORECASE)
_YEARS = range(1000, 3000)
"""Whole numbers that are years rather than seconds."""
_DAYS = range(1900_01_01, 2100_12_32)
"""Whole numbers that may be days, such as 20240131."""
_UNITS_PER_SECOND = ((1e11, 1), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))
"""Times since 1970 below the first number have so many units per second: up to the year 5138."""

_LARGEST = int(_UNITS_PER_SECOND[-1][0])


def iso_date(value: object) -> str:
    """Returns a date in ISO 8601; "" for what is none.

    A time with a zone is given in UTC, one without as it is, and a year, month or day stays one. Numbers are years, days, or
    seconds, milli-, micro- or nanoseconds since 1970, by their size. Examples: 2020 -> "2020", 20240131 -> "2024-01-31",
    1700000000 -> "2023-11-14T22:13:20+00:00"; "2023-11-14 23:13:20+01:00" and "Tue, 14 Nov 2023 22:13:20 GMT" -> the same.
    """
    if isinstance(value, datetime):
        return _of_time(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return _of_number(float(value)) if -_LARGEST < value < _LARGEST else ""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return _of_text(text.strip()) if isinstance(text, str) else ""


def date_label(value: object) -> str:
    """Returns a date that cannot be read as text; "" if it can be, or if there is none."""
    if value is None or iso_date(value):
        return ""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return replace_surrogates(text if isinstance(text, str) else json.dumps(text, ensure_ascii=False, default=str))


def with_dates_as_text(rows: pa.Table) -> pa.Table:
    """Returns the rows with the text of dates and times, of which Arrow knows more than Python: years after 9999."""
    for n, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type) or pa.types.is_date(field.type):
            rows = rows.set_column(n, field.name, rows.column(n).cast(pa.string()))
    return rows


def _of_text(text: str) -> str:
    if _NUMBER.fullmatch(text):
        return _of_number(float(text))
    try:
        if _YEAR_OR_MONTH.fullmatch(text):
            return date.fromisoformat(f"{text}-01").isoformat()[: len(text)]
        if not any(mark in text for mark in "T :"):
            return date.fromisoformat(text).isoformat()
        return _of_time(datetime.fromisoformat(_ZONE.sub("+00:00", text)))
    except ValueError:
        return _of_mail(text)


def _of_time(time: datetime) -> str:
    try:
        return (time.astimezone(UTC) if time.tzinfo else time).isoformat()
    except OverflowError:  # a zone that leads out of the calendar
        return time.isoformat()


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
    """A date as mails and HTTP have it (RFC 5322); with the zone "-0000" it is in UTC."""
    try:
        time = parsedate_to_datetime(text)
        return _of_time(time if time.tzinfo else time.replace(tzinfo=UTC))
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""
