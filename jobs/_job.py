"""A job of a Ray cluster that runs a recipe, its id, and the run that it is of."""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass
from typing import Any

RUN, RECIPE = "interloom_run", "interloom_recipe"
"""In the metadata of a job: what it runs."""
_LONGEST_STEM = 100
"""Characters of a job's id before its number: Ray makes a file name of it, and more."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job that runs a recipe. Times are seconds since 1970, None before they are known; `status` is Ray's."""

    id: str
    run: str
    recipe: str
    status: str
    message: str = ""
    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None

    @property
    def is_over(self) -> bool:
        return self.status in ("SUCCEEDED", "FAILED", "STOPPED")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def is_same_run(folder: str, other: str) -> bool:
    """Whether two names mean the folder of one run: s3://bucket/web and s3://bucket/web/."""
    return folder.rstrip("/") == other.rstrip("/")


def id_for(run: str, jobs: list[Job]) -> str:
    """The id of the next job of a run: s3://bucket/web, second job -> "interloom-bucket-web-2"."""
    stem = "interloom-" + re.sub(r"[^A-Za-z0-9._-]+", "-", run.partition("://")[2] or run).strip("-")
    if len(stem) > _LONGEST_STEM:
        hashed = hashlib.sha256(stem.encode()).hexdigest()[:8]
        stem = f"{stem[: _LONGEST_STEM - 9]}-{hashed}"
    numbers = [int(job.id.removeprefix(f"{stem}-")) for job in jobs if job.id.removeprefix(f"{stem}-").isdigit()]
    return f"{stem}-{max(numbers, default=0) + 1}"
