"""A step that loses nearly all for one reason is told of, with the likely cause."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from interloom.jobs.__main__ import main
from interloom.pipeline.execution.balance import Account, Book
from interloom.pipeline.execution.losses import Loss, losses
from interloom.pipeline.planning import own_code
from interloom.pipeline.planning.plan import Plan

SINK = "stages.write_parquet"
PAGE = "<article><h1>Harbour</h1><p>The harbour wakes before the town does.</p><img src=1.png></article>"

OWN = """
from dataclasses import dataclass
from interloom.pipeline.stage import Stage
from interloom.schemas.outcome import Drop, Dropped

@dataclass(frozen=True, kw_only=True)
class Own(Stage):
    causes = {"gone": "all go"}

    def process(self, docs):
        return (Dropped(doc.id, Drop("gone")) for doc in docs)
"""


@pytest.fixture
def plan(planned: Callable[..., Plan], crawl: Callable[..., str], tmp_path: Path) -> Plan:
    source = (("stages.read_documents", {"paths": crawl(["one"])}), "draws_pictures")  # which may provide anything
    top = ("stages.select_top", {"of": "random", "at_most": 1})
    text = (SINK, {"layout": "text", "to": str(tmp_path / "text")})
    return planned(*source, "filters.word_count", top, "filters.image_size", text)


def dropped(into: int, reason: str, count: int) -> Account:
    return Account(into=into, out=into - count, dropped={reason: count})


@pytest.mark.parametrize(
    ("step", "book", "told"),
    [
        ("word_count", Book(documents=dropped(100, "too_few_words", 90)), [("documents", 90, 100)]),
        ("word_count", Book(documents=dropped(100, "too_few_words", 89)), []),
        ("word_count", Book(documents=dropped(99, "too_few_words", 99)), []),
        ("word_count", Book(documents=Account(into=100, quarantined=95, out=5)), [("documents", 95, 100)]),
        ("select_top", Book(documents=dropped(1000, "below_top", 999)), []),
        ("select_top", Book(documents=dropped(1000, "below_top", 1000)), [("documents", 1000, 1000)]),
        ("image_size", Book(images=dropped(3, "too_small", 3)), [("images", 3, 3)]),
        ("image_size", Book(images=dropped(3, "too_small", 2)), []),
        ("image_size", Book(), []),
        ("write_parquet", Book(images=dropped(500, "not_written", 500)), []),
    ],
)
def test_a_loss_is_told_of_from_a_share_and_a_number_on(
    plan: Plan, step: str, book: Book, told: list[tuple[str, int, int]]
) -> None:
    assert [(loss.kind, loss.count, loss.of) for loss in losses(plan.steps, {step: book})] == told


def test_the_line_names_the_cause_and_the_command() -> None:
    loss = Loss("language", "documents", "not_scored", 1900, 2000, "no step scores them")
    assert loss.text("out") == (
        "warning: language dropped 1,900 of 2,000 documents as not_scored; no step scores them; "
        "`interloom why out --step language --reason not_scored`"
    )


@pytest.mark.parametrize("source", ["data", "http"])
def test_images_of_pages_without_a_url_are_told_of_in_summary_manifest_and_status(
    recipe: Any, tmp_path: Path, source: str
) -> None:
    (tmp_path / "page.html").write_text(PAGE)
    page = ("stages.read_html", {"paths": str(tmp_path / "page.html")})
    file = recipe(page, "stages.extract_html", ("stages.fetch_images", {"sources": [source]}), SINK)
    done = CliRunner().invoke(main, ["run", file, "--runner", "local"])
    [line] = [line for line in done.stdout.splitlines() if line.startswith("warning: ")]
    assert line.startswith("warning: fetch_images dropped 1 of 1 images as relative_url; their pages have no URL of their own: ")
    assert line in CliRunner().invoke(main, ["status", str(tmp_path / "run")]).stdout.splitlines()
    manifest = json.loads((tmp_path / "run" / "write_parquet" / "manifest.json").read_text())
    assert [(warning["step"], warning["reason"]) for warning in manifest["warnings"]] == [("fetch_images", "relative_url")]


@pytest.fixture
def run_with_own_code(run: Any, crawl: Callable[..., str], tmp_path: Path) -> Path:
    """A finished run, whose plug-in is no longer where it was."""
    (tmp_path / "own.py").write_text(OWN)
    run(("stages.read_documents", {"paths": crawl([str(n) for n in range(100)])}), "own", SINK)
    (tmp_path / "own.py").unlink()
    own_code.admit_beside("", [])
    return tmp_path / "run"


@pytest.mark.parametrize(("is_stored", "cause"), [(True, "; all go"), (False, "")])
def test_status_knows_the_causes_of_plug_ins_that_are_stored_with_the_run(
    run_with_own_code: Path, is_stored: bool, cause: str
) -> None:
    if not is_stored:
        shutil.rmtree(run_with_own_code / "code")
    shown = CliRunner().invoke(main, ["status", str(run_with_own_code)])
    assert shown.exit_code == 0
    assert f"warning: own dropped 100 of 100 documents as gone{cause}; `interloom why" in shown.stdout
