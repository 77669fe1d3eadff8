"""What makes a step run again: its code with all that it imports, and the files that its parameters name. Nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.planning import fingerprint, plugins
from interloom.pipeline.planning.file_digests import digest_of_file
from interloom.pipeline.planning.fingerprint import code_files, digest_of_code
from interloom.pipeline.planning.phases import Phase, cut
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.planning.step_files import digests_of_files
from interloom.pipeline.store import storage

PACKAGE = {
    "mypack/__init__.py": "",
    "mypack/too_dark.py": "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from mypack import typed\n"
    "import mypack.plain\nfrom mypack import named\nfrom . import relative\n\n\ndef f():\n    from mypack.late import x\n"
    "    _mentioned = beside_unused\n\n\ntry:\n    import beside\nexcept ImportError:\n    import other.inner as y\n",
    "mypack/plain.py": "from mypack.far import z",
    "mypack/far.py": "import mypack.too_dark",
    "mypack/named.py": "",
    "mypack/relative/__init__.py": "from .deep import *",
    "mypack/relative/deep.py": "from ..climbs import a",
    "mypack/relative/words.txt": "one",
    "mypack/climbs.py": "",
    "mypack/late.py": "x = 1",
    "mypack/typed.py": "",
    "mypack/unused.py": "",
    "mypack/_mentioned.py": "",
    "mypack/lists/words.txt": "two",
    "mypack/sub/__init__.py": "",
    "mypack/sub/words.txt": "three",
    "beside.py": "import json, torch",
    "beside_unused.py": "",
    "other/inner.py": "",
    "other/left.py": "",
}
COUNTS = {
    "mypack/__init__.py",
    "mypack/too_dark.py",
    "mypack/plain.py",
    "mypack/far.py",
    "mypack/named.py",
    "mypack/relative/__init__.py",
    "mypack/relative/deep.py",
    "mypack/relative/words.txt",
    "mypack/climbs.py",
    "mypack/late.py",
    "mypack/lists/words.txt",
    "beside.py",
    "other/inner.py",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_the_code_of_a_step_is_all_it_imports_and_the_data_beside_it(package: Path) -> None:
    files = {file.relative_to(package).as_posix() for file in code_files("mypack.too_dark").values()}
    assert files == COUNTS


@pytest.mark.parametrize("name", sorted(PACKAGE))
def test_a_changed_file_changes_the_code_only_where_it_counts(package: Path, name: str) -> None:
    digest = fingerprint.digest_of_code.__wrapped__
    before = digest("mypack.too_dark")
    (package / name).write_text(PACKAGE[name] + "\n#")
    assert (digest("mypack.too_dark") != before) == (name in COUNTS)


def test_where_the_code_lies_is_no_part_of_it(package: Path) -> None:
    assert str(package) not in json.dumps(sorted(code_files("mypack.too_dark")))


def test_our_own_engine_and_installed_packages_are_no_code_of_a_step() -> None:
    names = {
        name.split(".")[1] for use in ("stages.extract_html", "stages.score_clip") for name in code_files(f"interloom.{use}")
    }
    assert names == {"stages"}


def test_a_local_name_that_looks_like_a_module_pulls_in_nothing() -> None:
    """`transcribe_speech` has a function `_clip`; no module of CLIP counts for it."""
    assert not [
        name for name in code_files("interloom.stages.transcribe_speech") if name.startswith("interloom.stages._clip.towers")
    ]


def test_a_broken_neighbour_counts_by_its_bytes(package: Path) -> None:
    (package / "mypack/late.py").write_text("def (")
    assert "mypack.late" in code_files("mypack.too_dark")


def test_a_file_counts_by_content_and_not_by_time(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("one")
    before = digests_of_files([str(file)], [])
    os.utime(file, (1, 1))
    assert digests_of_files([str(file)], []) == before
    file.write_text("two")
    os.utime(file, (1, 1))
    assert digests_of_files([str(file)], []) != before


def test_a_folder_counts_with_all_below_it_wherever_it_lies(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "weights.bin").write_bytes(b"1")
    first, second = (digests_of_files([str(tmp_path / name)], []) for name in ("first", "second"))
    assert list(first.values()) == list(second.values())
    (tmp_path / "second" / "deep" / "weights.bin").write_bytes(b"2")
    assert list(digests_of_files([str(tmp_path / "second")], []).values()) != list(first.values())


def test_an_input_counts_by_size_and_time(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"1")
    before = digests_of_files([], [str(tmp_path)])
    os.utime(tmp_path / "a.jpg", (1, 1))
    assert digests_of_files([], [str(tmp_path)]) != before


def test_an_object_in_s3_counts_by_its_etag(s3: str) -> None:
    digests = []
    for text in (b"one", b"two", b"one"):
        storage.write(f"{s3}/words.txt", text)
        digests.append(digests_of_files([f"{s3}/words.txt"], []))
    assert digests[0] == digests[2] != digests[1]


def test_a_file_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or folder"):
        digests_of_files([str(tmp_path / "absent")], [])


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], Path]:
    """A file of 16 MiB that is old enough to be remembered."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("interloom.pipeline.planning.file_digests._SETTLED_S", 0.0)

    def write(first: bytes) -> Path:
        file = tmp_path / "weights.bin"
        file.write_bytes(first + bytes(16 << 20))
        return file

    return write


def test_a_large_file_is_read_once_by_all_processes(large: Callable[[bytes], Path], tmp_path: Path) -> None:
    file = large(b"1")
    digest = digest_of_file(str(file))
    [entry] = (tmp_path / "cache/interloom/sha256").iterdir()
    entry.write_text("f" * 64)
    code = "import sys; from interloom.pipeline.planning.file_digests import digest_of_file; print(digest_of_file(sys.argv[1]))"
    told = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    assert (digest_of_file(str(file)), told.stdout.strip()) == (digest, "f" * 64)


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_read_again(large: Callable[[bytes], Path]) -> None:
    file = large(b"1")
    os.utime(file, ns=(10**18, 10**18))
    first = digest_of_file(str(file))
    file.unlink()
    large(b"2")
    os.utime(file, ns=(10**18, 10**18))
    assert digest_of_file(str(file)) != first


def test_a_cache_that_cannot_be_written_is_no_error(
    large: Callable[[bytes], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(digest_of_file(str(large(b"1")))) == 64


Fingerprints = Callable[..., dict[str, str]]


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def test_an_edited_block_list_is_used_and_exactly_the_steps_below_run_again(
    run: Callable[..., FinishedPhases], crawl: Callable[..., str], tmp_path: Path
) -> None:
    blocked, paths = tmp_path / "blocked.txt", crawl(["all about ham", "all about eggs", "all about tea"])
    steps = (
        ("stages.read_documents", {"paths": paths}),
        {"use": "scores_length"},
        ("filters.word_blocklist", {"file": str(blocked), "count_at_most": 0}),
        "stages.dedup_exact",
        "stages.write_parquet",
    )
    ran, kept = [], []
    for words in ("ham", "ham\neggs", "ham\neggs"):
        blocked.write_text(words)
        done = run(*steps)
        ran.append({name: results.phase.fingerprint for name, results in done.phases.items()})
        kept.append(json.loads((tmp_path / "run/write_parquet/manifest.json").read_text())["documents"])
    assert kept == [2, 1, 1]
    assert changed(ran[0], ran[1]) == set(ran[0]) - {"read_documents"}
    assert changed(ran[1], ran[2]) == set()


CLIP = Path(fingerprint.__file__).parents[2] / "jobs" / "demo" / "assets" / "shapes_clip"


@pytest.mark.parametrize("name", ["model.safetensors", "open_clip_config.json"])
def test_a_replaced_checkpoint_scores_again_and_nothing_above(
    planned: Callable[..., Plan], crawl: Callable[..., str], tmp_path: Path, name: str
) -> None:
    model, paths = tmp_path / "model", crawl(["one"])
    shutil.copytree(CLIP, model)

    def phases() -> dict[str, str]:
        read, score = ("stages.read_documents", {"paths": paths}), ("stages.score_clip", {"model": str(model)})
        return {phase.name: phase.fingerprint for phase in cut(planned(read, "scores_length", score, "stages.write_parquet"))}

    before = phases()
    content = (model / name).read_bytes()
    (model / name).write_bytes(content.replace(b"}", b" }", 1) if name.endswith("json") else content[:-1] + b"\x01")
    assert changed(before, phases()) == set(before) - {"read_documents"}
    (model / name).write_bytes(content)
    assert phases() == before


def test_a_sketch_is_made_again_when_its_code_changes(
    planned: Callable[..., Plan], crawl: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def phases() -> list[Phase]:
        read = ("stages.read_documents", {"paths": crawl(["one"])})
        return list(cut(planned(read, "scores_length", "stages.dedup_exact", "stages.write_parquet")))

    before = {phase.name: phase.fingerprint for phase in phases()}
    plugins.find.cache_clear()
    monkeypatch.setattr(
        plugins, "digest_of_code", lambda use: digest_of_code(use) + "!" * (use == "interloom.stages.dedup_exact")
    )
    after = {phase.name: phase.fingerprint for phase in phases()}
    plugins.find.cache_clear()
    assert changed(before, after) == set(before) - {"read_documents"}
    assert "dedup_exact.sketch" in before


def test_a_process_that_lives_on_reads_a_changed_file_again(
    planned: Callable[..., Plan], crawl: Callable[..., str], tmp_path: Path
) -> None:
    """A step is kept by its process with all that it loaded; another content of its files is another step."""
    blocked = tmp_path / "blocked.txt"
    built = []
    for words in ("ham", "eggs", "ham"):
        blocked.write_text(words)
        plan = planned(
            ("stages.read_documents", {"paths": crawl(["one"])}),
            ("filters.word_blocklist", {"file": str(blocked)}),
            "stages.write_parquet",
        )
        built.append(plan.steps[1].build())
    assert built[0] is built[2] is not built[1]
