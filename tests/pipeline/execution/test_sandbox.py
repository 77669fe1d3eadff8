"""What happens in the child stays there: crashes, hangs, hunger and noise. What comes from outside is no fault of a document."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from interloom.pipeline.child_process import ChildDiedError
from interloom.pipeline.cost import Limits
from interloom.pipeline.errors import DocumentError, KilledError, UnitError
from interloom.pipeline.execution import resources
from interloom.pipeline.execution.sandbox import Sandbox
from interloom.schemas.document import Document

Article = Callable[..., Document]
LIMITS = Limits(timeout_s=0.3, memory_bytes=3 << 30)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox("meets_hostile", "{}", LIMITS)
    yield sandbox
    sandbox.close()


@pytest.fixture
def marks(tmp_path: Path) -> Callable[[], list[str]]:
    """What happened in the children, by the marks that they left in `tmp_path`."""
    return lambda: sorted(path.name for path in tmp_path.iterdir())


def child_of(sandbox: Sandbox, doc: Document) -> int:
    """The process that answered."""
    [answer] = sandbox.process(doc)
    assert isinstance(answer, Document)
    return int(answer.labels["child"])


def test_a_document_comes_back_from_a_process_of_its_own(sandbox: Sandbox, article: Article) -> None:
    assert child_of(sandbox, article("a", "good")) != os.getpid()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("segfault", r"^killed the decoder \(SIGSEGV\)$"),
        ("SIGBUS", r"^killed the decoder \(SIGBUS\)$"),
        ("SIGABRT", r"^killed the decoder \(SIGABRT\)$"),
        ("hang", r"^took more than 0\.3 s of CPU time$"),
        pytest.param("sleep", "^took longer than 3 s$", marks=pytest.mark.slow),
        ("exit", r"^ended the decoder \(exit status 3\)$"),
        ("eat", "^MemoryError$"),
    ],
)
def test_a_document_that_ends_two_children_is_told_and_the_next_one_gets_a_new_child(
    sandbox: Sandbox, article: Article, word: str, message: str
) -> None:
    before = child_of(sandbox, article("a", "good"))
    with pytest.raises(ChildDiedError, match=message):
        sandbox.process(article("b", word))
    assert child_of(sandbox, article("c", "good")) != before


@pytest.mark.parametrize("what", ["segfault", "SIGALRM", "SIGPROF", "SIGXCPU", "exit", "eat"])
def test_a_document_that_ends_one_child_only_is_done_by_the_next(
    sandbox: Sandbox, article: Article, tmp_path: Path, what: str
) -> None:
    before = child_of(sandbox, article("a", "good"))
    assert child_of(sandbox, article("b", f"{what} 1 {tmp_path}")) != before


def test_a_document_is_tried_twice_before_it_is_to_blame(
    sandbox: Sandbox, article: Article, tmp_path: Path, marks: Callable[[], list[str]]
) -> None:
    with pytest.raises(ChildDiedError):
        sandbox.process(article("a", f"SIGSEGV 9 {tmp_path}"))
    assert marks() == ["SIGSEGV-0", "SIGSEGV-1"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_two_kills_from_outside_are_no_fault_of_the_document(
    sandbox: Sandbox, article: Article, tmp_path: Path, marks: Callable[[], list[str]], name: str
) -> None:
    assert child_of(sandbox, article("a", f"{name} 2 {tmp_path}")) != os.getpid()
    assert marks() == [f"{name}-0", f"{name}-1"]


@pytest.mark.slow
def test_three_kills_from_outside_leave_the_document_to_another_worker(
    sandbox: Sandbox, article: Article, tmp_path: Path, marks: Callable[[], list[str]]
) -> None:
    with pytest.raises(KilledError, match=r"^the decoder was ended 3 times by SIGKILL$"):
        sandbox.process(article("a", f"SIGKILL 9 {tmp_path}"))
    assert marks() == ["SIGKILL-0", "SIGKILL-1", "SIGKILL-2"]
    assert child_of(sandbox, article("b", "good")) != os.getpid()


def test_time_before_a_document_does_not_count_for_it(sandbox: Sandbox, article: Article) -> None:
    first = child_of(sandbox, article("a", "good"))
    children = [child_of(sandbox, article(str(number), "work")) for number in range(10)]  # 1 s together, of 0.3 s each
    assert children == [first] * 10


def test_a_child_that_stands_still_for_longer_than_its_cpu_limit_answers_when_it_goes_on(
    sandbox: Sandbox, article: Article
) -> None:
    child = child_of(sandbox, article("a", "good"))
    wake = f"""if True:
        import os, pathlib, time
        while pathlib.Path("/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.01)
        time.sleep({3 * LIMITS.timeout_s})
        os.kill({child}, {signal.SIGCONT:d})"""
    waker = subprocess.Popen([sys.executable, "-c", wake])
    assert child_of(sandbox, article("b", "SIGSTOP")) == child
    assert waker.wait(20) == 0


@pytest.mark.parametrize(("limit", "at_most"), [(3 << 30, 3 << 30), (1 << 50, resources.memory_bytes())])
def test_a_child_has_no_more_memory_than_its_limit_and_the_machine(article: Article, limit: int, at_most: int) -> None:
    sandbox = Sandbox("meets_hostile", "{}", Limits(timeout_s=1, memory_bytes=limit))
    limits = Path(f"/proc/{child_of(sandbox, article('a', 'good'))}/limits").read_text()
    sandbox.close()
    [line] = [line for line in limits.splitlines() if line.startswith("Max address space")]
    assert line.split()[3:] == [str(at_most), str(at_most), "bytes"]


def test_what_the_step_raises_is_told_and_the_child_lives_on(sandbox: Sandbox, article: Article) -> None:
    before = child_of(sandbox, article("a", "good"))
    with pytest.raises(DocumentError, match=r"^ValueError: not a picture$"):
        sandbox.process(article("b", "raise"))
    assert child_of(sandbox, article("c", "good")) == before


def test_errors_that_stop_the_unit_come_out_of_the_child(sandbox: Sandbox, article: Article) -> None:
    with pytest.raises(UnitError, match=r"^the store is away$"):
        sandbox.process(article("a", "store"))


def test_what_a_library_prints_is_no_answer(sandbox: Sandbox, article: Article) -> None:
    assert child_of(sandbox, article("a", "print")) == child_of(sandbox, article("b", "good"))


def test_a_document_larger_than_a_pipe_goes_through(sandbox: Sandbox, article: Article) -> None:
    [answer] = sandbox.process(article("a", "x" * (1 << 20)))
    assert isinstance(answer, Document) and len(answer.text) == 1 << 20


def test_a_child_that_was_killed_while_it_waited_is_replaced(sandbox: Sandbox, article: Article) -> None:
    first = child_of(sandbox, article("a", "good"))
    os.kill(first, 9)
    time.sleep(0.05)
    assert child_of(sandbox, article("b", "good")) != first


def test_closing_ends_the_child(sandbox: Sandbox, article: Article) -> None:
    child = child_of(sandbox, article("a", "good"))
    sandbox.close()
    assert not os.path.exists(f"/proc/{child}")


def test_the_child_ends_when_its_parent_does() -> None:
    command = [sys.executable, "-m", "interloom.pipeline.execution.sandbox", "meets_hostile", "{}", "1.0", "{}"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.communicate(timeout=20)
    assert child.returncode == 0
