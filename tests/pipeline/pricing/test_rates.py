"""Dollars are those of rates that the user gives, and of nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.pricing.rates import Rates, read_rates

AMOUNTS = {"cpu_s": 7200.0, "read_bytes": 3e9, "written_bytes": 5e9, "gets": 4000.0, "puts": 2000.0, "lists": 1000.0}


def test_each_rate_is_for_what_its_name_says() -> None:
    rates = Rates(
        cpu_hour=0.04, gpu_hour=2.0, gb_read=0.1, gb_month=0.02, per_1000_gets=0.0004, per_1000_puts=0.005, per_1000_lists=1
    )
    assert rates.parts(AMOUNTS, gpu_s=1800.0) == pytest.approx(
        {
            "cpu_hour": 0.08,
            "gpu_hour": 1.0,
            "gb_read": 0.3,
            "gb_month": 0.1,
            "per_1000_gets": 0.0016,
            "per_1000_puts": 0.01,
            "per_1000_lists": 1.0,
        }
    )


def test_what_is_not_given_costs_nothing_and_is_not_named(tmp_path: Path) -> None:
    (tmp_path / "rates.yaml").write_text("cpu_hour: 0.5\n")
    rates = read_rates(str(tmp_path / "rates.yaml"))
    assert (rates.parts(AMOUNTS, None), rates.total(AMOUNTS, None)) == ({"cpu_hour": 1.0}, 1.0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("cpu_hours: 1", "no rate 'cpu_hours'; did you mean 'cpu_hour'?; there is cpu_hour, gpu_hour, gb_read, gb_month, "),
        ("cpu_hour: -1", "cpu_hour: input should be greater than or equal to 0"),
        ("cpu_hour: true", "cpu_hour: input should be another value than true or false"),
        ("cpu_hour: much", "cpu_hour: input should be a valid number"),
        (
            "- 1",
            "it holds no rates; they are cpu_hour, gpu_hour, gb_read, gb_month, per_1000_gets, ",
        ),
        ("cpu_hour: 1\na: [", "it is not valid YAML: expected the node content, but found '<stream end>' in line 2, column 5"),
        ("a: \x07", "it is not valid YAML: "),
    ],
)
def test_a_file_that_makes_no_sense_is_told_in_a_line(text: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "rates.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        read_rates(str(path))
    [line] = raised.value.problems
    assert line.startswith(f"{path}: {problem}")
    assert "<byte string>" not in line
    assert "\n" not in line


def test_a_folder_is_no_file_of_rates(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="this is a folder; name the file of the rates"):
        read_rates(str(tmp_path))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        read_rates(str(tmp_path / "none.yaml"))
    assert raised.value.problems == (f"{tmp_path}/none.yaml: no such file; it holds rates such as `cpu_hour: 0.04`",)
