"""Python runs this at the start of every process that has this folder on its path: workers and the children that decode.

With INTERLOOM_TEST_FAULTS set, the JPEG decoder of such a process crashes on a picture whose comment says so, as a decoder
with a real fault in its C code would. With INTERLOOM_TEST_KILLS, "<times> <folder>", children that work on videos with a name
such as `bad.probe.1` are killed so many times, here the reader of headers, after one time when it is not. `bad.score_motion.0`
means the decoder of that step. Each attempt leaves a mark in the folder. Everything of ours runs as it is.
"""

import ctypes
import os
import re
import signal
import sys
from typing import Any

if os.environ.get("INTERLOOM_TEST_FAULTS"):
    from PIL.JpegImagePlugin import JpegImageFile

    _load = JpegImageFile.load

    def _crashing_load(self: JpegImageFile) -> object:
        if b"segfault" in self.info.get("comment", b""):
            ctypes.string_at(0)
        return _load(self)

    vars_of_class: Any = JpegImageFile
    vars_of_class.load = _crashing_load


def _kill_if_due(child: str, words: str) -> None:
    """Kills this process if it is the child that the video's name says, and the attempt is due."""
    times, folder = os.environ["INTERLOOM_TEST_KILLS"].split()
    bad = re.search(rf"bad\.{child}\.(\d)", words)
    if bad is None:
        return
    number = sum(name.startswith(f"{bad[0]}-") for name in os.listdir(folder))
    os.close(os.open(os.path.join(folder, f"{bad[0]}-{number}"), os.O_CREAT))
    if int(bad[1]) <= number < int(bad[1]) + int(times):
        os.kill(os.getpid(), signal.SIGKILL)


def _watch(frame: Any, event: str, argument: object) -> None:
    """A profile hook for the decoder of an isolated step: sees the document that it is about to work on."""
    if event == "call" and frame.f_code.co_name == "_outcomes" and frame.f_code.co_filename.endswith("execution/sandbox.py"):
        _kill_if_due(sys.orig_argv[4].removeprefix("stages."), os.path.basename(frame.f_locals["doc"].source.path))


if os.environ.get("INTERLOOM_TEST_KILLS"):
    if "interloom.stages._video.probe" in sys.orig_argv:
        _kill_if_due("probe", os.path.basename(sys.orig_argv[-2]))
    elif "interloom.pipeline.execution.sandbox" in sys.orig_argv:
        sys.setprofile(_watch)
