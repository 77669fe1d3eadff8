from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
import pytest

from interloom.stages._input.dates import date_label, iso_date, with_dates_as_text

TIME = "2023-11-14T22:13:20+00:00"


@pytest.mark.parametrize("value", [1700000000, 1700000000.0, "1700000000", 1700000000 * 10**3, "1700000000000"])
def test_a_number_is_a_time_since_1970_by_its_size(value: object) -> None:
    assert iso_date(value) == TIME


@pytest.mark.parametrize(
    ("value", "iso"),
    [
        (2020, "2020"),
        ("2020", "2020"),
        (20240131, "2024-01-31"),
        (date(2024, 1, 31), "2024-01-31"),
        ("2024-01", "2024-01"),
        ("2024-01-31 12:00:00", "2024-01-31T12:00:00"),
        ("Tue, 14 Nov 2023 22:13:20 GMT", TIME),
        ("Tue, 14 Nov 2023 22:13:20 -0000", TIME),
        ("2023-11-14T22:13:20Z", TIME),
        ("2023-11-14 22:13:20 UTC", TIME),
        ("2023-11-14T23:13:20+01:00", TIME),
        ("20231114T221320Z", TIME),
        (datetime(2023, 11, 14, 23, 13, 20, tzinfo=timezone(timedelta(hours=1))), TIME),
        (Decimal(1700000000), TIME),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_years_days_and_dates_of_mails_are_iso_dates(value: object, iso: str) -> None:
    assert iso_date(value) == iso


@pytest.mark.parametrize(
    "value", ["last week", "", None, True, [], float("nan"), float("inf"), 10**30, "31/12/2020", "2023-13-45"]
)
def test_what_is_no_date_is_none(value: object) -> None:
    assert iso_date(value) == ""


@pytest.mark.parametrize(
    ("value", "label"),
    [("last week", "last week"), (True, "true"), ({"$date": 3}, '{"$date": 3}'), (b"then", "then"), ("2020", ""), (None, "")],
)
def test_a_date_that_cannot_be_read_is_kept_as_text(value: object, label: str) -> None:
    assert date_label(value) == label


@pytest.mark.parametrize(
    ("column", "iso"),
    [
        (pa.array([date(2023, 11, 14)], pa.date32()), "2023-11-14"),
        (pa.array([1699920000000], pa.date64()), "2023-11-14"),
        (pa.array([1700000000], pa.timestamp("s", "Europe/Berlin")), TIME),
        (pa.array([1700000000123], pa.timestamp("ms")), "2023-11-14T22:13:20.123000"),
        (pa.array([10**15], pa.timestamp("s")), ""),
    ],
)
def test_dates_and_times_of_arrow_have_the_same_form(column: pa.Array, iso: str) -> None:
    [text] = with_dates_as_text(pa.table({"date": column}))["date"].to_pylist()
    assert iso_date(text) == iso
