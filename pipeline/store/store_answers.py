"""What the modules of object stores have in common: errors told in a line, writes that others disturb, the store's clock."""

from __future__ import annotations

import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import wraps
from typing import ParamSpec, TypeVar

from interloom.pipeline.errors import UnitError, in_a_line

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 8
"""How often a write is tried that others disturb. Our choice."""
_ANSWER_S = 30


def with_errors_told(told: Callable[[str], AbstractContextManager[None]]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A decorator of functions whose first argument is a path: `told(path)` says in our own errors what went wrong with it."""

    def decorate(call: Callable[P, T]) -> Callable[P, T]:
        @wraps(call)
        def clear(*args: P.args, **kwargs: P.kwargs) -> T:
            with told(str(args[0])):
                return call(*args, **kwargs)

        return clear

    return decorate


def undisturbed(path: str, attempt: Callable[[], T | None]) -> T:
    """What `attempt` returns. None says that somebody else wrote the object in between: it is tried again, after pauses that grow
    and are spread. Raises UnitError after the last time."""
    for number in range(ATTEMPTS):
        if (result := attempt()) is not None:
            return result
        time.sleep(random.random() * min(0.1 * 2**number, 5.0))
    raise UnitError(f"{path}: others kept writing it at the same time")


def time_at(endpoint: str) -> datetime:
    """What a store's clock says, as it stands in any of its answers, also in a refusal. Raises UnitError without one."""
    try:
        with urllib.request.urlopen(urllib.request.Request(endpoint, method="HEAD"), timeout=_ANSWER_S) as answer:
            date = answer.headers["Date"]
    except urllib.error.HTTPError as error:
        with error:
            date = error.headers["Date"]
    except OSError as error:
        raise UnitError(f"{endpoint}: {in_a_line(error)}") from error
    return parsedate_to_datetime(date)
