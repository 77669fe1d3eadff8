"""The client for S3 of a process: where it finds credentials, how it tries again, and what it says of that.

Endpoint, region and credentials come from the usual AWS_* environment and files (AWS_ENDPOINT_URL for other stores). Credentials
that expire are fetched anew by boto3 shortly before.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

from interloom.pipeline.errors import ConfigError, in_a_line

ATTEMPTS = 8
"""How often a request is tried. Our choice; boto3 tries 3 times."""
_TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
"""Statuses after which boto3 tries a request again, after pauses that grow and are spread."""
_FILES = {"AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials", "AWS_CONFIG_FILE": "~/.aws/config"}
_log = logging.getLogger("interloom.store")
_making = threading.Lock()
_told: set[tuple[int, str]] = set()
"""Processes and endpoints of which retries were told."""


def client() -> Any:
    """The process's client: safe to share between threads, made anew after a fork, or when the environment or the files with
    credentials change."""
    settings = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))
    with _making:
        return _client(os.getpid(), settings, _changes_of_files())


def _changes_of_files() -> tuple[int, ...]:
    """When the files with credentials and settings were changed last: other programs renew what stands there."""
    return tuple(_changed(os.environ.get(name, default)) for name, default in _FILES.items())


def _changed(file: str) -> int:
    try:
        return os.stat(os.path.expanduser(file)).st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=4)
def _client(pid: int, settings: tuple[tuple[str, str], ...], files: tuple[int, ...]) -> Any:
    import boto3
    from botocore.config import Config

    options: dict[str, Any] = {
        "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
        "connect_timeout": 10,
        "read_timeout": 60,
        "max_pool_connections": 32,
    }
    names = dict(settings)
    if "AWS_ENDPOINT_URL" in names or "AWS_ENDPOINT_URL_S3" in names:
        # Stores other than AWS often refuse the trailing checksums that boto3 adds to every upload since 1.36.
        options |= {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
    try:
        client = boto3.session.Session().client("s3", config=Config(**options))
    except ValueError as error:
        raise ConfigError(f"AWS_ENDPOINT_URL: {in_a_line(error)}; write http://HOST:PORT or https://HOST") from error
    client.meta.events.register_last("needs-retry.s3", _when_it_fails)
    return client


def _when_it_fails(operation: Any, response: Any = None, **_: Any) -> None:
    """Called after each request: tells of those that boto3 tries again."""
    status = response[0].status_code if response else 0
    if not response or status in _TRY_AGAIN:
        code = response[1].get("Error", {}).get("Code", "") if response else ""
        tell_of_retries(f"{code or status or 'no answer'} to {operation.name}")


def tell_of_retries(cause: str) -> None:
    """Says in the log that requests are tried again: once in a process for each endpoint, not for each request."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "S3"
    if (os.getpid(), endpoint) not in _told:
        _told.add((os.getpid(), endpoint))
        _log.warning("%s: %s; it is asked again after pauses, up to %d times a request (told once)", endpoint, cause, ATTEMPTS)


def credentials_problem(path: str) -> str | None:
    """Why objects cannot be reached from here, found without the network: boto3 or every kind of credentials is missing."""
    if importlib.util.find_spec("boto3") is None:
        return f"{path}: boto3 is not installed; pip install boto3"
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    try:
        resolver = Session().get_component("credential_provider")
        for provider in ("iam-role", "container-role"):  # both ask a server
            resolver.remove(provider)
        has_credentials = resolver.load_credentials() is not None
    except BotoCoreError as error:
        return f"{path}: {in_a_line(error)}"
    if has_credentials or _machine_has_a_role():
        return None
    return f"{path}: no S3 credentials found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"


def _machine_has_a_role() -> bool:
    """Whether a server on this machine may hand out credentials: a container's, or the instance's on EC2."""
    if os.environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") or os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return True
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return False
    vendor = Path("/sys/class/dmi/id/sys_vendor")
    return vendor.is_file() and "Amazon" in vendor.read_text(errors="replace")
