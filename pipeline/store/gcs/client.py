"""The client for Google Cloud Storage of a process, with errors in one clear line.

Credentials are Google's application default: GOOGLE_APPLICATION_CREDENTIALS, those of `gcloud`, the account of the machine. The
library fetches tokens anew before they end, and tries requests again after pauses that grow and are spread.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

from interloom.pipeline.errors import AccessError, ConfigError, DamageError, InterloomError, UnitError, in_a_line
from interloom.pipeline.store.object_stores import parts

P = ParamSpec("P")
T = TypeVar("T")

_EMULATOR = "STORAGE_EMULATOR_HOST"
_making = threading.Lock()


def bucket_of(path: str) -> tuple[Any, str]:
    """The bucket's client and the key of `gs://bucket/key`."""
    bucket, key = parts(path)
    return _client().bucket(bucket), key


def _client() -> Any:
    """The process's client, made anew after a fork or when the environment changes."""
    names = ("GOOGLE_", "CLOUDSDK_", _EMULATOR)
    environment = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith(names)))
    with _making:
        return _made(os.getpid(), environment)


@lru_cache(maxsize=4)
def _made(pid: int, environment: tuple[tuple[str, str], ...]) -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage as library

    given = {"credentials": AnonymousCredentials()} if os.environ.get(_EMULATOR) else {}
    return library.Client(project=os.environ.get("GOOGLE_CLOUD_PROJECT", "none"), **given)


def store_time() -> datetime:
    """What the store's clock says, as it stands in any of its answers, also in one that refuses us."""
    endpoint = os.environ.get(_EMULATOR) or "https://storage.googleapis.com"
    try:
        with urllib.request.urlopen(urllib.request.Request(endpoint, method="HEAD"), timeout=30) as answer:
            date = answer.headers["Date"]
    except urllib.error.HTTPError as error:
        with error:
            date = error.headers["Date"]
    except OSError as error:
        raise UnitError(f"{endpoint}: {in_a_line(error)}") from error
    return parsedate_to_datetime(date)


def clearly(call: Callable[P, T]) -> Callable[P, T]:
    """`call` with its errors told; the path is its first argument."""

    @wraps(call)
    def clear(*args: P.args, **kwargs: P.kwargs) -> T:
        with _told(str(args[0])):
            return call(*args, **kwargs)

    return clear


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Says what went wrong with `path` in our own errors."""
    if problem := credentials_problem(path):
        raise ConfigError(problem)
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from requests import RequestException

    try:
        yield
    except GoogleAuthError as error:
        way_out = "set GOOGLE_APPLICATION_CREDENTIALS or run `gcloud auth application-default login`"
        raise AccessError(f"{path}: no credentials: {in_a_line(error, 200)}; {way_out}") from error
    except GoogleAPIError as error:
        raise _translated(path, error) from error
    except RequestException as error:
        raise UnitError(f"{path}: {in_a_line(error)}") from error


def _translated(path: str, error: Exception) -> InterloomError | FileNotFoundError:
    from google.api_core import exceptions

    if isinstance(error, exceptions.NotFound):
        return FileNotFoundError(errno.ENOENT, "no such object or bucket", path)
    if isinstance(error, (exceptions.Forbidden, exceptions.Unauthorized)):
        return AccessError(f"{path}: access denied ({error.code}); check the credentials and the bucket's rights")
    if isinstance(error, exceptions.RequestRangeNotSatisfiable):
        return DamageError(path, "it is shorter than it was; it is cut or was replaced")
    return UnitError(f"{path}: {in_a_line(error)}")


def credentials_problem(path: str) -> str | None:
    """Why objects cannot be reached from here, found without the network: the library is missing."""
    return None if _is_installed() else f"{path}: google-cloud-storage is not installed; pip install 'interloom[gcs]'"


@lru_cache(maxsize=1)
def _is_installed() -> bool:
    return importlib.util.find_spec("google") is not None and importlib.util.find_spec("google.cloud.storage") is not None
