from datetime import date

import pytest

from interloom.stages._input.dates import iso_date

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
        ("2024-01-31 12:00:00", "2024-01-31 12:00:00"),
        ("Tue, 14 Nov 2023 22:13:20 GMT", TIME),
    ],
)
def test_years_days_and_dates_of_mails_are_iso_dates(value: object, iso: str) -> None:
    assert iso_date(value) == iso


@pytest.mark.parametrize("value", ["last week", "", None, True, [], float("nan"), float("inf"), 10**30, "31/12/2020"])
def test_what_is_no_date_is_none(value: object) -> None:
    assert iso_date(value) == ""
