"""A process is dead if its number is gone or was given to another; nothing is known of other machines."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from interloom.pipeline.process_identity import ProcessIdentity, this_process


def test_this_process_lives_and_is_named_the_same_each_time() -> None:
    assert not this_process().is_dead()
    assert this_process() == this_process()
    assert (this_process().pid, this_process().is_of_this_machine()) == (os.getpid(), True)


def test_a_name_is_read_back() -> None:
    assert ProcessIdentity.parse(str(this_process())) == this_process()


@pytest.mark.parametrize("text", ["", "a", "a-1", "a-b-c", "a-1-2-3", "abc-x-1"])
def test_another_text_names_no_process(text: str) -> None:
    assert ProcessIdentity.parse(text) is None


def test_a_process_is_dead_once_it_has_ended_even_before_its_parent_looks() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = int(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19])
    identity = replace(this_process(), pid=child.pid, started=started)
    assert not identity.is_dead()
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert identity.is_dead()
    child.communicate()
    assert identity.is_dead()


def test_a_process_whose_number_another_has_now_is_dead() -> None:
    assert replace(this_process(), started=1).is_dead()


def test_of_a_process_of_another_machine_nothing_is_known() -> None:
    assert not ProcessIdentity("0123456789ab", os.getpid(), 1).is_dead()
