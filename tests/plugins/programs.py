"""Makes programs for tests: an ffmpeg and a tesseract that are killed at bad videos as `sitecustomize` says.

An ffmpeg that cuts a clip is called `clip` there. This tesseract sees one word on every picture, and knows the bad videos by
their width.
"""

import os
import sys
from pathlib import Path

KILLS = """#!{python}
import os, struct, sys
sys.path.insert(0, "{here}")
from sitecustomize import _kill_if_due
"""
FFMPEG = """
if os.environ.get("INTERLOOM_TEST_KILLS"):
    words = " ".join(sys.argv)
    _kill_if_due("clip" if "interloom-clip" in words else "ffmpeg", words)
os.execv("{ffmpeg}", ["ffmpeg", *sys.argv[1:]])
"""
TESSERACT = """
if "--list-langs" in sys.argv:
    print("List of available languages (1):\\neng")
    sys.exit()
width, _ = struct.unpack(">II", sys.stdin.buffer.read()[16:24])
if os.environ.get("INTERLOOM_TEST_KILLS") and width == {bad_width}:
    _kill_if_due("tesseract", "bad.tesseract.0")
columns = "level page_num block_num par_num line_num word_num left top width height conf text"
print(*columns.split(), sep="\\t")
print(5, 1, 1, 1, 1, 1, 10, 10, 40, 12, 96, "seen", sep="\\t")
"""


def make_programs(folder: Path, ffmpeg: str, bad_width: int) -> str:
    """Writes both. Returns a PATH on which they are the first of their name."""
    folder.mkdir()
    for name, text in (("ffmpeg", FFMPEG), ("tesseract", TESSERACT)):
        here = Path(__file__).parent
        text = (KILLS + text).format(python=sys.executable, here=here, ffmpeg=ffmpeg, bad_width=bad_width)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"
