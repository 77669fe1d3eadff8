"""Errors of the system in a line that says where."""

from __future__ import annotations

import errno
import tempfile

import pytest

from interloom.pipeline.errors import of_the_system

FULL = "No space left on device"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, FULL), f"{FULL}: {tempfile.gettempdir()}, the folder for temporary files (TMPDIR names another)"),
        (OSError(errno.ENOSPC, FULL, "/data/run/part"), f"{FULL}: '/data/run/part'"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
    ],
)
def test_a_full_disk_is_named_also_where_the_system_names_no_file(error: OSError, told: str) -> None:
    assert str(of_the_system(error)) == f"OSError: [Errno {error.errno}] {told}"
