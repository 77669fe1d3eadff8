"""What a worker on another machine sees of the driver's files: relative paths mean the driver's folder, or fail."""

from __future__ import annotations

import os
import socket
from functools import lru_cache

from interloom.pipeline.errors import ConfigError, UnitError
from interloom.pipeline.stage import Split
from interloom.pipeline.store import storage
from interloom.pipeline.temporary import folder_until_exit


@lru_cache(maxsize=1)
def take(home: str, run: str) -> None:
    """Lets relative paths in this process begin at `home`, the driver's folder; where this machine has no such folder they lead
    nowhere. Without `home` they begin where they do (in a Ray job: in the copy of its working directory).

    Raises ConfigError if this machine does not see the run's folder.
    """
    if home and os.path.isdir(home):
        os.chdir(home)
    elif home:
        os.chdir(folder_until_exit("nowhere"))
    if not storage.is_remote(run) and not os.path.isfile(os.path.join(run, "plan.json")):
        way_out = "choose a run folder on a file system that all machines share, or s3://bucket/key"
        raise ConfigError(f"{run}: a worker on {socket.gethostname()} does not see this run's folder; {way_out}")


def check_split(split: Split) -> None:
    """Raises UnitError if the file under this name here has another size than the one that the driver listed."""
    listed = split.identity.partition("-")[0]
    if storage.is_remote(split.path) or not listed.isdigit():
        return
    size = os.stat(split.path).st_size
    if size != int(listed):
        changed = "it was changed since, or this machine has another file under this name"
        raise UnitError(f"{split.path}: {size} bytes on {socket.gethostname()}, {listed} when it was listed; {changed}")
