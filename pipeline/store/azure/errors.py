"""What obstore says of Azure in our own errors, in a line."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from interloom.pipeline.errors import AccessError, ConfigError, DamageError, InterloomError, UnitError, in_a_line
from interloom.pipeline.store.azure.client import credentials_problem
from interloom.pipeline.store.store_answers import with_errors_told

_CODE = re.compile(r"<Code>(\w+)</Code>")
_MACHINES_OWN = "//169.254."
"""Addresses of the server that hands out the tokens of a machine's own identity."""
_DETAILS = "\n\nDebug source:"


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Says what went wrong with `path` in our own errors."""
    if problem := credentials_problem(path):
        raise ConfigError(problem)
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, FileNotFoundError, ValueError) as error:
        raise _translated(path, error) from error


clearly = with_errors_told(_told)
"""Of functions whose first argument is the path."""


def _translated(path: str, error: Exception) -> InterloomError | FileNotFoundError:
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    code = _code_of(error)
    if code == "ContainerNotFound":
        return ConfigError(f"{path}: no such container; create it or check its name")
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, "no such object or container", path)
    if isinstance(error, (PermissionDeniedError, UnauthenticatedError)):
        return AccessError(f"{path}: access denied ({code}); check the AZURE_STORAGE_* credentials and the container's rights")
    if code == "InvalidRange":
        return DamageError(path, "it is shorter than it was; it is cut or was replaced")
    line = in_a_line(Exception(str(error).partition(_DETAILS)[0].partition("<?xml")[0]))
    if "Invalid Access Key" in line:
        return AccessError(f"{path}: the account key is no base64 text; check AZURE_STORAGE_ACCOUNT_KEY or the connection string")
    if "token request" in line:
        cause = "none are set, and this machine has no managed identity" if _MACHINES_OWN in line else line
        return AccessError(f"{path}: no credentials: {cause}; set AZURE_STORAGE_ACCOUNT_KEY or another kind of credentials")
    return ConfigError(f"{path}: {line}") if isinstance(error, ValueError) else UnitError(f"{path}: {line}")


def _code_of(error: Exception) -> str:
    """Azure's own word for an error: ContainerNotFound."""
    words = _CODE.search(str(error))
    return words[1] if words else type(error).__name__
