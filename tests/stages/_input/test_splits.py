"""Files of an input have names of their own, from which the ids of their documents are made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from interloom.stages._input.splits import path_notes, path_problems, whole_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two folders with a file of the same name each, and one with another."""
    for name in ("a/part.txt", "b/part.txt", "c/other.txt"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    return tmp_path


def names(*paths: object) -> list[str]:
    return [split.name for split in whole_files(list(map(str, paths)), (".txt",))]


@pytest.mark.parametrize("paths", [[], "", [""], " ", ["a.txt", ""]])
def test_what_names_no_path_is_refused(paths: str | list[str]) -> None:
    assert list(path_problems(paths, (".txt",))) == ["paths: names nothing to read"]


def test_a_name_is_relative_to_its_path(folder: Path) -> None:
    assert names(folder) == ["a/part.txt", "b/part.txt", "c/other.txt"]
    assert names(folder / "a", folder / "c" / "other.txt") == ["part.txt", "other.txt"]


@pytest.mark.parametrize("inner", ["", "part.txt", "*.txt"])
def test_files_of_the_same_name_are_named_from_the_folder_that_contains_them(folder: Path, inner: str) -> None:
    assert names(folder / "a" / inner, folder / "b" / inner) == ["a/part.txt", "b/part.txt"]


def test_a_file_that_two_paths_name_is_read_once(folder: Path) -> None:
    assert names(folder / "a", folder / "a" / "*.txt", folder) == ["part.txt", "b/part.txt", "c/other.txt"]


def test_a_relative_and_an_absolute_path_of_the_same_letters_are_two_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    inside = folder / str(folder).lstrip("/") / "a"
    inside.mkdir(parents=True)
    (inside / "part.txt").touch()
    relative = os.path.relpath(inside, folder)
    assert len(set(names(folder / "a" / "part.txt", f"{relative}/part.txt"))) == 2


@pytest.fixture
def mixed(tmp_path: Path) -> str:
    """A folder with a file that is read, and others."""
    for name in ("a.jsonl", "b.jsonl.bz2", "c.jsonl.bz2", "sub/d.XLSX", "e", "README.md", "_SUCCESS", ".hidden.xlsx", "pic.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return str(tmp_path)


def test_files_of_a_folder_that_are_not_read_are_told_of_by_their_endings(mixed: str) -> None:
    told = f"{mixed}: 4 files are not read, by the endings of their names: .bz2 (2), .xlsx (1), no ending (1)"
    assert list(path_notes(mixed, (".jsonl",), (".jpg",))) == [told]


@pytest.mark.parametrize("pattern", ["*.jsonl", "a.jsonl", "**/*.jsonl"])
def test_what_a_pattern_leaves_out_is_meant(mixed: str, pattern: str) -> None:
    assert list(path_notes(f"{mixed}/{pattern}", (".jsonl",), ())) == []


def test_many_endings_are_cut(tmp_path: Path) -> None:
    for n in range(7):
        (tmp_path / f"a.x{n}").touch()
    [note] = path_notes(str(tmp_path), (".jsonl",), ())
    assert note.endswith(": .x0 (1), .x1 (1), .x2 (1), .x3 (1), .x4 (1), ...")


def test_one_file_is_one(tmp_path: Path) -> None:
    (tmp_path / "a.php").touch()
    [note] = path_notes(str(tmp_path), (".html",), ())
    assert note == f"{tmp_path}: 1 file is not read, by the ending of its name: .php (1)"
