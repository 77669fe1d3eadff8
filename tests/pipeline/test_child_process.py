"""A child ends with its worker, has its limits, and its end is a verdict on what it worked on only if that ended it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from interloom.pipeline import child_process
from interloom.pipeline.child_process import Child, ChildDiedError
from interloom.pipeline.errors import KilledError, UnitError
from interloom.pipeline.execution import resources
from interloom.pipeline.program import Finished, Program

NO_FILES = (subprocess.DEVNULL, subprocess.DEVNULL, None)
SHORT = Program(name="the program", cpu_s=0.2)  # 2 s by the clock
STARTS_A_CHILD = """if True:
    import sys, threading
    from interloom.pipeline.child_process import Child
    def start():
        global child
        child = Child(["sleep", "600"], (None, None, None))
        print(child.pid, flush=True)
    starter = threading.Thread(target=start)
    starter.start()
    starter.join()
    threading.Event().wait()"""
DECODES = """if True:
    from interloom.pipeline.cost import Limits
    from interloom.pipeline.execution.sandbox import Sandbox
    from interloom.schemas.document import Document, Text
    sandbox = Sandbox("meets_hostile", "{}", Limits(timeout_s=60))
    def do(text):
        return sandbox.process(Document(id="a", elements=(Text(position=0, text=text),)))
    print(do("good")[0].labels["child"], flush=True)
    do("hang")"""


def is_running(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def has_ended(pid: int) -> bool:
    """Whether it ends within ten seconds."""
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "_FIRST_PAUSE_S", 0.0)


@pytest.fixture
def dies(tmp_path: Path) -> Iterator[Callable[[str, int], list[str]]]:
    """A command that ends itself by a signal so many times, and then says "done". Under `nohup` children would ignore SIGHUP."""

    def command(name: str, times: int) -> list[str]:
        script = (
            f"n=$(ls {tmp_path} | wc -l); if [ $n -lt {times} ]; then touch {tmp_path}/$n; kill -{name[3:]} $$; fi; echo done"
        )
        return ["sh", "-c", script]

    usual = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield command
    signal.signal(signal.SIGHUP, usual)


def tries(folder: Path) -> int:
    return len(list(folder.iterdir()))


@pytest.mark.parametrize("script", [STARTS_A_CHILD, DECODES], ids=["of a thread that ended", "of a decoder at work"])
def test_a_child_ends_when_its_worker_is_killed(script: str) -> None:
    worker = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert worker.stdout is not None
    child = int(worker.stdout.readline())
    assert is_running(child)
    worker.kill()
    worker.wait()
    worker.stdout.close()
    assert has_ended(child)


def test_a_child_of_a_child_ends_when_the_worker_is_killed(tmp_path: Path) -> None:
    inner = tmp_path / "inner.py"
    inner.write_text(STARTS_A_CHILD)
    outer = STARTS_A_CHILD.replace('["sleep", "600"]', f'[sys.executable, "{inner}"]').replace(
        "print(child.pid, flush=True)", "pass"
    )
    worker = subprocess.Popen([sys.executable, "-c", outer], stdout=subprocess.PIPE)
    assert worker.stdout is not None
    grandchild = int(worker.stdout.readline())
    worker.kill()
    worker.wait()
    worker.stdout.close()
    assert has_ended(grandchild)


def test_a_child_outlives_the_thread_that_started_it() -> None:
    children: list[Child] = []
    starter = threading.Thread(target=lambda: children.append(Child(["sleep", "600"], NO_FILES)))
    starter.start()
    starter.join()
    with pytest.raises(TimeoutError):
        children[0].wait(1.5)
    assert is_running(children[0].pid)
    children[0].close()
    assert not is_running(children[0].pid)


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGBUS", "SIGABRT", "SIGALRM"])
def test_what_ends_two_children_is_to_blame(dies: Callable[[str, int], list[str]], tmp_path: Path, name: str) -> None:
    with pytest.raises(ChildDiedError, match=f"^the program was ended by {name}$"):
        SHORT.run(dies(name, 9))
    assert tries(tmp_path) == 2


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGBUS", "SIGABRT", "SIGALRM", "SIGXCPU"])
def test_what_ends_one_child_only_is_done_by_the_next(dies: Callable[[str, int], list[str]], name: str) -> None:
    assert SHORT.run(dies(name, 1)) == Finished(0, b"done\n", b"")


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"])
def test_three_kills_from_outside_are_for_another_worker(
    dies: Callable[[str, int], list[str]], tmp_path: Path, name: str
) -> None:
    with pytest.raises(KilledError, match=f"^the program was ended 3 times by {name}$"):
        SHORT.run(dies(name, 9))
    assert tries(tmp_path) == 3


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_two_kills_from_outside_change_nothing(dies: Callable[[str, int], list[str]], name: str) -> None:
    assert SHORT.run(dies(name, 2)) == Finished(0, b"done\n", b"")


@pytest.mark.usefixtures("no_pauses")
def test_a_kill_that_a_shell_reports_is_one() -> None:
    with pytest.raises(KilledError, match=r"^the program was ended 3 times by SIGKILL$"):
        SHORT.run(["sh", "-c", "sh -c 'kill -KILL $$'; exit $?"])


@pytest.mark.usefixtures("no_pauses")
def test_a_program_that_catches_a_signal_and_exits_was_stopped() -> None:
    catches = Program(name="the program", cpu_s=1, was_stopped=lambda finished: finished.status == 255)
    with pytest.raises(KilledError, match=r"^the program was ended 3 times by a signal that it caught$"):
        catches.run(["sh", "-c", "trap 'exit 255' TERM; kill -TERM $$; sleep 1"])


@pytest.mark.parametrize(
    "script", ["while :; do :; done", "trap 'exit 255' XCPU; while :; do :; done"], ids=["ends", "exits by itself"]
)
def test_a_program_that_takes_too_much_cpu_time_is_to_blame(script: str) -> None:
    greedy = Program(name="the program", cpu_s=1, was_stopped=lambda finished: finished.status == 255)
    with pytest.raises(ChildDiedError, match=r"^the program took more than 1 s of CPU time$"):
        greedy.run(["sh", "-c", script])


def test_a_program_that_hangs_is_to_blame() -> None:
    with pytest.raises(ChildDiedError, match=r"^the program took longer than 2 s$"):
        SHORT.run(["sleep", "60"])


def test_a_program_that_waits_for_longer_than_its_cpu_limit_comes_to_its_end() -> None:
    assert SHORT.run(["sh", "-c", "sleep 1; echo done"]).output == b"done\n"


def test_a_program_that_stands_still_for_longer_than_its_limit_comes_to_its_end() -> None:
    script = "pid=$$; (sleep 5; kill -CONT $pid) & kill -STOP $$; echo done"
    assert SHORT.run(["sh", "-c", script]).output == b"done\n"


def test_a_worker_that_stands_still_for_longer_than_the_limit_gets_what_its_program_said() -> None:
    script = """if True:
        from interloom.pipeline.program import Program
        print("starts", flush=True)
        print(Program(name="the program", cpu_s=0.2).run(["sh", "-c", "sleep 3; echo done"]).output)"""
    worker = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert worker.stdout is not None and worker.stdout.readline() == b"starts\n"
    time.sleep(0.5)
    worker.send_signal(signal.SIGSTOP)
    time.sleep(5)
    worker.send_signal(signal.SIGCONT)
    output, _ = worker.communicate(timeout=30)
    assert (output, worker.returncode) == (b"b'done\\n'\n", 0)


@pytest.mark.parametrize("words", ["MemoryError", "std::bad_alloc", "a.mp4: Cannot allocate memory"])
def test_a_program_that_lacks_memory_twice_is_to_blame(tmp_path: Path, words: str) -> None:
    with pytest.raises(ChildDiedError, match=r"^the program had too little memory$"):
        SHORT.run(["sh", "-c", f"touch {tmp_path}/$$; echo {words} >&2; exit 1"])
    assert tries(tmp_path) == 2


def test_a_program_that_fails_says_so_once(tmp_path: Path) -> None:
    script = f"touch {tmp_path}/$$; cat >&2; exit 3"
    assert SHORT.run(["sh", "-c", script], b"not a video") == Finished(3, b"", b"not a video")
    assert tries(tmp_path) == 1


@pytest.mark.parametrize(("wanted", "at_most"), [(1 << 31, 1 << 31), (1 << 50, resources.memory_bytes())])
def test_a_child_has_no_more_memory_than_its_limit_and_the_machine(wanted: int, at_most: int) -> None:
    with closing(Child(["sleep", "60"], NO_FILES, memory_bytes=wanted)) as child:
        limits = Path(f"/proc/{child.pid}/limits").read_text().splitlines()
    assert [line.split()[3:] for line in limits if line.startswith("Max address space")] == [[str(at_most)] * 2 + ["bytes"]]


def test_a_program_has_four_gigabytes_or_what_the_machine_has() -> None:
    [line] = SHORT.run(["sh", "-c", "sleep 0.5; grep 'Max address space' /proc/self/limits"]).output.splitlines()
    assert int(line.split()[3]) == min(4 << 30, resources.memory_bytes())


def test_a_program_that_cannot_be_started_is_no_fault_of_a_document() -> None:
    with pytest.raises(UnitError, match=r"^/nowhere/ffmpeg cannot be started: \[Errno 2\] No such file or directory"):
        SHORT.run(["/nowhere/ffmpeg"])


def test_a_finished_program_leaves_no_file_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    SHORT.run(["true"])
    with pytest.raises(UnitError):
        SHORT.run(["/nowhere/ffmpeg"])
    assert len(os.listdir("/proc/self/fd")) == before
