"""Runs that are broken at random moments end as undisturbed ones do. More of them, by hand: `python -m benchmarks faults`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.ray]
ROOT = Path(__file__).parents[1]
SEEDS = ("1", "2", "4")
"""Workers and children killed on Ray; a driver killed while 5 % of the requests to S3 fail; a disk that is full."""


@pytest.mark.timeout(580)
def test_faults_at_random_moments_change_nothing_and_leave_nothing_behind() -> None:
    command = [sys.executable, "-m", "benchmarks", "faults", "--only", *SEEDS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=570)
    assert done.returncode == 0, done.stdout + done.stderr
