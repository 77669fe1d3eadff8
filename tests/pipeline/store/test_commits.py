"""A unit is finished when its commit is there, once and for all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from interloom.pipeline.errors import DamageError
from interloom.pipeline.execution.balance import Account, Book, total
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store import commits
from interloom.pipeline.store.parts import StoredFile

PHASE = Phase("read", "documents", "f1")
OTHER = Phase("read", "documents", "f2")
BOOKS = {"read": Book(Account(into=3, out=2, dropped={"empty": 1}), seconds=0.5)}
FILE = StoredFile("documents", "work/read-f1/u/documents-0000.parquet", 2, 10, "aa")
COMMIT = commits.Commit("u", "read", BOOKS, (FILE,), 1.5, {"shards": 3})


@pytest.fixture
def run(tmp_path: Path) -> str:
    commits.write_commit(str(tmp_path), PHASE, COMMIT)
    return str(tmp_path)


def test_a_commit_tells_books_files_and_more(run: str) -> None:
    commit = commits.committed(run, PHASE)["u"]
    assert commit == COMMIT
    assert total([commit.books]) == BOOKS
    assert list(commits.files_of([commit], "documents")) == [FILE]
    assert list(commits.files_of([commit], "blob")) == []


@pytest.mark.parametrize("place", ["disk", "s3"])
def test_commits_are_read_in_the_order_that_is_asked_for(place: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    run = str(tmp_path) if place == "disk" else f"{request.getfixturevalue('s3')}/run"
    made = {unit: replace(COMMIT, unit=unit) for unit in ("u1", "u2", "u3")}
    for commit in made.values():
        commits.write_commit(run, PHASE, commit)
    assert commits.committed_units(run, PHASE) == {"u1", "u2", "u3"}
    assert list(commits.read_commits(run, PHASE, ["u3", "u1"])) == [made["u3"], made["u1"]]
    assert commits.committed(run, PHASE) == made


def test_a_unit_without_a_commit_cannot_be_read(run: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        list(commits.read_commits(run, PHASE, ["u", "none"]))


def test_a_second_commit_of_the_same_unit_changes_nothing_and_returns_the_first(run: str) -> None:
    file = Path(run, "work/read-f1/commits/u.json")
    first = file.read_bytes()
    late = commits.Commit("u", "read", {}, ())
    assert commits.write_commit(run, PHASE, late) == COMMIT
    assert file.read_bytes() == first


def test_commits_under_another_fingerprint_do_not_count(run: str) -> None:
    assert commits.committed(run, OTHER) == {}


def test_a_forgotten_commit_is_gone_and_others_stay(run: str) -> None:
    commits.write_commit(run, OTHER, COMMIT)
    commits.forget(run, PHASE, "u")
    assert (commits.committed(run, PHASE), list(commits.committed(run, OTHER))) == ({}, ["u"])


def test_a_phase_that_never_began_has_no_commits(tmp_path: Path) -> None:
    assert commits.committed(str(tmp_path / "none"), PHASE) == {}


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"unit": "u"}', b"\xff"])
def test_a_commit_that_cannot_be_read_is_named_and_does_not_count(run: str, text: bytes) -> None:
    file = Path(run, "work/read-f1/commits/u.json")
    file.write_bytes(text)
    assert list(commits.read_commits(run, PHASE, ["u"])) == [commits.BrokenCommit("u", str(file))]
    assert commits.committed(run, PHASE) == {}
    with pytest.raises(DamageError, match=r"u\.json is damaged"):
        commits.read_commit(run, PHASE, "u")


def test_a_commit_in_which_any_bit_has_changed_does_not_count(run: str) -> None:
    file = Path(run, "work/read-f1/commits/u.json")
    whole = file.read_bytes()
    for place in range(len(whole)):
        for bit in (1, 4):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
            found = commits.committed(run, PHASE)
            assert found in ({}, {"u": COMMIT}), whole[place:]


def test_a_commit_of_an_earlier_version_has_no_digest(run: str) -> None:
    file = Path(run, "work/read-f1/commits/u.json")
    values = json.loads(file.read_bytes())
    del values["digest"]
    file.write_text(json.dumps(values))
    assert commits.committed(run, PHASE) == {"u": COMMIT}
