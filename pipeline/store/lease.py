"""Who may write a run's plan, marks and manifests: one driver at a time has the lease of the run's folder.

A lease is a numbered file, made on the condition that it is not there; the one with the highest number counts. Its owner keeps it
young; when it is older than EXPIRY_S by the store's own clock, or its process is known to be dead, the next number may be taken.
So of many who try one has it, and an owner that slept finds a higher number.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self
from uuid import uuid4

from interloom.pipeline.errors import ConfigError, FatalError, UnitError
from interloom.pipeline.process_identity import ProcessIdentity, this_process
from interloom.pipeline.store import storage, traffic

FOLDER = "lease"
RENEW_S = 10.0
EXPIRY_S = 60.0
"""A driver that was not heard of for so long may be replaced. Our choice: six renewals may fail before."""
WAIT_OF_JOBS_S = 75
"""So long a job of a cluster waits for the driver of an earlier try, which may have died with its machine: a lease, and some."""
_ASK_AGAIN_S = 1.0
_TRIES = 8


@dataclass(frozen=True, slots=True)
class Owner:
    """What a lease says: who took it and when (by its own clock, for people), whether it was given back, and the error that
    it was given back with."""

    token: str = ""
    command: str = "a driver"
    host: str = "an unknown host"
    pid: int = 0
    process: str = ""
    since: str = "an unknown time"
    released: bool = False
    error: str = ""

    def __str__(self) -> str:
        if not self.token:
            return "a driver that is not known, because the file of its lease is damaged"
        return f"`interloom {self.command}`, process {self.pid} on {self.host}, since {self.since}"

    def is_gone(self) -> bool:
        """Whether it gave the lease back or is known to be dead."""
        process = ProcessIdentity.parse(self.process)
        return self.released or (process is not None and (process.is_dead() or self._is_over_here(process)))

    def _is_over_here(self, process: ProcessIdentity) -> bool:
        """Whether it was a run of this process that has ended, but could not say so: its store did not let it."""
        return process == this_process() and self.token not in _held

    def may_be_dead(self) -> bool:
        """Whether it runs where nobody here can tell."""
        process = ProcessIdentity.parse(self.process)
        return process is None or not process.is_of_this_machine()


_held: set[str] = set()
"""The tokens of leases that this process has."""


class Lease:
    """The lease that this driver has, kept young by a thread until `release`."""

    def __init__(self, run: str, number: int, owner: Owner) -> None:
        self._run, self._number, self._owner = run, number, owner
        self._lost = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._thread.start()

    @classmethod
    def acquire(cls, run: str, command: str, wait_s: float = 0.0) -> Self:
        """Takes the lease of a run's folder, once its owner gives it back or it expires, if that is within `wait_s`. Raises
        ConfigError that says who has it."""
        until = time.monotonic() + wait_s
        process = this_process()
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        owner = Owner(uuid4().hex, command, socket.gethostname(), os.getpid(), str(process), since)
        number = 0
        _held.add(owner.token)  # before others of this process can see the file
        try:
            number = _taken(run, owner, until)
        finally:
            if not number:
                _held.discard(owner.token)
        return cls(run, number, owner)

    def check(self) -> None:
        """Asks the store. Raises FatalError if another driver took over."""
        if not self._lost:
            self._look()
        self.raise_if_lost()

    def raise_if_lost(self) -> None:
        """Raises FatalError if it is known that another driver took over."""
        if self._lost:
            raise FatalError(f"{self._lost}; this one stops, and what it did not commit does not count")

    def release(self, error: str = "") -> None:
        """Gives the lease back, if it is still ours. `error` is what ended the run before its end, for `status`."""
        self._ended.set()
        self._thread.join()
        _held.discard(self._owner.token)
        if not self._lost:
            self._look()
        if not self._lost:
            storage.write(_path(self._run, self._number), _encoded(replace(self._owner, released=True, error=error)))

    def _look(self) -> None:
        last = max(_numbers(storage.list_names(storage.join(self._run, FOLDER))), default=0)
        if last > self._number:
            owner = _read(self._run, last)
            self._lost = f"{self._run}: another driver took over ({owner}), because this one was not heard of for {EXPIRY_S:g} s"
        elif last < self._number:
            self._lost = f"{self._run}: the lease of this driver was removed"

    def _keep(self) -> None:
        while not self._ended.wait(RENEW_S) and not self._lost:
            try:
                with traffic.uncounted():
                    storage.keep_young(_path(self._run, self._number), _encoded(self._owner))
                    self._look()
            except FileNotFoundError:
                self._look()
            except (OSError, UnitError, ConfigError):
                continue  # a store that does not answer takes the lease from nobody; it is asked again


def _taken(run: str, owner: Owner, until: float) -> int:
    """The number of the lease that the owner now has. Raises ConfigError that says who has it."""
    for _ in range(_TRIES):
        number = _free(run, until)
        path = _path(run, number + 1)
        if not storage.write_once(path, _encoded(owner)):
            continue
        if _last(run)[0] == number + 1:
            if number:
                storage.remove(_path(run, number))
            return number + 1
        storage.remove(path)  # others were there meanwhile, and their numbers are higher
    raise ConfigError(f"{run}: other drivers keep taking this run's lease; try again")


def _free(run: str, until: float) -> int:
    """The number of the last lease, once nobody has it. Raises ConfigError that says who has it if that is not so in time."""
    while True:
        number, age = _last(run)
        if not number or age > EXPIRY_S or (owner := _read(run, number)).is_gone():
            return number
        if time.monotonic() >= until:
            raise _is_owned_by(run, owner, age)
        time.sleep(_ASK_AGAIN_S)


def _is_owned_by(run: str, owner: Owner, age: float) -> ConfigError:
    expires = f"; if it is dead, its lease expires in {EXPIRY_S - age:.0f} s" if owner.may_be_dead() else ""
    stop = f"stop it there (kill {owner.pid}), " if owner.pid > 0 else ""
    way_out = f"wait until it ends, {stop}or choose another run folder"
    return ConfigError(f"{run} belongs to {owner}, last heard of {age:.0f} s ago: {way_out}{expires}")


def is_owned(run: str) -> bool:
    """Whether a driver has the lease now."""
    owner, age = last_owner(run)
    return age <= EXPIRY_S and not owner.is_gone()


def last_owner(run: str) -> tuple[Owner, float]:
    """Who has the lease or had it last, and how many seconds ago it was heard of; nobody, infinitely long ago, if none had."""
    number, age = _last(run)
    return (_read(run, number), age) if number else (Owner(released=True), float("inf"))


def early_end(run: str) -> str | None:
    """Of a run that has not finished and that no driver has: its last error in words, "" if it left none. None if a driver has
    it, or if its folder cannot be seen from here."""
    try:
        owner, age = last_owner(run)
    except (ConfigError, UnitError, OSError):
        return None
    if age == float("inf") or (age <= EXPIRY_S and not owner.is_gone()):
        return None
    return f" (its last error: {owner.error})" if owner.error else ""


def _last(run: str) -> tuple[int, float]:
    """The highest number, and how many seconds ago its owner was heard of; 0 if there is none."""
    ages = storage.ages(storage.join(run, FOLDER))
    numbers = _numbers(ages)
    last = max(numbers, default=0)
    return last, ages[numbers[last]] if last else 0.0


def _numbers(names: Iterable[str]) -> dict[int, str]:
    """The numbers of leases, with the names of their files."""
    return {int(number): name for name in names if (number := name.removesuffix(".json")).isdigit()}


def _path(run: str, number: int) -> str:
    return storage.join(run, FOLDER, f"{number:08d}.json")


def _encoded(owner: Owner) -> bytes:
    return json.dumps(asdict(owner), sort_keys=True).encode()


def _read(run: str, number: int) -> Owner:
    """What a lease says; if it cannot be read, it was taken by nobody known."""
    try:
        values: dict[str, Any] = json.loads(storage.read(_path(run, number)))
        return Owner(**values)
    except FileNotFoundError:
        return Owner(released=True)
    except (ValueError, TypeError):
        return Owner()
