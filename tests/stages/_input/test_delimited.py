"""Rows of CSV and TSV: a stray quote, an overlong field or a broken character costs its own line and no other."""

import csv
import gzip
from pathlib import Path

import pytest

from interloom.pipeline.stage import Split
from interloom.stages._input.delimited import read_delimited

LARGE = 1 << 20


def rows(path: Path, content: bytes | str, max_line_bytes: int = LARGE) -> list[list[str] | str]:
    """The values of each row, or its error."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [line.error or list(line.value.values()) for line in read_delimited(Split(str(path)), max_line_bytes)]


@pytest.mark.parametrize("stray", ['"5 inch pipe', '"Hello" she said', '5" pipe', '"', '"5 inch" or "6 inch"'])
def test_a_stray_quote_in_tsv_is_a_character_of_its_field(tmp_path: Path, stray: str) -> None:
    assert rows(tmp_path / "q.tsv", f"id\ttext\n1\tone\n2\t{stray}\n3\tthree\n") == [["1", "one"], ["2", stray], ["3", "three"]]


def test_fields_that_tsv_quotes_as_a_whole_are_read_as_csv_writers_write_them(tmp_path: Path) -> None:
    cells = ['a "b"', "in", "two\nlines", "a\ttab", '"', ""]
    with (tmp_path / "q.tsv").open("w", newline="") as file:
        csv.writer(file, delimiter="\t").writerows([["id", "text"], *([str(n), cell] for n, cell in enumerate(cells))])
    assert [row[1] for row in rows(tmp_path / "q.tsv", (tmp_path / "q.tsv").read_bytes())] == cells


@pytest.mark.parametrize(
    ("stray", "error"),
    [
        ('"5 inch pipe', "broken row: unexpected end of data"),
        ('"Hello" she said', "broken row: ',' expected after '\"'"),
        ('"', "broken row: unexpected end of data"),
    ],
)
def test_a_stray_quote_in_csv_costs_its_line_alone(tmp_path: Path, stray: str, error: str) -> None:
    assert rows(tmp_path / "q.csv", f"id,text\n1,one\n2,{stray}\n3,three\n4,four\n") == [
        ["1", "one"],
        error,
        ["3", "three"],
        ["4", "four"],
    ]


def test_a_stray_quote_that_a_later_quote_closes_takes_no_row_with_it(tmp_path: Path) -> None:
    error = "broken row: a quote opens a field of 3 lines, after which the row has 3 fields instead of 2"
    assert rows(tmp_path / "q.csv", '1,2\na,"5 inch\nb,c\n10",x\nd,e\n') == [error, ["b", "c"], ['10"', "x"], ["d", "e"]]


def test_an_overlong_field_costs_its_own_line(tmp_path: Path) -> None:
    content = 'id,text\n1,one\n2,"' + "x" * 200 + '"\n3,three\n'
    assert rows(tmp_path / "q.csv", content, 100) == [["1", "one"], "too large: a line of more than 100 bytes", ["3", "three"]]


def test_a_row_of_many_lines_that_is_too_long_costs_no_row_after_it(tmp_path: Path) -> None:
    content = 'id,text\n1,"' + "x\n" * 100 + 'end"\n3,three\n'
    *broken, last = rows(tmp_path / "q.csv", content, 100)
    assert last == ["3", "three"]
    assert all(isinstance(row, str) for row in broken)


def test_a_line_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    error = "not UTF-8: 'utf-8' codec can't decode byte 0xe9 in position 5: unexpected end of data"
    assert rows(tmp_path / "q.csv", b"id,text\n1,one\n2,caf\xe9\n"[:-1]) == [["1", "one"], error]


def test_two_columns_of_one_name_are_an_error(tmp_path: Path) -> None:
    assert rows(tmp_path / "q.csv", "text,url,text\na,b,c\n") == ["broken file: two columns are called 'text'"]


@pytest.mark.parametrize("name", ["q.csv", "q.csv.gz"])
def test_lines_may_end_in_carriage_returns_alone(tmp_path: Path, name: str) -> None:
    content = b'id,text\r1,one\r2,"two, and more"\r3,three\r'
    found = rows(tmp_path / name, gzip.compress(content) if name.endswith(".gz") else content)
    assert found == [["1", "one"], ["2", "two, and more"], ["3", "three"]]
