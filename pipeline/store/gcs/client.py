"""The client for Google Cloud Storage of a process, with errors in one clear line.

Credentials are Google's application default: GOOGLE_APPLICATION_CREDENTIALS, those of `gcloud`, the account of the machine. The
library fetches tokens anew before they end, and tries requests again after pauses that grow and are spread.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any

from interloom.pipeline.errors import AccessError, ConfigError, DamageError, InterloomError, UnitError, in_a_line
from interloom.pipeline.store.object_stores import parts
from interloom.pipeline.store.store_answers import time_at, with_errors_told

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
    """What the store's clock says."""
    return time_at(os.environ.get(_EMULATOR) or "https://storage.googleapis.com")


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


clearly = with_errors_told(_told)
"""Of functions whose first argument is the path."""


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
