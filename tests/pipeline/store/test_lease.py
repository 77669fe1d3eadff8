"""One driver at a time has a run: who, is told; a dead one is replaced at once, a silent one when its lease has expired."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Timer

import pytest

from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.store import lease, storage
from interloom.pipeline.store.lease import Lease

Age = Callable[[str], None]


@pytest.fixture(params=["disk", "s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "disk":
        return str(tmp_path / "run")
    return f"{request.getfixturevalue('s3')}/{tmp_path.name}"


@pytest.fixture
def held(folder: str) -> Iterator[Lease]:
    """The lease of this process; it is not renewed while a test runs."""
    taken = Lease.acquire(folder, "run")
    yield taken
    taken.release()


def expire(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All leases of the run are as old as one that nobody renews any more."""
    if storage.is_remote(run):
        monkeypatch.setattr(lease, "EXPIRY_S", -5.0)
    else:
        for file in Path(run, "lease").iterdir():
            os.utime(file, (0, 0))


def test_a_second_driver_is_told_who_has_the_run_and_what_to_do(folder: str, held: Lease) -> None:
    told = (
        rf"belongs to `interloom run`, process {os.getpid()} on .*, since 20.* UTC, last heard of \d s ago: wait until it ends, "
    )
    with pytest.raises(ConfigError, match=told + rf"stop it there \(kill {os.getpid()}\), or choose another run folder") as error:
        Lease.acquire(folder, "run")
    assert len(error.value.problems) == 1


def test_of_an_owner_that_is_not_known_no_process_is_named_to_stop(folder: str) -> None:
    storage.write(f"{folder}/lease/00000001.json", b"{")
    with pytest.raises(ConfigError, match="wait until it ends, or choose another run folder"):
        Lease.acquire(folder, "run")


def test_a_lease_that_was_given_back_is_taken_at_once(folder: str) -> None:
    for _ in range(3):
        Lease.acquire(folder, "run").release()
    assert storage.list_names(f"{folder}/lease") == ["00000003.json"]


def test_a_driver_may_wait_for_the_other_one_to_end(folder: str, held: Lease) -> None:
    Timer(0.5, held.release).start()
    second = Lease.acquire(folder, "run", wait_s=60)
    second.check()
    second.release()


def test_a_driver_that_waited_in_vain_is_told_who_has_the_run(folder: str, held: Lease) -> None:
    with pytest.raises(ConfigError, match=rf"belongs to `interloom run`, process {os.getpid()} on "):
        Lease.acquire(folder, "run", wait_s=0.1)


def test_a_lease_that_expired_is_taken_and_its_owner_notices(folder: str, held: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    held.check()
    expire(folder, monkeypatch)
    second = Lease.acquire(folder, "clean")
    second.check()
    with pytest.raises(FatalError, match=r"another driver took over .`interloom clean`, process .* this one stops"):
        held.check()
    held.release()
    second.check()
    second.release()


def test_of_many_who_try_at_once_one_has_it(folder: str) -> None:
    def taken(number: int) -> Lease | None:
        try:
            return Lease.acquire(folder, f"run {number}")
        except ConfigError:
            return None

    with ThreadPoolExecutor(8) as pool:
        leases = [one for one in pool.map(taken, range(8)) if one]
    assert len(leases) == 1
    leases[0].check()
    leases[0].release()


def test_the_lease_of_a_dead_process_of_this_machine_is_taken_at_once(tmp_path: Path) -> None:
    code = f"import os; from interloom.pipeline.store.lease import Lease; Lease.acquire({str(tmp_path)!r}, 'run'); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    Lease.acquire(str(tmp_path), "run").release()


def test_the_lease_of_a_process_elsewhere_is_not_taken_before_it_expires(tmp_path: Path) -> None:
    taken = Lease.acquire(str(tmp_path), "run")
    file = tmp_path / "lease" / "00000001.json"
    owner = json.loads(file.read_text()) | {"host": "elsewhere", "process": "0123456789ab-1-1"}
    file.write_text(json.dumps(owner))
    with pytest.raises(ConfigError, match=r"on elsewhere.*if it is dead, its lease expires in (60|59) s"):
        Lease.acquire(str(tmp_path), "run")
    taken.release()


def test_a_number_that_was_taken_meanwhile_and_given_back_is_no_way_in(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Lease.acquire(folder, "run").release()
    before = lease._last(folder)
    second = Lease.acquire(folder, "run")
    second.release()
    third = Lease.acquire(folder, "run")
    answers = iter([before])  # what a driver saw that then slept for long
    look = lease._last
    monkeypatch.setattr(lease, "_last", lambda run: next(answers, None) or look(run))
    with pytest.raises(ConfigError, match="belongs to"):
        Lease.acquire(folder, "run")
    third.check()
    third.release()


@pytest.mark.parametrize("text", ["", "[]", '{"pid": 3, "other": 1}'])
def test_a_lease_that_says_nothing_counts_until_it_expires(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lease").mkdir()
    (tmp_path / "lease" / "00000004.json").write_text(text)
    with pytest.raises(ConfigError, match="belongs to"):
        Lease.acquire(str(tmp_path), "run")
    expire(str(tmp_path), monkeypatch)
    Lease.acquire(str(tmp_path), "run").release()


def test_a_lease_is_kept_young(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_S", 0.01)
    taken = Lease.acquire(str(tmp_path), "run")
    file = tmp_path / "lease" / "00000001.json"
    os.utime(file, (0, 0))
    while file.stat().st_mtime == 0:
        taken.raise_if_lost()
    taken.release()


def test_an_owner_whose_lease_was_removed_stops(tmp_path: Path) -> None:
    taken = Lease.acquire(str(tmp_path), "run")
    (tmp_path / "lease" / "00000001.json").unlink()
    with pytest.raises(FatalError, match="the lease of this driver was removed; this one stops"):
        taken.check()
    taken.release()
    assert storage.list_names(str(tmp_path / "lease")) == []


def test_a_lease_that_cannot_be_read_is_said_to_be_damaged(folder: str) -> None:
    storage.write(storage.join(folder, "lease", "00000001.json"), b"{")
    told = "belongs to a driver that is not known, because the file of its lease is damaged, last heard of .* expires in"
    with pytest.raises(ConfigError, match=told):
        Lease.acquire(folder, "run")
