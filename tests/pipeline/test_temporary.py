"""What a killed process left in the temporary folder goes with the next process; everything else stays."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from interloom.pipeline.process_identity import this_process
from interloom.pipeline.temporary import remove_left_behind, temporary_file, temporary_folder

DEAD = replace(this_process(), started=1)
ELSEWHERE = replace(this_process(), machine="0123456789ab")


def left_by_a_killed_process(folder: Path) -> list[str]:
    code = (
        "import os, signal; from interloom.pipeline import temporary as t; "
        "kept = [t.temporary_folder(), t.temporary_folder('clip'), t.temporary_file('video', '.mp4')]; "
        "t.folder_until_exit('code'); "
        "open(os.path.join(kept[0].name, 'x'), 'w').close(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=False, env={**os.environ, "TMPDIR": str(folder)})
    assert ended.returncode < 0
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    assert len(left_by_a_killed_process(tmp_path)) == 4
    left_by_a_second = left_by_a_killed_process(tmp_path)
    assert len(left_by_a_second) == 4
    remove_left_behind(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_nothing_else_is_removed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "x").touch()
    mine = ["notes.txt", "interloom-abcdefgh", f"interloom-{this_process()}-abc", f"interloom-{ELSEWHERE}-abc", f"x-{DEAD}-abc"]
    for name in mine:
        (tmp_path / name).mkdir()
    (tmp_path / f"interloom-clip-{DEAD}-link").symlink_to(tmp_path / "precious", target_is_directory=True)
    (tmp_path / f"interloom-{DEAD}-gone").mkdir()
    remove_left_behind(str(tmp_path))
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*mine, "precious", f"interloom-clip-{DEAD}-link"}
    assert (tmp_path / "precious" / "x").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
def test_what_others_left_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / f"interloom-{DEAD}-abc"
    path.mkdir()
    os.chown(path, 12345, 12345)
    remove_left_behind(str(tmp_path))
    assert path.exists()


def test_what_is_in_use_is_there_and_goes_with_its_end() -> None:
    with temporary_folder() as folder, temporary_file("audio", ".raw") as file:
        remove_left_behind(str(Path(folder).parent))
        assert Path(folder).is_dir()
        assert Path(file.name).name.endswith(".raw")
    assert not Path(folder).exists()
    assert not Path(file.name).exists()
