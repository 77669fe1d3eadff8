"""Python runs this at the start of every process that has this folder on its path: workers and the children that decode.

With INTERLOOM_TEST_FAULTS set, the JPEG decoder of such a process crashes on a picture whose comment says so, as a decoder
with a real fault in its C code would. Everything of ours runs as it is.
"""

import ctypes
import os
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
