"""Each file that a folder or pattern names is named once, whatever links there are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store import storage
from interloom.schemas.text_forms import storable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files, a link to one of them, a link to a file elsewhere, links to folders, one of them in a circle, a broken link."""
    for name in ("in/a.html", "in/deep/b.html", "elsewhere/c.html", "elsewhere/more/d.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("page")
    links = {"in/copy.html": "a.html", "in/e.html": "../elsewhere/c.html", "in/more": "../elsewhere/more"}
    links |= {"in/circle": "../in", "in/deep/up": "..", "in/gone.html": "nothing"}
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    return tmp_path / "in"


@pytest.mark.parametrize("pattern", ["", "/", "/**", "/**/*.html", "/../in/**/*"])
def test_each_file_is_named_once(folder: Path, pattern: str) -> None:
    names = [os.path.relpath(file.path, folder) for file in storage.glob(f"{folder}{pattern}")]
    assert names == ["a.html", "deep/b.html", "e.html", "more/d.html"]


def test_a_folder_that_is_removed_while_others_are_listed_holds_nothing(folder: Path) -> None:
    script = """if True:
        import os, sys
        while True:
            for change in os.mkdir, os.rmdir:
                for n in range(20):
                    change(f"{sys.argv[1]}/{n}")"""
    other = subprocess.Popen([sys.executable, "-c", script, str(folder)])
    try:
        listings = {len(storage.glob(str(folder))) for _ in range(2000)}
    finally:
        other.kill()
        other.wait()
    assert listings == {4}


def test_a_pattern_without_folders_names_what_matches(folder: Path) -> None:
    assert [Path(file.path).name for file in storage.glob(f"{folder}/*.html")] == ["a.html", "e.html"]


def test_a_relative_pattern_gives_relative_paths(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert [file.path for file in storage.glob("**/b.html")] == ["deep/b.html"]
    assert [file.path for file in storage.glob("deep/**")] == [
        "deep/b.html",
        "deep/up/a.html",
        "deep/up/e.html",
        "deep/up/more/d.html",
    ]


def test_hidden_folders_are_in_a_folder_but_in_no_pattern(folder: Path) -> None:
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "h.html").write_text("page")
    assert f"{folder}/.hidden/h.html" in [file.path for file in storage.glob(str(folder))]
    assert f"{folder}/.hidden/h.html" not in [file.path for file in storage.glob(f"{folder}/**/*.html")]


def test_links_to_nothing_are_told(folder: Path) -> None:
    for pattern in ("", "/**/*.html", "/*.html"):
        assert storage.broken_links(f"{folder}{pattern}") == [f"{folder}/gone.html"]


def test_a_folder_that_cannot_be_read_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("/deep"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ConfigError, match=r"/in/deep: access denied; check the permissions, or name the files without it$"):
        storage.glob(str(folder))


@pytest.mark.parametrize("name", [b"caf\xe9 \xff.mp4", rb"a\xff.mp4", "é.mp4".encode()])
def test_a_file_is_found_again_by_the_form_in_which_its_name_is_stored(tmp_path: Path, name: bytes) -> None:
    file = tmp_path / os.fsdecode(name)
    file.write_text("film")
    stored = storable(str(file))
    stored.encode()
    with storage.open(stored) as opened:
        assert storage.read(stored) == opened.read() == storage.read_range(stored, 0, 4) == b"film"


def test_a_link_that_leads_round_in_a_circle_is_a_link_to_nothing(folder: Path) -> None:
    (folder / "loop").symlink_to("loop")
    assert [Path(file.path).name for file in storage.glob(str(folder))] == ["a.html", "b.html", "e.html", "d.html"]
    assert storage.broken_links(str(folder)) == [f"{folder}/gone.html", f"{folder}/loop"]
