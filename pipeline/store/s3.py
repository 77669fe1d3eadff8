"""Objects on any S3 endpoint: one client per process, retries with jitter, errors in one clear line. Used by `storage` alone.

Endpoint, region and credentials come from the usual AWS_* environment and files (AWS_ENDPOINT_URL for other stores).
"""

from __future__ import annotations

import errno
import importlib.util
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from interloom.pipeline.errors import ConfigError, DamageError, UnitError, in_a_line

P = ParamSpec("P")
T = TypeVar("T")

SCHEME = "s3://"
MULTIPART_BYTES = 64 << 20
ATTEMPTS = 8

_MISSING = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}
_DENIED = {"401", "403", "AccessDenied", "AllAccessDisabled", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken"}
_DENIED |= {"SignatureDoesNotMatch"}
_TOO_SHORT = {"416", "InvalidRange"}
_making = threading.Lock()


def parts(path: str) -> tuple[str, str]:
    """The bucket and the key of `s3://bucket/key`."""
    bucket, _, key = path.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise ConfigError(f"{path}: no bucket; write s3://bucket/key")
    return bucket, key


def client() -> Any:
    """The process's client: safe to share between threads, made anew after a fork or when the environment changes."""
    settings = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))
    with _making:
        return _client(os.getpid(), settings)


@lru_cache(maxsize=4)
def _client(pid: int, settings: tuple[tuple[str, str], ...]) -> Any:
    import boto3
    from botocore.config import Config

    options: dict[str, Any] = {
        "retries": {"mode": "standard", "max_attempts": ATTEMPTS},
        "connect_timeout": 10,
        "read_timeout": 60,
        "max_pool_connections": 32,
    }
    names = dict(settings)
    if "AWS_ENDPOINT_URL" in names or "AWS_ENDPOINT_URL_S3" in names:
        # Stores other than AWS often refuse the trailing checksums that boto3 adds to every upload since 1.36.
        options |= {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
    return boto3.session.Session().client("s3", config=Config(**options))


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Says what went wrong with `path` in our own errors."""
    from boto3.exceptions import S3UploadFailedError
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

    try:
        yield
    except ClientError as error:
        raise _translated(path, str(error.response["Error"].get("Code", "")), error) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise ConfigError(
            f"{path}: {in_a_line(error)}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE"
        ) from error
    except S3UploadFailedError as error:
        cause = error.__context__
        code = str(cause.response["Error"].get("Code", "")) if isinstance(cause, ClientError) else ""
        raise _translated(path, code, error) from error
    except BotoCoreError as error:
        raise UnitError(f"{path}: {in_a_line(error)}") from error


def _translated(path: str, code: str, error: Exception) -> Exception:
    if code == "NoSuchBucket":
        return ConfigError(f"{path}: no such bucket; create it or check its name")
    if code in _MISSING:
        return FileNotFoundError(errno.ENOENT, "no such object or bucket", path)
    if code in _DENIED:
        return ConfigError(f"{path}: access denied ({code}); check the AWS_* credentials and the bucket's policy")
    if code in _TOO_SHORT:
        return DamageError(path, "it is shorter than it was; it is cut or was replaced")
    return UnitError(f"{path}: {in_a_line(error)}")


def clearly(call: Callable[P, T]) -> Callable[P, T]:
    """`call` with its errors told; the path is its first argument."""

    @wraps(call)
    def clear(*args: P.args, **kwargs: P.kwargs) -> T:
        with _told(str(args[0])):
            return call(*args, **kwargs)

    return clear


@clearly
def read(path: str, span: tuple[int, int] | None = None, etag: str = "") -> bytes:
    """The object's bytes, or those of `span` (first, last); a connection that breaks within the body is tried again.

    With `etag` an object that was replaced meanwhile is a UnitError.
    """
    from botocore.exceptions import ConnectionError as Broken
    from botocore.exceptions import HTTPClientError, IncompleteReadError

    bucket, key = parts(path)
    options: dict[str, Any] = {"Bucket": bucket, "Key": key}
    options |= {"Range": f"bytes={span[0]}-{span[1]}"} if span else {}
    options |= {"IfMatch": etag} if etag else {}
    for attempt in range(ATTEMPTS):
        try:
            return bytes(client().get_object(**options)["Body"].read())
        except (IncompleteReadError, Broken, HTTPClientError):
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(random.random() * min(0.2 * 2**attempt, 10.0))
    raise AssertionError("unreachable")


@clearly
def head(path: str) -> tuple[int, str] | None:
    """Size in bytes and etag; None when there is no such object."""
    from botocore.exceptions import ClientError

    bucket, key = parts(path)
    if not key:
        return None
    try:
        found = client().head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"].get("Code") in _MISSING:
            return None
        raise
    return found["ContentLength"], found["ETag"].strip('"')


@clearly
def put(path: str, data: bytes) -> None:
    bucket, key = parts(path)
    client().put_object(Bucket=bucket, Key=key, Body=data)


@clearly
def upload(path: str, local_file: Path) -> None:
    """A file of any size, in parts when it is large; what was sent of a failed upload is taken back."""
    from boto3.s3.transfer import TransferConfig

    bucket, key = parts(path)
    plan = TransferConfig(multipart_threshold=MULTIPART_BYTES, multipart_chunksize=16 << 20, max_concurrency=4)
    client().upload_file(str(local_file), bucket, key, Config=plan)


@clearly
def ages(folder: str) -> dict[str, float]:
    """How many seconds ago each object right in a folder was written, by the store's clock."""
    bucket, key = parts(folder.rstrip("/") + "/")
    found: dict[str, float] = {}
    for page in client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key, Delimiter="/"):
        now = parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"])
        found |= {o["Key"].removeprefix(key): (now - o["LastModified"]).total_seconds() for o in page.get("Contents", ())}
    return found


def listing(prefix: str, *, deep: bool = True) -> list[tuple[str, int, str]]:
    """(path, size, etag) of all objects whose path starts with `prefix`, or of those before the next slash, where deeper
    ones show as one path that ends in a slash."""
    bucket, key = parts(prefix)
    options: dict[str, Any] = {"Bucket": bucket, "Prefix": key} | ({} if deep else {"Delimiter": "/"})
    found: list[tuple[str, int, str]] = []
    try:
        with _told(prefix):
            for page in client().get_paginator("list_objects_v2").paginate(**options):
                found += [(f"{SCHEME}{bucket}/{o['Key']}", o["Size"], o["ETag"].strip('"')) for o in page.get("Contents", ())]
                found += [(f"{SCHEME}{bucket}/{o['Prefix']}", 0, "") for o in page.get("CommonPrefixes", ())]
    except FileNotFoundError:
        return []
    return sorted(found)


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
        found = resolver.load_credentials() is not None
    except BotoCoreError as error:
        return f"{path}: {in_a_line(error)}"
    if found or _machine_has_a_role():
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


@clearly
def remove(path: str) -> None:
    """Deletes the object; S3 does not mind if it is not there."""
    bucket, key = parts(path)
    client().delete_object(Bucket=bucket, Key=key)
