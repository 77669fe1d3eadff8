"""What happens in the child stays there: crashes, hangs, hunger and noise."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.execution.sandbox import Sandbox, SandboxDiedError
from interloom.pipeline.stage import Limits
from interloom.schemas.document import Document

Article = Callable[..., Document]
LIMITS = Limits(timeout_s=1.0, memory_bytes=3 << 30)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox("meets_hostile", "{}", LIMITS)
    yield sandbox
    sandbox.close()


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
        ("hang", "^took longer than 1 s$"),
        ("exit", r"^ended the decoder \(exit status 3\)$"),
    ],
)
def test_what_kills_the_child_is_told_and_the_next_document_gets_a_new_one(
    sandbox: Sandbox, article: Article, word: str, message: str
) -> None:
    before = child_of(sandbox, article("a", "good"))
    with pytest.raises(SandboxDiedError, match=message):
        sandbox.process(article("b", word))
    assert child_of(sandbox, article("c", "good")) != before


@pytest.mark.parametrize(("word", "message"), [("eat", "^MemoryError$"), ("raise", "^ValueError: not a picture$")])
def test_what_the_step_raises_is_told_and_the_child_lives_on(sandbox: Sandbox, article: Article, word: str, message: str) -> None:
    before = child_of(sandbox, article("a", "good"))
    with pytest.raises(DocumentError, match=message):
        sandbox.process(article("b", word))
    assert child_of(sandbox, article("c", "good")) == before


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
    command = [sys.executable, "-m", "interloom.pipeline.execution.sandbox", "meets_hostile", "{}", "1.0", str(3 << 30), "{}"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.communicate(timeout=20)
    assert child.returncode == 0
