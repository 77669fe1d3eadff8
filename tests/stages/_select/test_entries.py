"""Entries in texts: where they match, and how lists are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from interloom.pipeline.errors import ConfigError
from interloom.stages._select.entries import EntryLists, read_list, spaced_text

ENTRIES = ["red car", "car", "Car", "new york", "猫", "黑猫", "ねこ", "c++", "고양이", "New"]


@pytest.fixture
def lists(tmp_path: Path) -> EntryLists:
    (tmp_path / "all.txt").write_text("\n".join(ENTRIES))
    return EntryLists({"": str(tmp_path / "all.txt")})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a red car.", ["red car", "car"]),
        ("A Car, parked", ["Car"]),
        ("a carpet", []),
        ("a scar", []),
        ("car", ["car"]),
        ("a\nred\tcar!", ["red car", "car"]),
        ("red  car", ["car"]),
        ("NEW YORK", []),
        ("一只黑猫在睡觉。", ["猫", "黑猫"]),
        ("かわいいねこです", ["ねこ"]),
        ("in c++", ["c++"]),
        ("내 고양이 봐", ["고양이"]),
        ("내고양이", []),
        ("\ud83d car", ["car"]),
        ("", []),
    ],
)
def test_an_entry_matches_between_spaces(lists: EntryLists, text: str, found: list[str]) -> None:
    assert [ENTRIES[number] for number in lists.matches("en", [text])] == found


def test_marks_get_spaces_as_published() -> None:
    assert spaced_text("It's 5:30, really?") == " It's 5 : 30 ,  really ?  "


def test_an_entry_counts_once_for_all_texts(lists: EntryLists) -> None:
    assert lists.matches("en", ["car car", "car"]) == [1]


def test_each_language_has_its_list(tmp_path: Path) -> None:
    for name, words in {"en": "dog\ncat", "other": "cat", "de": "Hund\n\nHund\n Katze "}.items():
        (tmp_path / name).write_text(words)
    lists = EntryLists({name: str(tmp_path / name) for name in ("en", "other", "de")})
    assert lists.names == ["Hund", "Katze", "dog", "cat", "cat"]
    assert [lists.matches(language, ["cat Katze dog"]) for language in ("de", "en", "fr", "")] == [[1], [2, 3], [4], [4]]
    assert EntryLists({"de": str(tmp_path / "de")}).matches("en", ["Katze"]) == []


def test_a_list_may_be_json(tmp_path: Path) -> None:
    (tmp_path / "metadata.json").write_text('["dog", "cat", "dog"]')
    assert read_list(str(tmp_path / "metadata.json")) == ["dog", "cat"]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.json", b"{", "cannot be read: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("a.json", b'{"dog": 1}', "is not a list of strings"),
        ("a.json", b"[1]", "is not a list of strings"),
        ("a.txt", b"\xff", "cannot be read: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        read_list(str(tmp_path / name))
    assert str(raised.value) == f"entries: {tmp_path / name} {problem}"
